//! `features`: what this server can do, named as Prometheus names it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use nightjar_query::functions::functions;

use super::respond;
use crate::app::{App, Settings};

type Category = BTreeMap<&'static str, bool>;

/// `GET /api/v1/features`.
pub(super) async fn features(State(app): State<Arc<App>>) -> Response {
    let all = categories(&app.settings);
    respond::success(|out| out.extend_from_slice(serde_json::json!(all).to_string().as_bytes()))
}

const OPERATORS: [&str; 37] = [
    "!=",
    "!~",
    "%",
    "*",
    "+",
    "-",
    "/",
    "<",
    "</",
    "<=",
    "==",
    "=~",
    ">",
    ">/",
    ">=",
    "@",
    "^",
    "and",
    "atan2",
    "avg",
    "bottomk",
    "count",
    "count_values",
    "group",
    "max",
    "min",
    "or",
    "quantile",
    "stddev",
    "stdvar",
    "sum",
    "topk",
    "unless",
    "by",
    "without",
    "on",
    "ignoring",
];

const TEMPLATING: [&str; 29] = [
    "args",
    "externalURL",
    "first",
    "graphLink",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "label",
    "match",
    "now",
    "parseDuration",
    "pathPrefix",
    "query",
    "reReplaceAll",
    "safeHtml",
    "sortByLabel",
    "stripDomain",
    "stripPort",
    "strvalue",
    "tableLink",
    "title",
    "toDuration",
    "toLower",
    "toTime",
    "toUpper",
    "urlQueryEscape",
    "value",
];

fn categories(settings: &Settings) -> BTreeMap<&'static str, Category> {
    let on = |names: &[&'static str]| names.iter().map(|name| (*name, true)).collect::<Category>();
    let (words, operators): (Vec<&str>, Vec<&str>) =
        OPERATORS.iter().partition(|op| matches!(**op, "by" | "without" | "on" | "ignoring"));
    let features = settings.features;
    let mut promql = on(&words);
    promql.extend(on(&[
        "at_modifier",
        "bool",
        "duration_expr",
        "group_left",
        "group_right",
        "negative_offset",
        "offset",
        "per_query_lookback_delta",
        "subqueries",
    ]));
    promql.extend([
        ("anchored", features.extended_range_selectors),
        ("smoothed", features.extended_range_selectors),
        ("delayed_name_removal", features.delayed_name_removal),
        ("fill", features.fill_modifiers),
        ("fill_left", features.fill_modifiers),
        ("fill_right", features.fill_modifiers),
        ("per_step_stats", settings.per_step_stats),
        ("type_and_unit_labels", features.type_and_unit_labels),
    ]);
    let mut operators = on(&operators);
    operators.extend([("limitk", features.experimental_functions), ("limit_ratio", features.experimental_functions)]);
    let offered = |experimental: bool| !experimental || features.experimental_functions;
    let functions = functions().iter().map(|f| {
        let starts = f.name != "start_timestamp" || features.start_timestamps;
        (f.name, offered(f.experimental) && starts)
    });
    let mut api = on(&[
        "exclude_alerts",
        "label_values_match",
        "query_stats",
        "query_warnings",
        "remote_write_receiver",
        "time_range_labels",
        "time_range_series",
    ]);
    api.extend([("admin", settings.enable_admin_api), ("lifecycle", settings.enable_lifecycle)]);
    let mut prometheus = on(&["server_mode"]);
    let auto_reload = settings.flags.get("config.auto-reload").is_some_and(|value| value == "true");
    prometheus.extend([("agent_mode", false), ("auto_reload_config", auto_reload)]);
    BTreeMap::from([
        ("api", api),
        ("prometheus", prometheus),
        ("promql", promql),
        ("promql_functions", functions.collect()),
        ("promql_operators", operators),
        ("rules", on(&["keep_firing_for", "query_offset"])),
        ("templating_functions", on(&TEMPLATING)),
        ("tsdb", on(&["exemplar_storage", "isolation", "native_histograms", "st_storage"])),
        ("nightjar", on(&["query_memory_limits", "status_queries"])),
    ])
}
