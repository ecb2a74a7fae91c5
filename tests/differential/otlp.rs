//! Samples as an OTLP request in JSON: the only door by which Prometheus lets start times in.

use nightjar_model::{FloatHistogram, HistogramSample, Labels, Sample, TimestampMs};
use nightjar_remote_write::encode::SeriesOut;
use serde_json::{Value, json};

/// Labels that say what OTLP says elsewhere.
const ELSEWHERE: [&str; 4] = ["__name__", "__type__", "instance", "job"];

/// Counters and histograms as one request; each series is a resource of its own.
pub fn export(series: &[SeriesOut<'_>]) -> Value {
    let resources = series.iter().filter_map(|one| Some((one.labels?, one)));
    json!({ "resourceMetrics": resources.map(|(labels, one)| resource(labels, one)).collect::<Vec<_>>() })
}

fn resource(labels: &Labels, one: &SeriesOut<'_>) -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let own = labels.iter().filter(|label| !ELSEWHERE.contains(&label.name));
    let attributes: Vec<Value> = own.map(|label| text(label.name, label.value)).collect();
    let metric = match one.histograms {
        [] => json!({
            "name": labels.metric_name(),
            "sum": {
                "aggregationTemporality": 2,
                "isMonotonic": true,
                "dataPoints": one.samples.iter().map(|sample| number(sample, &attributes)).collect::<Vec<_>>(),
            },
        }),
        histograms => json!({
            "name": labels.metric_name(),
            "exponentialHistogram": {
                "aggregationTemporality": 2,
                "dataPoints": histograms.iter().map(|sample| histogram(sample, &attributes)).collect::<Vec<_>>(),
            },
        }),
    };
    json!({
        "resource": {
            "attributes": [text("service.name", labels.value("job")), text("service.instance.id", labels.value("instance"))],
        },
        "scopeMetrics": [{ "metrics": [metric] }],
    })
}

fn nanoseconds(t: TimestampMs) -> String {
    format!("{}", t * 1_000_000)
}

fn number(sample: &Sample, attributes: &[Value]) -> Value {
    json!({
        "attributes": attributes,
        "startTimeUnixNano": nanoseconds(sample.start),
        "timeUnixNano": nanoseconds(sample.timestamp),
        "asDouble": sample.value,
    })
}

fn histogram(sample: &HistogramSample, attributes: &[Value]) -> Value {
    let FloatHistogram { schema, count, sum, zero_count, zero_threshold, positive_spans, positive_buckets, .. } =
        &sample.histogram;
    let counts: Vec<String> = positive_buckets.iter().map(|count| format!("{count}")).collect();
    json!({
        "attributes": attributes,
        "startTimeUnixNano": nanoseconds(sample.start),
        "timeUnixNano": nanoseconds(sample.timestamp),
        "count": format!("{count}"),
        "sum": sum,
        "scale": schema,
        "zeroCount": format!("{zero_count}"),
        "zeroThreshold": zero_threshold,
        // Buckets are numbered by their lower bound there.
        "positive": { "offset": positive_spans.first().map_or(0, |span| span.offset) - 1, "bucketCounts": counts },
    })
}
