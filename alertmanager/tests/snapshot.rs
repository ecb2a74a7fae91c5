//! A snapshot that is taken in parts, with what happens meanwhile between them, is a log of the same state.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nightjar_alertmanager::alert::Alert;
use nightjar_alertmanager::machine::{Event, Machine, Now, Options, Outcome};
use nightjar_alertmanager::record::{Record, Told};
use nightjar_alertmanager::silence::{Condition, Silence};
use proptest::prelude::*;
use world::{START_MS, alert, config};

const CONFIG: &str = "
global: {resolve_timeout: 2m}
silence_expiry_notice: {before: 1m}
route: {receiver: a, group_by: [alertname], group_wait: 5s, group_interval: 20s, repeat_interval: 1m}
receivers: [{name: a, webhook_configs: [{url: 'http://a'}, {url: 'http://b', send_resolved: false}]}]
";

/// Which of the integrations has `send_resolved: false`.
const SILENT_ABOUT_ENDS: u32 = 1;

#[derive(Clone, Debug)]
enum Step {
    Post(u8, bool),
    Silence(u8),
    Expire(usize),
    Pass(i64),
    /// Messages that were sent are delivered, or not.
    Answer(bool),
    /// A part of a snapshot is taken.
    Part(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6u8, any::<bool>()).prop_map(|(name, ended)| Step::Post(name, ended)),
        1 => (0..6u8).prop_map(Step::Silence),
        1 => (0..4usize).prop_map(Step::Expire),
        4 => (0..40_000i64).prop_map(Step::Pass),
        3 => any::<bool>().prop_map(Step::Answer),
        4 => (1..4usize).prop_map(Step::Part),
    ]
}

fn silence(name: u8, now: Now) -> Silence {
    let value = format!("a{name}");
    let condition = Condition { name: "alertname".to_owned(), value, is_regex: false, is_equal: true };
    let ends_at = now.wall_ms + 200_000;
    Silence { matchers: vec![condition], starts_at: now.wall_ms, ends_at, ..Silence::default() }
}

fn at(ms: i64) -> Now {
    Now { wall_ms: START_MS + ms, monotonic_ms: ms }
}

/// What a machine that begins with these records is, without what is not recorded because it is found out again: when
/// exactly an alert ended, that one was heard of again, and that a line which does not tell ends is done with one.
fn state(records: Vec<Record>, now: Now) -> Vec<Record> {
    let machine = Machine::recover(config(CONFIG), Options::default(), records, now);
    let timeless = |record| match record {
        Record::Alert { alert, firing: false, .. } => Record::Alert { alert, firing: false, at: 0 },
        Record::Alert { alert, firing: true, at } => {
            let heard_once = Alert { ends_at: 0, updated_at: 0, ..Alert::clone(&alert) };
            Record::Alert { alert: Arc::new(heard_once), firing: true, at }
        }
        Record::Told { line, told, next_seq } if line.index == SILENT_ABOUT_ENDS => {
            Record::Told { line, told: Told { open: BTreeSet::new(), ..told }, next_seq }
        }
        record => record,
    };
    machine.snapshot(now).map(timeless).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn parts_and_records_are_a_log(script in prop::collection::vec(step(), 1..80)) {
        let (mut ms, mut sent) = (0, Vec::new());
        let mut machine = Machine::new(config(CONFIG), Options::default(), at(0));
        let (mut old, mut new, mut walk) = (Vec::new(), Vec::new(), None);
        for step in script {
            match step {
                Step::Post(name, ended) => {
                    let name = format!("{}a{name}", if ended { "-" } else { "" });
                    let alerts = vec![alert(&name, at(ms).wall_ms, 120_000)];
                    machine.handle_event(at(ms), Event::Alerts(alerts));
                }
                Step::Silence(name) => drop(machine.set_silence(at(ms), silence(name, at(ms)))),
                Step::Expire(n) => {
                    let id = machine.silences().iter().nth(n).map(|silence| silence.id.clone());
                    id.into_iter().for_each(|id| machine.expire_silence(at(ms), &id).unwrap());
                }
                Step::Pass(passed) => {
                    ms += passed;
                    machine.handle_timeout(at(ms));
                }
                Step::Answer(delivered) => {
                    for (line, seq) in std::mem::take(&mut sent) {
                        let failed = Outcome::Retry { after_ms: None, error: "503".to_owned() };
                        let outcome = if delivered { Outcome::Delivered(BTreeMap::new()) } else { failed };
                        machine.handle_event(at(ms), Event::Attempt { line, seq, outcome });
                    }
                }
                Step::Part(most) => {
                    let walk = walk.get_or_insert_with(|| machine.begin_snapshot());
                    new.extend(machine.next_part(walk, most, at(ms)).into_iter().flatten());
                }
            }
            let records: Vec<Record> = std::iter::from_fn(|| machine.poll_record()).collect();
            if walk.is_some() {
                new.extend(records.clone());
            }
            old.extend(records);
            sent.extend(std::iter::from_fn(|| machine.poll_send()).map(|send| (send.line, send.seq)));
        }
        let mut walk = walk.unwrap_or_else(|| machine.begin_snapshot());
        while let Some(part) = machine.next_part(&mut walk, 3, at(ms)) {
            new.extend(part);
        }
        let now = at(ms + 1);
        prop_assert_eq!(state(new, now), state(old, now));
    }
}
