//! From an objective to rules. Windows and factors: Google's SRE workbook, "Alerting on SLOs", chapter 5.

use std::sync::Arc;

use nightjar_model::duration::{format_duration_ms, parse_duration_ms};
use nightjar_model::labels::quote;
use nightjar_model::number::format_g;
use nightjar_query::ParserOptions;
use nightjar_ruler::file::{AlertingSpec, GroupSpec, RuleSpec};
use nightjar_ruler::{Expression, Texts};

use super::spec::{Alert, Labels, Service, Slo};
use crate::app::VERSION;

const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// Windows of recorded ratios, short to long.
const WINDOWS_MS: [i64; 7] =
    [5 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS, 72 * HOUR_MS];

/// A pair of windows, and how much of the budget may be spent in the long one.
struct Burn {
    short_ms: i64,
    long_ms: i64,
    budget_percent: f64,
}

/// Quick and slow burns that somebody must look at now.
const PAGE: [Burn; 2] = [
    Burn { short_ms: 5 * MINUTE_MS, long_ms: HOUR_MS, budget_percent: 2.0 },
    Burn { short_ms: 30 * MINUTE_MS, long_ms: 6 * HOUR_MS, budget_percent: 5.0 },
];

/// Those that can wait for a working day.
const TICKET: [Burn; 2] = [
    Burn { short_ms: 2 * HOUR_MS, long_ms: 24 * HOUR_MS, budget_percent: 10.0 },
    Burn { short_ms: 6 * HOUR_MS, long_ms: 72 * HOUR_MS, budget_percent: 10.0 },
];

/// The time an objective is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    ms: i64,
}

impl Period {
    pub(super) fn parse(text: &str) -> Result<Period, String> {
        match parse_duration_ms(text) {
            Ok(ms) if ms == 30 * 24 * HOUR_MS || ms == 28 * 24 * HOUR_MS => Ok(Period { ms }),
            _ => Err(format!("--period={text:?}: windows are known for 30d and 28d")),
        }
    }

    fn hours(self) -> f64 {
        (self.ms / HOUR_MS) as f64
    }
}

/// The rule groups of a service.
pub(super) fn groups(service: &Service, period: Period, extra: &[(String, String)]) -> Result<Vec<GroupSpec>, String> {
    let mut groups = Vec::new();
    for slo in &service.slos {
        let maker = Maker::new(service, slo, period, extra);
        let parts =
            [("sli-recordings", maker.ratios()), ("meta-recordings", maker.about()), ("alerts", maker.alerts())];
        for (part, rules) in parts {
            let rules = rules.map_err(|e| format!("slo {:?}: {e}", slo.name))?;
            if !rules.is_empty() {
                let name = format!("sloth-slo-{part}-{}", maker.id);
                let labels = Texts::default();
                groups.push(GroupSpec { name, interval_ms: None, query_offset_ms: None, limit: 0, labels, rules });
            }
        }
    }
    Ok(groups)
}

/// Makes the rules of one objective.
struct Maker<'a> {
    slo: &'a Slo,
    period: Period,
    id: String,
    /// What identifies the objective.
    ids: Labels,
    /// Labels of the specification.
    labels: Labels,
    /// `ids` as matchers.
    filter: String,
}

impl<'a> Maker<'a> {
    fn new(service: &Service, slo: &'a Slo, period: Period, extra: &[(String, String)]) -> Maker<'a> {
        let id = format!("{}-{}", service.service, slo.name);
        let ids = [("sloth_id", &id), ("sloth_service", &service.service), ("sloth_slo", &slo.name)];
        let ids: Labels = ids.into_iter().map(|(name, text)| (name.to_owned(), text.clone())).collect();
        let matchers: Vec<String> = ids.iter().map(|(name, text)| format!("{name}={}", quote(text))).collect();
        let filter = format!("{{{}}}", matchers.join(", "));
        let extra: Labels = extra.iter().cloned().collect();
        let labels = merged([&extra, &service.labels, &slo.labels]);
        Maker { slo, period, id, ids, labels, filter }
    }

    /// The share of errors in each window.
    fn ratios(&self) -> Result<Vec<RuleSpec>, String> {
        let windows = WINDOWS_MS.into_iter().chain([self.period.ms]);
        windows.map(|window_ms| self.ratio(window_ms)).collect()
    }

    fn ratio(&self, window_ms: i64) -> Result<RuleSpec, String> {
        let window = format_duration_ms(window_ms);
        let labels = Labels::from([("sloth_window".to_owned(), window.clone())]);
        let expr = if window_ms == self.period.ms {
            // An average of the ratios of the shortest window: far cheaper than a month of raw series.
            let range = format!("{}{}[{window}]", metric(WINDOWS_MS[0]), self.filter);
            format!("sum_over_time({range})\n/ ignoring (sloth_window)\ncount_over_time({range})\n")
        } else {
            match (&self.slo.sli.events, &self.slo.sli.raw) {
                (Some(events), _) => {
                    let (errors, total) = (fill(&events.error_query, &window)?, fill(&events.total_query, &window)?);
                    format!("({errors})\n/\n({total})\n")
                }
                (None, Some(raw)) => format!("({})", fill(&raw.error_ratio_query, &window)?),
                (None, None) => String::new(),
            }
        };
        record(&metric(window_ms), &expr, &merged([&self.ids, &labels, &self.labels]))
    }

    /// What dashboards want to know.
    fn about(&self) -> Result<Vec<RuleSpec>, String> {
        let labels = merged([&self.ids, &self.labels]);
        let ratio = format_g(self.slo.objective / 100.0);
        let burn = |window_ms: i64| {
            format!(
                "{}{filter}\n/ on(sloth_id, sloth_slo, sloth_service) group_left\nslo:error_budget:ratio{filter}\n",
                metric(window_ms),
                filter = self.filter
            )
        };
        let mut info = labels.clone();
        for (name, text) in [
            ("sloth_version", VERSION.to_owned()),
            ("sloth_mode", "cli-gen-prom".to_owned()),
            ("sloth_spec", "prometheus/v1".to_owned()),
            ("sloth_objective", self.slo.objective.to_string()),
        ] {
            info.insert(name.to_owned(), text);
        }
        let rules = [
            ("slo:objective:ratio", format!("vector({ratio})"), &labels),
            ("slo:error_budget:ratio", format!("vector(1-{ratio})"), &labels),
            ("slo:time_period:days", format!("vector({})", format_g(self.period.hours() / 24.0)), &labels),
            ("slo:current_burn_rate:ratio", burn(WINDOWS_MS[0]), &labels),
            ("slo:period_burn_rate:ratio", burn(self.period.ms), &labels),
            (
                "slo:period_error_budget_remaining:ratio",
                format!("1 - slo:period_burn_rate:ratio{}", self.filter),
                &labels,
            ),
            ("sloth_slo_info", "vector(1)".to_owned(), &info),
        ];
        rules.into_iter().map(|(name, expr, labels)| record(name, &expr, labels)).collect()
    }

    fn alerts(&self) -> Result<Vec<RuleSpec>, String> {
        let alerting = &self.slo.alerting;
        let kinds = [("page", &alerting.page_alert, &PAGE), ("ticket", &alerting.ticket_alert, &TICKET)];
        let kinds = kinds.into_iter().filter(|(_, alert, _)| !alert.disable);
        kinds.map(|(severity, alert, burns)| self.alert(severity, alert, burns)).collect()
    }

    fn alert(&self, severity: &str, alert: &Alert, burns: &[Burn; 2]) -> Result<RuleSpec, String> {
        let alerting = &self.slo.alerting;
        let what = "{{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is";
        let texts =
            [("title", format!("({severity}) {what} too fast.")), ("summary", format!("{what} over expected."))];
        let texts: Labels = texts.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
        let labels = Labels::from([("sloth_severity".to_owned(), severity.to_owned())]);
        let [quick, slow] = burns;
        let expr = format!("{}or\n{}", self.burning(quick), self.burning(slow));
        let annotations = merged([&texts, &alerting.annotations, &alert.annotations]);
        Ok(RuleSpec {
            alerting: Some(AlertingSpec { annotations: Texts::from_pairs(&annotations), ..AlertingSpec::default() }),
            ..record(&alerting.name, &expr, &merged([&labels, &alerting.labels, &alert.labels]))?
        })
    }

    /// Both windows spend the budget too fast.
    fn burning(&self, burn: &Burn) -> String {
        let factor = burn.budget_percent * self.period.hours() / 100.0 / ((burn.long_ms / HOUR_MS) as f64);
        let (factor, budget) = (format_g(factor), format_g((100.0 - self.slo.objective) / 100.0));
        let over = |window_ms: i64| {
            format!("    max({}{} > ({factor} * {budget})) without (sloth_window)\n", metric(window_ms), self.filter)
        };
        format!("(\n{}    and\n{})\n", over(burn.short_ms), over(burn.long_ms))
    }
}

/// The recorded share of errors in a window.
fn metric(window_ms: i64) -> String {
    format!("slo:sli_error:ratio_rate{}", format_duration_ms(window_ms))
}

fn record(name: &str, expr: &str, labels: &Labels) -> Result<RuleSpec, String> {
    let parsed = Expression::parse(expr, &ParserOptions::default());
    let expr = parsed.map_err(|e| format!("the query does not make a rule: {e}: {expr:?}"))?;
    Ok(RuleSpec { name: name.to_owned(), expr: Arc::new(expr), labels: Texts::from_pairs(labels), alerting: None })
}

/// Label sets over one another; the last wins.
fn merged<'a>(sets: impl IntoIterator<Item = &'a Labels>) -> Labels {
    sets.into_iter().flatten().map(|(name, text)| (name.clone(), text.clone())).collect()
}

/// A query with its window in the place of `{{.window}}`.
fn fill(query: &str, window: &str) -> Result<String, String> {
    let (mut out, mut rest, mut found) = (String::new(), query, false);
    while let Some((before, inside)) = rest.split_once("{{") {
        let (name, after) = inside.split_once("}}").ok_or_else(|| format!("{{{{ without }}}} in {query:?}"))?;
        if name.trim() != ".window" {
            return Err(format!("{{{{{name}}}}} is unknown in {query:?}: only {{{{.window}}}} is"));
        }
        out.push_str(before);
        out.push_str(window);
        (rest, found) = (after, true);
    }
    if found { Ok(out + rest) } else { Err(format!("{query:?} lacks {{{{.window}}}}")) }
}
