//! What queries are made of.

/// Metrics of floats.
pub const FLOATS: &[&str] = &[
    "requests_total",
    "cpu_seconds_total",
    "temperature",
    "up",
    "odd",
    "pod_load",
    "target_info",
    "latency_seconds_bucket",
    "typed_total",
    "typed",
];
/// Those with start times.
pub const STARTED: &[&str] = &["started_total", "started_total", "started_seconds"];
/// Metrics of native histograms.
pub const NATIVE: &[&str] = &["native_seconds", "native_gauge", "mixed_total", "native_seconds"];
/// Labels to group by.
pub const LABELS: &[&str] =
    &["instance", "job", "code", "kind", "pod", "le", "version", "absent", "__type__", "__name__"];
/// Matchers that select something of a metric, not always everything.
pub const MATCHERS: &[(&str, &[&str])] = &[
    ("requests_total", &["code=\"500\"", "code=~\"4..|5..\"", "code!=\"\"", "code!~\"2.*\""]),
    ("odd", &["kind=~\"some|often\"", "kind!=\"rare\""]),
    ("pod_load", &["pod=~\"pod-[0-4]\"", "pod=~\"pod-.+\"", "pod!~\".*[135]\""]),
    ("latency_seconds_bucket", &["le!=\"+Inf\"", "le=~\"0.+\""]),
    ("broken_bucket", &["kind=\"falling\"", "kind!=\"text\"", "le=\"1\""]),
    ("target_info", &["version=\"1\"", "version!=\"1\""]),
    ("typed_total", &["__type__=\"counter\"", "__unit__=\"\""]),
    ("started_total", &["kind=\"honest\"", "kind=~\"delta|odd\""]),
    ("started_seconds", &["kind=\"honest\"", "kind=~\"delta|odd\""]),
];
/// Functions of an instant vector.
pub const MATH: &[&str] = &[
    "abs",
    "ceil",
    "floor",
    "exp",
    "ln",
    "log2",
    "log10",
    "sqrt",
    "sgn",
    "deg",
    "rad",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "round",
    "timestamp",
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
    "absent",
];
/// Functions of a range vector.
pub const OVER_TIME: &[&str] = &[
    "rate",
    "rate",
    "increase",
    "irate",
    "delta",
    "idelta",
    "deriv",
    "resets",
    "changes",
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "last_over_time",
    "present_over_time",
    "absent_over_time",
];
/// Those that are experiments.
pub const NEW_OVER_TIME: &[&str] = &[
    "mad_over_time",
    "first_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
];
/// Functions of a range vector that make native histograms of such.
pub const OF_HISTOGRAMS: &[&str] =
    &["rate", "increase", "irate", "delta", "idelta", "sum_over_time", "avg_over_time", "last_over_time"];
/// Aggregations without parameter.
pub const AGGREGATORS: &[&str] = &["sum", "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
/// Operators that calculate.
pub const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "%", "^", "atan2"];
/// Operators that compare.
pub const COMPARISONS: &[&str] = &["==", "!=", "<", ">", "<=", ">="];
/// Numbers.
pub const NUMBERS: &[&str] =
    &["0", "1", "-1", "2", "0.5", "1.5", "10", "100", "1e3", "Inf", "-Inf", "NaN", "3.7e-5", "1e300"];
/// Lengths of range selectors.
pub const WINDOWS: &[&str] = &["1m", "5m", "30s", "90s", "10m", "17s", "1h", "2m", "20s", "3h"];
/// Offsets.
pub const OFFSETS: &[&str] = &["1m", "5m", "30s", "-1m", "17s", "1h", "-10m"];
/// Steps of subqueries.
pub const STEPS: &[&str] = &["15s", "30s", "1m", "7s", "5m", "", ""];

/// What native histograms may be multiplied with: see the first row of `differences.tsv`.
pub const FACTORS: &[&str] = &["2", "0.5", "1.5", "10", "3", "0.25"];
