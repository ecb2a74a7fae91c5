//! Whatever the rules, with helpers and shared reads too, the outcome of a group is that of evaluating and writing rule by rule.

use proptest::prelude::*;

use crate::group::Group;
use crate::stage::{Stage, rules};
use crate::workers::Workers;

/// Three helpers for every batch.
struct Helpers;

impl Workers for Helpers {
    fn run(&self, step: &(dyn Fn() -> bool + Sync), own: &mut dyn FnMut()) {
        nightjar_platform::beside("help", 3, || while step() {}, own);
    }
}

/// Expressions over given series, what rules record and what alerts leave; `@` is a digit.
const EXPRESSIONS: [&str; 18] = [
    "m",
    "m > 2 + @",
    "sum by (job) (m) + @",
    "r@",
    "r@ + m",
    "r@ offset 30s",
    "max_over_time(r@[1m])",
    "absent(r@)",
    "r1 or r@{team=\"t\"}",
    "sum by (i) ({__name__=~\"r[0@]\"})",
    "{job=\"j1\", i=\"@\"}",
    "count({team=\"t\"})",
    "count(ALERTS{alertname=\"A@\"})",
    "sum by (job, alertname) (ALERTS)",
    "ALERTS_FOR_STATE{alertname!=\"A@\"}",
    "vector(time()) > @",
    // Fails: many series on both sides.
    "m * on (job) m",
    "{job=~\"j[0-2]\", i!=\"@\"} or m",
];

fn rule(kind: usize, number: usize, expression: usize, digit: usize, extra: usize) -> String {
    let expr = EXPRESSIONS[expression].replace('@', &digit.to_string());
    if kind < 3 {
        let labels = ["", ", labels: {team: t}", ", labels: {i: ''}"][extra];
        return format!("{{record: r{number}, expr: '{expr}'{labels}}}");
    }
    let texts = [
        ", for: 1m, annotations: {n: '{{ $value }}'}",
        ", keep_firing_for: 1m, labels: {job: x}",
        ", annotations: {all: '{{ range query \"r0 or ALERTS\" }}{{ .Value }} {{ end }}'}",
    ][extra];
    format!("{{alert: A{number}, expr: '{expr}'{texts}}}")
}

fn some_rules() -> impl Strategy<Value = Vec<String>> {
    let one = (0..5usize, 0..3usize, 0..EXPRESSIONS.len(), 0..3usize, 0..3usize);
    prop::collection::vec(
        one.prop_map(|(kind, number, expr, digit, extra)| rule(kind, number, expr, digit, extra)),
        1..9,
    )
}

/// Everything there is to see after some evaluations: what is stored, what was sent, what each rule says.
fn outcome(groups: &[String], limit: usize, helped: bool) -> Vec<String> {
    let mut stage = Stage::new();
    if helped {
        stage.workers = &Helpers;
    }
    stage.load(
        "30s",
        &[
            "m{job=\"j1\",i=\"0\"} 1+1x3 stale 7x3",
            "m{job=\"j1\",i=\"1\"} 5-1x9",
            "m{job=\"j2\",i=\"0\"} _x2 3x3 stale",
        ],
    );
    let text = groups.iter().enumerate();
    let text: String = text.map(|(i, rules)| format!("- {{name: g{i}, limit: {limit}, rules: [{rules}]}}\n")).collect();
    let file = rules(&format!("groups:\n{text}"));
    let mut groups: Vec<Group> =
        file.groups.iter().map(|spec| Group::new("f.yml", spec, &stage.settings, false, 0)).collect();
    let mut seen = Vec::new();
    for ts in (0..240_000).step_by(30_000) {
        stage.advance(ts);
        for group in &mut groups {
            // As if it had taken long the last time.
            group.rules.iter_mut().for_each(|rule| rule.evaluation = std::time::Duration::from_secs(1));
            if helped {
                stage.shared = group.shared_selectors();
            }
            stage.with(|world| group.evaluate(ts, world));
            seen.extend(group.status());
        }
        seen.extend(stage.sent());
        seen.push(stage.query("{__name__=~\".+\"}", &format!("{}s", ts / 1000)));
    }
    let counters = groups.iter().map(|group| group.view().counters);
    seen.push(format!("{:?}", counters.fold((0, 0), |sum, c| (sum.0 + c.evaluations, sum.1 + c.evaluation_failures))));
    seen
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn as_rule_by_rule(rules in some_rules(), limit in 0..4usize) {
        let one_by_one = outcome(&rules, limit, false);
        let together = [rules.join(", ")];
        prop_assert_eq!(&outcome(&together, limit, false), &one_by_one);
        prop_assert_eq!(&outcome(&together, limit, true), &one_by_one);
    }
}
