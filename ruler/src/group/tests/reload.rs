//! What survives a change of the file, and a restart.

use crate::file::RuleFile;
use crate::ruler::Ruler;
use crate::stage::{Stage, rules};

fn file(text: &str) -> Vec<(String, RuleFile)> {
    vec![("f.yml".to_owned(), rules(text))]
}

/// Lets the ruler run until `end`, a second at a time.
fn run(stage: &mut Stage, ruler: &mut Ruler, from: i64, end: i64) {
    for now in (from..=end).step_by(1000) {
        stage.advance(now);
        if ruler.poll_timeout().is_some_and(|due| due <= now) {
            stage.with(|world| ruler.handle_timeout(now, world));
        }
    }
}

fn states(ruler: &Ruler) -> Vec<String> {
    let views = ruler.views();
    let rules = views.iter().flat_map(|group| &group.rules);
    let line = |rule: &crate::RuleView| {
        let alerts = rule.alerting.iter().flat_map(|a| &a.alerts);
        let alerts: Vec<_> = alerts.map(|a| format!("{}@{}", a.state.as_str(), a.active_at / 1000)).collect();
        format!("{} {}", rule.name, alerts.join(","))
    };
    rules.map(line).collect()
}

const BEFORE: &str = "
groups:
- name: g
  interval: 30s
  rules:
  - {alert: A, expr: m > 0, for: 10m}
  - {record: old, expr: m}
- name: gone
  interval: 30s
  rules:
  - {record: r, expr: m}
  - {record: s, expr: m}
";

const AFTER: &str = "
groups:
- name: g
  interval: 30s
  rules:
  - {record: new, expr: m}
  - {alert: A, expr: m > 0, for: 5m}
- name: renamed
  interval: 30s
  rules:
  - {record: r, expr: m}
";

#[test]
fn a_reload_keeps_what_has_the_same_name() {
    let mut stage = Stage::new();
    stage.load("15s", &["m 1x200"]);
    let mut ruler = Ruler::new();
    ruler.load(&file(BEFORE), &stage.settings, 0);
    run(&mut stage, &mut ruler, 0, 400_000);
    let before = states(&ruler);
    assert!(before[0].starts_with("A pending@"), "{before:?}");
    let due = ruler.poll_timeout();

    // The same file again changes nothing.
    ruler.load(&file(BEFORE), &stage.settings, 400_000);
    assert_eq!((states(&ruler), ruler.poll_timeout()), (before.clone(), due));

    ruler.load(&file(AFTER), &stage.settings, 400_000);
    run(&mut stage, &mut ruler, 400_000, 520_000);
    let after = states(&ruler);
    assert_eq!(after[1], before[0].replace("pending", "firing"), "shorter `for`, same age");
    // `old` and `s` end; `r` goes on under another group.
    let there = stage.query("count by (__name__) ({__name__=~'old|new|r|s'})", "8m40s");
    assert_eq!(there, r#"{__name__="new"} 1 | {__name__="r"} 1"#);
    assert_eq!(stage.query("count_over_time(r[1m])", "8m40s"), "{} 2");
}

/// Samples of `old` are there, then a new server starts at `up_again`.
fn restarted(down: i64, up_again: i64) -> (Stage, Ruler) {
    let mut stage = Stage::new();
    stage.load("15s", &["m 1x2000"]);
    let mut ruler = Ruler::new();
    ruler.load(&file(BEFORE), &stage.settings, 0);
    run(&mut stage, &mut ruler, 0, 120_000);
    run(&mut stage, &mut ruler, 120_000, down);
    let mut ruler = Ruler::new();
    ruler.load(&file(BEFORE), &stage.settings, up_again);
    run(&mut stage, &mut ruler, up_again, up_again + 91_000);
    (stage, ruler)
}

#[test]
fn a_restart_keeps_the_age_of_alerts() {
    // Pending for about 8 of 10 minutes: fires after the grace period of 10 minutes, not after 10 more of `for`.
    let (_, ruler) = restarted(500_000, 530_000);
    assert!(states(&ruler)[0].starts_with("A pending@5"), "{:?}", states(&ruler));
    // It had fired.
    let (stage, ruler) = restarted(700_000, 730_000);
    assert!(states(&ruler)[0].starts_with("A firing@"), "{:?}", states(&ruler));
    let active: i64 = states(&ruler)[0]["A firing@".len()..].parse().unwrap();
    assert!(active < 100, "{active}");
    assert!(stage.trace.last().unwrap().contains("firing"));
    // Too long ago.
    let (_, ruler) = restarted(700_000, 700_000 + 3_700_000);
    assert!(states(&ruler)[0].starts_with("A pending@44"), "{:?}", states(&ruler));
}

#[test]
fn a_restart_keeps_alerts_that_keep_firing() {
    let text = "groups: [{name: g, interval: 30s, rules: [{alert: A, expr: m > 0, for: 1m, keep_firing_for: 10m}]}]";
    let mut stage = Stage::new();
    stage.load("15s", &["m{i=\"x\"} 1x20 0x200"]);
    let mut ruler = Ruler::new();
    ruler.load(&file(text), &stage.settings, 0);
    run(&mut stage, &mut ruler, 0, 400_000);
    let before = states(&ruler);
    let mut ruler = Ruler::new();
    ruler.load(&file(text), &stage.settings, 420_000);
    run(&mut stage, &mut ruler, 420_000, 540_000);
    assert_eq!(states(&ruler), before);
    let alerts = stage.query("ALERTS{alertstate='firing'}", "9m");
    assert_eq!(alerts, r#"{__name__="ALERTS", alertname="A", alertstate="firing", i="x"} 1"#);
    run(&mut stage, &mut ruler, 540_000, 1_100_000);
    assert_eq!(states(&ruler), ["A "]);
    assert!(stage.trace.iter().any(|line| line.contains("resolved")), "{:?}", stage.trace);
}

#[test]
fn a_day_twice_is_the_same_day() {
    let day = || {
        let mut stage = Stage::new();
        let series = [
            "m{i=\"a\"} 0x30 1x25 0x40 1x3 0x9 1x400 0x1000",
            "m{i=\"b\"} 1x1 0x1 1x1 0x1 1x1 0x1 1x200 _x60 1x700 stale",
            "up 1x1440",
        ];
        stage.load("1m", &series);
        let text = "
groups:
- name: records
  interval: 1m
  rules: [{record: m:sum, expr: sum(m)}, {record: m:rate, expr: 'rate(m[5m])'}]
- name: alerts
  interval: 30s
  rules:
  - {alert: Held, expr: m > 0, for: 5m, keep_firing_for: 10m, annotations: {v: '{{ $value }}'}}
  - {alert: Both, expr: 'm:sum == 2'}
  - {alert: OfAlerts, expr: 'count(ALERTS{alertstate=\"firing\"}) > 1', for: 1h}
";
        let mut ruler = Ruler::new();
        ruler.load(&file(text), &stage.settings, 0);
        run(&mut stage, &mut ruler, 0, 86_400_000);
        let counts = ruler.views().iter().map(|g| g.counters.iterations).collect::<Vec<_>>();
        assert_eq!(counts, [2880, 1440]);
        let held = stage.query("count_over_time(ALERTS{alertname='Held'}[1d])", "1d");
        (stage.sent(), held)
    };
    let (first, second) = (day(), day());
    assert!(first.0.len() > 500, "{}", first.0.len());
    assert_eq!(first, second);
}
