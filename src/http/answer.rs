//! The answer of a query as JSON, written piece by piece.

use nightjar_model::number::format_f;
use nightjar_query::{Answer, MatrixSeries, SampleValue, Value, VectorSample};

use super::histogram::histogram;
use super::json;
use super::respond::{PIECE_BYTES, Pieces, annotations};
use crate::queries::Ticket;

/// An answer on its way out. Elements already written are not written again.
pub(super) struct AnswerPieces {
    answer: Answer,
    /// The finished member `"stats":{...}`, empty for none.
    stats: Vec<u8>,
    /// Element to write next.
    element: usize,
    /// Point of that element to write next; only a matrix has several.
    point: usize,
    started: bool,
    /// The query it answers, in the list of running ones until the last piece is taken.
    ticket: Option<Ticket>,
}

impl AnswerPieces {
    /// Wraps an answer; `stats` is the value of the member `stats`, empty to leave it out.
    pub(super) fn new(answer: Answer, stats: Vec<u8>, ticket: Option<Ticket>) -> AnswerPieces {
        AnswerPieces { answer, stats, element: 0, point: 0, started: false, ticket }
    }

    fn head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"status\":\"success\",\"data\":{\"resultType\":\"");
        out.extend_from_slice(match self.answer.value {
            Value::Scalar(..) => b"scalar",
            Value::String(..) => b"string",
            Value::Vector(_) => b"vector",
            Value::Matrix(_) => b"matrix",
        });
        out.extend_from_slice(b"\",\"result\":[");
    }

    fn tail(&self, out: &mut Vec<u8>) {
        out.push(b']');
        if !self.stats.is_empty() {
            out.extend_from_slice(b",\"stats\":");
            out.extend_from_slice(&self.stats);
        }
        out.push(b'}');
        annotations(out, &self.answer.warnings, &self.answer.infos);
        out.push(b'}');
    }
}

impl Pieces for AnswerPieces {
    fn write_piece(&mut self, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        let more = self.write(out);
        if let Some(ticket) = &self.ticket {
            ticket.wrote(out.len() - before);
        }
        more
    }
}

impl AnswerPieces {
    fn write(&mut self, out: &mut Vec<u8>) -> bool {
        if !self.started {
            self.started = true;
            self.head(out);
        }
        let limit = out.len() + PIECE_BYTES;
        match &self.answer.value {
            Value::Scalar(t, v) => {
                json::timestamp(out, *t);
                out.push(b',');
                // Prometheus writes these without an exponent, and only these.
                json::string(out, &format_f(*v));
            }
            Value::String(t, text) => {
                json::timestamp(out, *t);
                out.push(b',');
                json::string(out, text);
            }
            Value::Vector(samples) => {
                while let Some(sample) = samples.get(self.element) {
                    if out.len() >= limit {
                        return true;
                    }
                    separate(out, self.element);
                    vector_sample(out, sample);
                    self.element += 1;
                }
            }
            Value::Matrix(series) => {
                while let Some(one) = series.get(self.element) {
                    if out.len() >= limit {
                        return true;
                    }
                    if self.point == 0 {
                        separate(out, self.element);
                    }
                    self.point = matrix_points(out, one, self.point, limit);
                    if self.point < one.floats.len() + one.histograms.len() {
                        return true;
                    }
                    out.extend_from_slice(b"]}");
                    (self.element, self.point) = (self.element + 1, 0);
                }
            }
        }
        self.tail(out);
        false
    }
}

fn separate(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

fn vector_sample(out: &mut Vec<u8>, sample: &VectorSample) {
    out.extend_from_slice(b"{\"metric\":");
    json::labels(out, &sample.labels);
    out.extend_from_slice(match sample.value {
        SampleValue::Float(_) => b",\"value\":[".as_slice(),
        SampleValue::Histogram(_) => b",\"histogram\":[",
    });
    json::timestamp(out, sample.timestamp);
    out.push(b',');
    match &sample.value {
        SampleValue::Float(v) => json::sample_value(out, *v),
        SampleValue::Histogram(h) => histogram(out, h),
    }
    out.extend_from_slice(b"]}");
}

/// Writes points from `point` on until `limit` bytes; floats first, then histograms. Answers the next point.
fn matrix_points(out: &mut Vec<u8>, series: &MatrixSeries, mut point: usize, limit: usize) -> usize {
    if point == 0 {
        out.extend_from_slice(b"{\"metric\":");
        json::labels(out, &series.labels);
        if series.floats.is_empty() && series.histograms.is_empty() {
            out.extend_from_slice(b",\"values\":[");
        }
    }
    let floats = series.floats.len();
    while point < floats + series.histograms.len() {
        // Not before the first point: the labels would be written again.
        if point > 0 && out.len() >= limit {
            return point;
        }
        if point == 0 && floats > 0 {
            out.extend_from_slice(b",\"values\":[");
        } else if point == floats {
            out.extend_from_slice(if floats > 0 { b"],\"histograms\":[" } else { b",\"histograms\":[" });
        } else {
            out.push(b',');
        }
        out.push(b'[');
        if let Some((t, v)) = series.floats.get(point) {
            json::timestamp(out, *t);
            out.push(b',');
            json::sample_value(out, *v);
        } else if let Some((t, h)) = series.histograms.get(point - floats) {
            json::timestamp(out, *t);
            out.push(b',');
            histogram(out, h);
        }
        out.push(b']');
        point += 1;
    }
    point
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightjar_model::{FloatHistogram, Labels};
    use std::sync::Arc;

    fn answer(value: Value) -> Answer {
        let memory = Arc::new(Arc::new(nightjar_query::MemoryPool::unlimited()).reserve());
        Answer { value, warnings: vec![], infos: vec![], stats: Default::default(), memory }
    }

    fn text(value: Value) -> String {
        let mut pieces = AnswerPieces::new(answer(value), Vec::new(), None);
        let mut out = Vec::new();
        while pieces.write_piece(&mut out) {}
        String::from_utf8(out).unwrap()
    }

    fn up() -> Labels {
        Labels::from_pairs([("__name__", "up")])
    }

    #[test]
    fn wherever_a_piece_ends_nothing_comes_twice() {
        let series = |i: usize| MatrixSeries {
            labels: Labels::from_pairs([("n", "x".repeat(i % 97) + &i.to_string())]),
            floats: vec![(0, 1.0)],
            histograms: vec![],
        };
        let answer = text(Value::Matrix((0..8000).map(series).collect()));
        let parsed: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let result = parsed["data"]["result"].as_array().unwrap();
        assert!(answer.len() > 5 * PIECE_BYTES && result.len() == 8000);
        assert!(result.iter().all(|series| series["values"].as_array().unwrap().len() == 1));
    }

    #[test]
    fn shapes() {
        let h = Arc::new(FloatHistogram::default());
        let series = |floats, histograms| Value::Matrix(vec![MatrixSeries { labels: up(), floats, histograms }]);
        let table = [
            (Value::Scalar(1500, 2.0), r#""scalar","result":[1.500,"2"]"#),
            (Value::Scalar(0, 1e21), r#""scalar","result":[0,"1000000000000000000000"]"#),
            (Value::Scalar(0, 1e-7), r#""scalar","result":[0,"0.0000001"]"#),
            (Value::Scalar(0, f64::INFINITY), r#""scalar","result":[0,"+Inf"]"#),
            (Value::String(0, "a\"b".into()), r#""string","result":[0,"a\"b"]"#),
            (Value::Vector(vec![]), r#""vector","result":[]"#),
            (Value::Matrix(vec![]), r#""matrix","result":[]"#),
            (
                series(vec![(1000, f64::NAN), (2000, 1.0)], vec![]),
                r#""matrix","result":[{"metric":{"__name__":"up"},"values":[[1,"NaN"],[2,"1"]]}]"#,
            ),
            (
                series(vec![], vec![(1000, h.clone())]),
                r#""matrix","result":[{"metric":{"__name__":"up"},"histograms":[[1,{"count":"0","sum":"0"}]]}]"#,
            ),
            (
                series(vec![(0, 1.0)], vec![(1000, h)]),
                r#""matrix","result":[{"metric":{"__name__":"up"},"values":[[0,"1"]],"histograms":[[1,{"count":"0","sum":"0"}]]}]"#,
            ),
        ];
        for (value, tail) in table {
            assert_eq!(text(value), format!(r#"{{"status":"success","data":{{"resultType":{tail}}}}}"#));
        }
    }

    #[test]
    fn pieces_join_to_the_whole() {
        let floats: Vec<_> = (0..30_000).map(|i| (i * 1000, i as f64 + 0.5)).collect();
        let one = MatrixSeries { labels: up(), floats, histograms: vec![] };
        let mut pieces = AnswerPieces::new(answer(Value::Matrix(vec![one.clone(), one])), Vec::new(), None);
        let (mut out, mut count) = (Vec::new(), 1);
        let mut before = 0;
        while pieces.write_piece(&mut out) {
            count += 1;
            assert!(out.len() - before < 2 * PIECE_BYTES);
            before = out.len();
        }
        assert!(count > 10);
        let parsed: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let values = parsed["data"]["result"][1]["values"].as_array().unwrap();
        assert_eq!((values.len(), &values[29_999]), (30_000, &serde_json::json!([29999, "29999.5"])));
    }
}
