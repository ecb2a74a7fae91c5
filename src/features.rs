//! `--enable-feature`: names Prometheus knows, and what becomes of them here.

use nightjar_query::Features;

/// Features that were experimental once and are always on now, or that concern parts this server does not have.
const WITHOUT_EFFECT: &[&str] = &[
    "agent",
    "auto-gomaxprocs",
    "auto-gomemlimit",
    "auto-reload-config",
    "concurrent-rule-eval",
    "created-timestamp-zero-ingestion",
    "delayed-compaction",
    "exemplar-storage",
    "expand-external-labels",
    "extra-scrape-metrics",
    "fast-startup",
    "histograms-st-encoding",
    "memory-snapshot-on-shutdown",
    "metadata-wal-records",
    "native-histograms",
    "new-service-discovery-manager",
    "no-default-scrape-port",
    "no-scrape-default-port",
    "old-ui",
    "otlp-deltatocumulative",
    "otlp-native-delta-ingestion",
    "otlp-write-receiver",
    "promql-at-modifier",
    "promql-duration-expr",
    "promql-negative-offset",
    "promql-per-step-stats",
    "remote-write-receiver",
    "search-api",
    "st-storage",
    "st-synthesis",
    "use-uncached-io",
    "utf8-names",
    "xor2-encoding",
];

/// Switches on what is named; answers the names nobody knows.
pub fn features<'a>(names: impl IntoIterator<Item = &'a str>) -> (Features, Vec<&'a str>) {
    let mut features = Features::default();
    let mut unknown = Vec::new();
    for name in names {
        match name.trim() {
            "promql-experimental-functions" => features.experimental_functions = true,
            "promql-delayed-name-removal" => features.delayed_name_removal = true,
            "promql-extended-range-selectors" => features.extended_range_selectors = true,
            "promql-binop-fill-modifiers" => features.fill_modifiers = true,
            "use-start-timestamps" => features.start_timestamps = true,
            "type-and-unit-labels" => features.type_and_unit_labels = true,
            "" => {}
            other if WITHOUT_EFFECT.contains(&other) => {}
            other => unknown.push(other),
        }
    }
    (features, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let (features, unknown) = features(["promql-experimental-functions", " st-storage", "native-histograms", "x"]);
        assert!(features.experimental_functions && !features.fill_modifiers);
        assert_eq!(unknown, ["x"]);
    }
}
