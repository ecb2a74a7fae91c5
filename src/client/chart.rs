//! Series as a graph of braille dots; of letters where colours cannot tell them apart.

use super::Screen;
use super::answer::{Data, Series, title};
use super::table;

/// Rows of the plot.
const ROWS: usize = 16;

/// Most series drawn; the rest is counted.
const MAX_SERIES: usize = 12;

/// ANSI colours, told apart also by people who see red and green alike.
const COLORS: [u8; 6] = [36, 33, 35, 32, 34, 31];

/// Bits of the dots of a braille character, by row and column.
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// The answer as a graph over the asked stretch of time (milliseconds); what cannot be drawn becomes a table.
pub(super) fn chart(data: &Data, range: Option<(i64, i64)>, screen: Screen) -> String {
    let (Data::Series(all), Some((start, end))) = (data, range) else { return table::table(data, screen.columns) };
    let (start, end) = (start as f64 / 1000.0, end as f64 / 1000.0);
    let lines: Vec<Vec<(f64, f64)>> = all.iter().take(MAX_SERIES).map(numbers).collect();
    let Some((low, high)) = bounds(&lines) else {
        return if all.is_empty() { "no series\n".to_owned() } else { table::table(data, screen.columns) };
    };
    let label_width = (0..ROWS).map(|row| axis_label(row, low, high).len()).max().unwrap_or(0);
    let columns = screen.columns.saturating_sub(label_width + 3).max(10);
    let mut plot =
        Plot { cells: vec![Cell::default(); columns * ROWS], columns, time: (start, end), value: (low, high) };
    for (index, line) in lines.iter().enumerate() {
        plot.draw(index, line);
    }
    let letters = !screen.color && lines.len() > 1;
    let mut out = plot.text(label_width, letters, screen.color);
    out.push_str(&axis(label_width, columns, start, end));
    legend(&mut out, all, letters, screen);
    out
}

fn numbers(series: &Series) -> Vec<(f64, f64)> {
    let points = series.points.iter().filter_map(|(t, v)| Some((*t, v.parse::<f64>().ok()?)));
    points.filter(|(_, v)| v.is_finite()).collect()
}

/// Lowest and highest value, never equal; `None` without any.
fn bounds(lines: &[Vec<(f64, f64)>]) -> Option<(f64, f64)> {
    let values = || lines.iter().flatten().map(|(_, v)| *v);
    let (low, high) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
    if low < high {
        return Some((low, high));
    }
    let margin = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
    Some((low - margin, high + margin))
}

#[derive(Clone, Copy, Default)]
struct Cell {
    dots: u32,
    /// Series drawn here last, plus 1.
    series: usize,
}

struct Plot {
    cells: Vec<Cell>,
    columns: usize,
    time: (f64, f64),
    value: (f64, f64),
}

impl Plot {
    fn draw(&mut self, series: usize, line: &[(f64, f64)]) {
        let mut last: Option<(f64, f64)> = None;
        // Points further apart than this are not joined: there is a gap in the data.
        let gap = line.windows(2).map(|w| w[1].0 - w[0].0).fold(f64::INFINITY, f64::min) * 1.5;
        for (t, v) in line {
            let x = scale(*t, self.time) * (self.columns * 2 - 1) as f64;
            let y = (1.0 - scale(*v, self.value)) * (ROWS * 4 - 1) as f64;
            match last {
                Some((before, y0)) if t - before <= gap => {
                    let x0 = scale(before, self.time) * (self.columns * 2 - 1) as f64;
                    let steps = (x - x0).abs().max((y - y0).abs()).ceil().max(1.0);
                    for i in 0..=steps as usize {
                        let part = i as f64 / steps;
                        self.dot(series, x0 + (x - x0) * part, y0 + (y - y0) * part);
                    }
                }
                _ => self.dot(series, x, y),
            }
            last = Some((*t, y));
        }
    }

    fn dot(&mut self, series: usize, x: f64, y: f64) {
        let x = (x.round().max(0.0) as usize).min(self.columns * 2 - 1);
        let y = (y.round().max(0.0) as usize).min(ROWS * 4 - 1);
        let cell = &mut self.cells[(y / 4) * self.columns + x / 2];
        cell.dots |= DOTS[y % 4][x % 2];
        cell.series = series + 1;
    }

    fn text(&self, label_width: usize, letters: bool, color: bool) -> String {
        let mut out = String::new();
        let (low, high) = self.value;
        for row in 0..ROWS {
            out.push_str(&format!("{:>label_width$} ┤", axis_label(row, low, high)));
            let mut shown = 0;
            for cell in &self.cells[row * self.columns..(row + 1) * self.columns] {
                if color && cell.series != shown && cell.dots != 0 {
                    out.push_str(&format!("\x1b[{}m", COLORS[(cell.series - 1) % COLORS.len()]));
                    shown = cell.series;
                }
                out.push(symbol(*cell, letters));
            }
            while out.ends_with(' ') {
                out.pop();
            }
            out.push_str(if shown > 0 { "\x1b[0m\n" } else { "\n" });
        }
        out
    }
}

/// Every fifth row has its value beside it.
fn axis_label(row: usize, low: f64, high: f64) -> String {
    let at = high - (high - low) * row as f64 / (ROWS - 1) as f64;
    if row.is_multiple_of(5) { short(at) } else { String::new() }
}

fn symbol(cell: Cell, letters: bool) -> char {
    match (cell.dots, letters) {
        (0, _) => ' ',
        (_, true) => char::from(b'a' + (cell.series - 1) as u8),
        (dots, false) => char::from_u32(0x2800 + dots).unwrap_or(' '),
    }
}

fn scale(v: f64, (low, high): (f64, f64)) -> f64 {
    if high > low { ((v - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 }
}

/// Four significant digits and a unit prefix.
fn short(v: f64) -> String {
    let magnitude = v.abs();
    let prefixes = [(1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    if magnitude >= 1e18 || (magnitude != 0.0 && magnitude < 1e-3) {
        return format!("{v:.2e}");
    }
    let (unit, prefix) = prefixes.into_iter().find(|(unit, _)| magnitude >= *unit).unwrap_or((1.0, ""));
    let text = format!("{:.3}", v / unit);
    format!("{}{prefix}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn axis(label_width: usize, columns: usize, start: f64, end: f64) -> String {
    let (left, right) = (table::time(start), table::time(end));
    let gap = columns.saturating_sub(left.len() + right.len()).max(1);
    let pad = " ".repeat(label_width + 2);
    format!(
        "{} └{}\n{pad}{left}{}{right} UTC\n",
        " ".repeat(label_width),
        "─".repeat(columns),
        " ".repeat(gap.saturating_sub(4).max(1))
    )
}

fn legend(out: &mut String, all: &[Series], letters: bool, screen: Screen) {
    for (index, series) in all.iter().take(MAX_SERIES).enumerate() {
        let mark = match (letters, screen.color) {
            (true, _) => char::from(b'a' + index as u8).to_string(),
            (false, true) => format!("\x1b[{}m━\x1b[0m", COLORS[index % COLORS.len()]),
            (false, false) => "━".to_owned(),
        };
        let last = series.points.last().map_or("", |(_, v)| v.as_str());
        out.push_str(&format!("  {mark} {}  {}\n", title(&series.labels), crate::safe_text::escaped(last)));
    }
    if all.len() > MAX_SERIES {
        out.push_str(&format!("  {} more series are not drawn; -o table shows them\n", all.len() - MAX_SERIES));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_model::Labels;

    fn series(name: &str, values: &[f64]) -> Series {
        let points = values.iter().enumerate().map(|(i, v)| (i as f64 * 60.0, v.to_string())).collect();
        Series { labels: Labels::from_pairs([("__name__", name)]), points }
    }

    fn drawn(series: Vec<Series>, color: bool) -> String {
        chart(&Data::Series(series), Some((0, 600_000)), Screen { columns: 60, color })
    }

    #[test]
    fn a_line_from_corner_to_corner() {
        let values: Vec<f64> = (0..=10).map(f64::from).collect();
        let text = drawn(vec![series("up", &values)], false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), ROWS + 3);
        assert!(lines[0].starts_with("   10 ┤") && lines[0].trim_end().chars().last().unwrap() > '\u{2800}', "{text}");
        assert!(
            lines[ROWS - 1].starts_with("    0 ┤") && lines[ROWS - 1].chars().nth(7).unwrap() > '\u{2800}',
            "{text}"
        );
        assert!(lines.iter().all(|l| l.chars().count() <= 64), "{text}");
        assert!(text.ends_with("  ━ up  10\n"));
    }

    #[test]
    fn several_series_are_told_apart() {
        let two = || vec![series("a", &[1.0, 1.0]), series("b\u{1b}", &[2.0, 2.0])];
        let plain = drawn(two(), false);
        assert!(plain.contains('a') && plain.contains("  b ") && !plain.contains('\u{1b}'), "{plain}");
        assert!(drawn(two(), true).contains("\x1b[33m"));
    }

    #[test]
    fn odd_data() {
        assert_eq!(drawn(vec![], false), "no series\n");
        assert!(drawn(vec![series("flat", &[0.0])], false).contains("flat"));
        assert!(drawn(vec![series("nan", &[f64::NAN])], false).contains("NaN"));
        let many = (0..20).map(|i| series("m", &[f64::from(i)])).collect();
        assert!(drawn(many, false).contains("8 more series are not drawn"));
    }

    #[test]
    fn short_numbers() {
        let table = [(0.0, "0"), (1.0, "1"), (1234.0, "1.234k"), (-2.5e9, "-2.5G"), (1e-5, "1.00e-5"), (0.25, "0.25")];
        for (v, text) in table {
            assert_eq!(short(v), text);
        }
    }
}
