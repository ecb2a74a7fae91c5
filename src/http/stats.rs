//! The member `stats` of an answer.

use std::time::Duration;

use nightjar_query::Stats;

use super::json;
use crate::queries::Stage;

/// What to say about values of the parameter `stats` that Prometheus 4 will refuse.
pub(super) fn deprecated(wanted: &str) -> Option<String> {
    (!matches!(wanted, "" | "true" | "all")).then(|| {
        format!(
            "value {} for parameter \"stats\" is deprecated and will be rejected in the next major release, \
             use \"true\" or \"all\"",
            nightjar_model::labels::quote(wanted)
        )
    })
}

/// The statistics as JSON; empty unless `wanted` (the parameter `stats`) is something. `spent` is the time by stage.
pub(super) fn json(wanted: &str, stats: &Stats, spent: &[Duration; 5]) -> Vec<u8> {
    let mut out = Vec::new();
    if wanted.is_empty() {
        return out;
    }
    let [queue, prepare, inner, sort] =
        [Stage::Queue, Stage::Prepare, Stage::Evaluate, Stage::Sort].map(|stage| spent[stage as usize].as_secs_f64());
    let eval = prepare + inner + sort;
    let members = [
        ("evalTotalTime", eval),
        ("resultSortTime", sort),
        ("queryPreparationTime", prepare),
        ("innerEvalTime", inner),
        ("execQueueTime", queue),
        ("execTotalTime", queue + eval),
    ];
    out.extend_from_slice(b"{\"timings\":{");
    for (i, (name, seconds)) in members.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::key(&mut out, name);
        json::number(&mut out, seconds);
    }
    out.extend_from_slice(b"},\"samples\":{");
    if let Some(per_step) = &stats.per_step {
        json::key(&mut out, "totalQueryableSamplesPerStep");
        json::array(&mut out, per_step, |out, (t, n)| {
            out.push(b'[');
            json::timestamp(out, *t);
            out.push(b',');
            json::integer(out, *n as i64);
            out.push(b']');
        });
        out.push(b',');
    }
    let samples = [
        ("totalQueryableSamples", stats.total_samples),
        ("samplesRead", stats.samples_read),
        ("peakSamples", stats.peak_samples),
    ];
    for (i, (name, count)) in samples.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::key(&mut out, name);
        json::integer(&mut out, count as i64);
    }
    out.extend_from_slice(b"}}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape() {
        let spent = [500, 125, 1000, 250, 7].map(Duration::from_millis);
        let stats = Stats {
            total_samples: 3,
            per_step: Some(vec![(1500, 3)]),
            samples_read: 2,
            peak_samples: 1,
            peak_bytes: 16,
        };
        assert!(json("", &stats, &spent).is_empty());
        let parsed: serde_json::Value = serde_json::from_slice(&json("all", &stats, &spent)).unwrap();
        assert_eq!(parsed["timings"]["execTotalTime"], 1.875);
        assert_eq!(parsed["timings"]["evalTotalTime"], 1.375);
        let samples =
            r#"{"totalQueryableSamplesPerStep":[[1.5,3]],"totalQueryableSamples":3,"samplesRead":2,"peakSamples":1}"#;
        assert_eq!(parsed["samples"], serde_json::from_str::<serde_json::Value>(samples).unwrap());
    }
}
