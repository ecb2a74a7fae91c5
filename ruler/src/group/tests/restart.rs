//! What a restart keeps.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

use std::path::Path;

use nightjar_platform::{Disk, DiskFile, OpenMode, SimDisk};

use crate::ruler::Ruler;
use crate::stage::{Stage, rules};
use crate::state_log::StateLog;

const RULES: &str = "
groups:
- name: g
  interval: 1m
  rules:
  - {alert: Short, expr: m > 0, for: 2m, annotations: {v: '{{ $value }}'}}
  - {alert: Long, expr: m > 0, for: 1h}
  - {alert: Kept, expr: m == 5, keep_firing_for: 30m}
  - {alert: Gone, expr: m == 5}
";

/// Lets the ruler run until `end`.
fn run(stage: &mut Stage, ruler: &mut Ruler, end: i64) {
    while let Some(due) = ruler.poll_timeout().filter(|due| *due <= end) {
        stage.advance(due);
        stage.with(|world| ruler.handle_timeout(due, world));
    }
    stage.advance(end);
}

/// `name state@since` of all alerts, times in minutes.
fn states(ruler: &Ruler) -> Vec<String> {
    let views = ruler.views();
    let rules = views.iter().flat_map(|group| &group.rules);
    let alerts = rules.flat_map(|rule| rule.alerting.iter().flat_map(|a| &a.alerts).map(move |a| (rule, a)));
    alerts.map(|(rule, a)| format!("{} {}@{}", rule.name, a.state.as_str(), a.active_at / 60_000)).collect()
}

const MINUTE: i64 = 60_000;

fn ten_minutes(power_cut: bool) -> (Stage, Ruler, Vec<(String, crate::file::RuleFile)>) {
    let files = vec![("f.yml".to_owned(), rules(RULES))];
    let mut stage = Stage::new();
    stage.load("1m", &["m 5x4 6x500"]);
    let mut ruler = stage.started(&files, power_cut);
    run(&mut stage, &mut ruler, 10 * MINUTE);
    (stage, ruler, files)
}

#[test]
fn every_state_goes_on_at_the_first_evaluation() {
    for power_cut in [false, true] {
        let (mut stage, ruler, files) = ten_minutes(power_cut);
        let before = states(&ruler);
        assert!(before.len() == 3 && before[0].starts_with("Short firing@"), "{before:?}");
        assert!(before[1].starts_with("Long pending@") && before[2].starts_with("Kept firing@"), "{before:?}");
        stage.sent();
        let mut ruler = stage.started(&files, power_cut);
        run(&mut stage, &mut ruler, 11 * MINUTE);
        assert_eq!(states(&ruler), before);
        // What was resolved before is still repeated.
        run(&mut stage, &mut ruler, 13 * MINUTE);
        assert!(stage.sent().iter().any(|line| line.contains("resolved {alertname=\"Gone\"}")));
    }
}

#[test]
fn an_outage_counts_neither_for_nor_against() {
    let (mut stage, ruler, files) = ten_minutes(false);
    let since = |ruler: &Ruler| {
        let states = states(ruler);
        let long = states.iter().find(|line| line.starts_with("Long")).unwrap();
        long.split_once('@').unwrap().1.parse::<i64>().unwrap()
    };
    let before = since(&ruler);
    stage.advance(40 * MINUTE);
    let mut ruler = stage.started(&files, false);
    run(&mut stage, &mut ruler, 42 * MINUTE);
    assert_eq!(since(&ruler), before + 30, "{:?}", states(&ruler));
    assert!(states(&ruler)[0].starts_with("Short firing@"), "{:?}", states(&ruler));
    // Too long ago: nothing is known any more.
    stage.advance(240 * MINUTE);
    let mut ruler = stage.started(&files, false);
    run(&mut stage, &mut ruler, 243 * MINUTE);
    assert!(since(&ruler) >= 240, "{:?}", states(&ruler));
}

#[test]
fn a_full_disk_stops_no_alert_and_is_made_up_for() {
    let (mut stage, _, files) = ten_minutes(false);
    let disk = stage.disk();
    let mut ruler = stage.started(&files, false);
    stage.disk().set_capacity(0);
    run(&mut stage, &mut ruler, 15 * MINUTE);
    let state = states(&ruler);
    assert!(state[0].starts_with("Short firing@"), "{state:?}");
    stage.disk().set_capacity(u64::MAX);
    run(&mut stage, &mut ruler, 17 * MINUTE);
    let mut ruler = stage.started(&files, false);
    run(&mut stage, &mut ruler, 18 * MINUTE);
    assert_eq!(states(&ruler), state);
    drop(disk);
}

/// A log of version 1, made by `ten_minutes`; NIGHTJAR_WRITE_FIXTURES=1 makes it anew.
#[test]
fn a_log_of_version_1_stays_readable() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/rules/state/v1.log"));
    let name = Path::new("rules/00000001.log");
    let (stage, ruler, files) = ten_minutes(false);
    if std::env::var_os("NIGHTJAR_WRITE_FIXTURES").is_some() {
        let file = stage.disk().open(name, OpenMode::Read).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let disk = SimDisk::new();
    disk.create_dir(Path::new("rules")).unwrap();
    disk.open(name, OpenMode::CreateNew).unwrap().write_all_at(&std::fs::read(path).unwrap(), 0).unwrap();
    let (_, found) = StateLog::open(disk, Path::new("rules")).unwrap();
    assert_eq!(found.damaged, 0);
    let mut resumed = Ruler::resuming(found.state);
    resumed.load(&files, &stage.settings, 10 * MINUTE);
    assert_eq!(states(&resumed), states(&ruler));
}
