//! Answers as aligned columns.

use unicode_width::UnicodeWidthStr;

use super::answer::{Data, title};
use super::queries;
use crate::safe_text::escaped;

/// The answer as text lines, for a screen of so many columns.
pub(super) fn table(data: &Data, screen_columns: usize) -> String {
    match data {
        Data::Queries(queries) => queries::table(queries, screen_columns),
        Data::Done(sentence) => format!("{}\n", escaped(sentence)),
        Data::Single(text) => format!("{}\n", escaped(text)),
        Data::Names(names) => names.iter().map(|name| format!("{}\n", escaped(name))).collect(),
        Data::Sets(sets) => sets.iter().map(|labels| format!("{}\n", title(labels))).collect(),
        Data::Series(series) if series.is_empty() => "no series\n".to_owned(),
        Data::Series(series) if series.iter().all(|s| s.points.len() == 1) => {
            let rows = series.iter().map(|s| vec![title(&s.labels), escaped(&s.points[0].1)]);
            columns(rows.collect())
        }
        Data::Series(series) => {
            let mut out = String::new();
            for one in series {
                out.push_str(&format!("{}\n", title(&one.labels)));
                let rows = one.points.iter().map(|(t, v)| vec![format!("  {}", time(*t)), escaped(v)]);
                out.push_str(&columns(rows.collect()));
            }
            out
        }
    }
}

/// Seconds since the epoch as UTC.
pub(super) fn time(seconds: f64) -> String {
    jiff::Timestamp::from_millisecond((seconds * 1000.0) as i64)
        .map_or_else(|_| format!("{seconds}"), |t| t.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Rows of two cells: left, and right-aligned.
fn columns(rows: Vec<Vec<String>>) -> String {
    let width = |i: usize| rows.iter().map(|row| row[i].width()).max().unwrap_or(0);
    let (left, right) = (width(0), width(1));
    let line = |row: &Vec<String>| {
        let gap = " ".repeat(left - row[0].width() + 2 + right - row[1].width());
        format!("{}{gap}{}\n", row[0], row[1])
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::answer::Answer;
    use super::*;

    fn shown(data: &str) -> String {
        table(&Answer::read(format!(r#"{{"status":"success","data":{data}}}"#).as_bytes()).unwrap().data, 80)
    }

    #[test]
    fn tables() {
        let vector = r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"世界"},"value":[0,"1"]},{"metric":{},"value":[0,"12.5"]}]}"#;
        assert_eq!(shown(vector), "up{job=\"世界\"}     1\n{}              12.5\n");
        let matrix = r#"{"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[0,"1"],[60,"10"]]}]}"#;
        assert_eq!(shown(matrix), "up\n  1970-01-01 00:00:00   1\n  1970-01-01 00:01:00  10\n");
        assert_eq!(shown(r#"["a","b\u001b[31m"]"#), "a\nb\\x1b[31m\n");
        assert_eq!(shown(r#"{"resultType":"scalar","result":[0,"2"]}"#), "2\n");
        assert_eq!(shown(r#"{"resultType":"vector","result":[]}"#), "no series\n");
        assert_eq!(shown(r#"[{"__name__":"up","a":"\u202e"}]"#), "up{a=\"\\u202e\"}\n");
    }
}
