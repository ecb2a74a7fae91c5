//! Objectives and their rules.

use nightjar_ruler::file::{ReadOptions, parse};

use super::*;

const SPEC: &str = "
version: prometheus/v1
service: shop
labels: {team: a}
slos:
- name: requests
  objective: 99.9
  labels: {tier: '1'}
  sli:
    events:
      error_query: sum(rate(http_requests_total{code=~\"5..\"}[{{.window}}]))
      total_query: sum(rate(http_requests_total[{{ .window }}]))
  alerting:
    name: ShopErrors
    labels: {category: availability}
    annotations: {runbook: 'https://example.org/shop'}
    page_alert: {labels: {severity: page}}
    ticket_alert: {disable: true}
";

fn made(text: &str, period: &str) -> Result<RuleFile, String> {
    let files = vec!["-".to_owned()];
    let command = SloCommand {
        files,
        period: period.to_owned(),
        extra_labels: vec!["region=eu".to_owned()],
        disable_recordings: false,
        disable_alerts: false,
    };
    let text = rules(&command, &[("f.yml".to_owned(), text.to_owned())])?;
    Ok(parse(&text, &ReadOptions::default()).unwrap())
}

#[test]
fn what_sloth_would_write() {
    let file = made(SPEC, "30d").unwrap();
    let names: Vec<_> = file.groups.iter().map(|g| (g.name.as_str(), g.rules.len())).collect();
    let expected = [
        ("sloth-slo-sli-recordings-shop-requests", 8),
        ("sloth-slo-meta-recordings-shop-requests", 7),
        ("sloth-slo-alerts-shop-requests", 1),
    ];
    assert_eq!(names, expected);
    let ratio = &file.groups[0].rules[0];
    assert_eq!(ratio.name, "slo:sli_error:ratio_rate5m");
    let expr = "(sum(rate(http_requests_total{code=~\"5..\"}[5m])))\n/\n(sum(rate(http_requests_total[5m])))\n";
    assert_eq!(ratio.expr.source, expr);
    let labels = "{region=\"eu\", sloth_id=\"shop-requests\", sloth_service=\"shop\", sloth_slo=\"requests\", \
                  sloth_window=\"5m\", team=\"a\", tier=\"1\"}";
    assert_eq!(ratio.labels.to_string(), labels);
    assert_eq!(file.groups[1].rules[1].expr.source, "vector(1-0.9990000000000001)");
    let page = &file.groups[2].rules[0];
    let ids = "{sloth_id=\"shop-requests\", sloth_service=\"shop\", sloth_slo=\"requests\"}";
    let first = format!(
        "(\n    max(slo:sli_error:ratio_rate5m{ids} > (14.4 * 0.0009999999999999432)) without (sloth_window)\n    and\n"
    );
    assert!(page.expr.source.starts_with(&first), "{}", page.expr.source);
    let labels = "{category=\"availability\", severity=\"page\", sloth_severity=\"page\"}";
    assert_eq!((page.name.as_str(), page.labels.to_string().as_str()), ("ShopErrors", labels));
    let summary = "{{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is over expected.";
    let annotations = &page.alerting.as_ref().unwrap().annotations;
    assert_eq!(
        (annotations.get("summary"), annotations.get("runbook")),
        (Some(summary), Some("https://example.org/shop"))
    );
}

#[test]
fn four_weeks() {
    let file = made(SPEC, "28d").unwrap();
    assert_eq!(file.groups[0].rules[7].name, "slo:sli_error:ratio_rate4w");
    assert!(file.groups[2].rules[0].expr.source.contains("> (13.44 * "));
    assert!(file.groups[2].rules[0].expr.source.contains("> (5.6000000000000005 * "));
    assert!(made(SPEC, "7d").is_err());
}

#[test]
fn what_makes_no_sense() {
    let table = [
        ("prometheus/v1", "prometheus/v2", "is not prometheus/v1"),
        ("objective: 99.9", "objective: 0", "is not a percentage"),
        ("name: ShopErrors", "labels: {}", "duplicate"),
        ("[{{.window}}]", "[5m]", "lacks {{.window}}"),
        ("[{{.window}}]", "[{{.period}}]", "{{.period}} is unknown"),
        ("sum(rate(http_requests_total[{{ .window }}]))", "sum({{.window}}", "does not make a rule"),
        ("service: shop", "service: a b", "is not a name"),
        ("slos:", "slo_plugins: {chain: []}\nslos:", "plugins are Go programs"),
    ];
    for (from, to, expected) in table {
        let error = made(&SPEC.replace(from, to), "30d").map(|_| ()).unwrap_err();
        assert!(error.contains(expected) && error.starts_with("f.yml: "), "{from} -> {to}: {error}");
    }
}
