//! The log against power cuts, bad media and any bytes.

use super::*;
use crate::fingerprint::Fingerprint;
use crate::record::{GroupId, LineId, Told};
use crate::silence::{Schedule, Silence};
use nightjar_model::Labels;
use nightjar_platform::disk::{Crash, SimDisk};
use nightjar_platform::{DiskFile, OpenMode};
use proptest::prelude::*;

fn record(n: usize) -> Record {
    Record::Silence(Silence { id: format!("{n:04}"), comment: "x".repeat(n % 50), ..Silence::default() })
}

fn dir() -> &'static Path {
    Path::new("data/alerts")
}

fn open(disk: &SimDisk) -> (Log<SimDisk>, Recovered) {
    Log::open(disk.clone(), dir()).unwrap()
}

/// The bytes of the first file of a log.
fn content(disk: &SimDisk) -> Vec<u8> {
    let file = disk.open(&dir().join("00000001.log"), OpenMode::Read).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    bytes
}

/// A disk on which a log has these bytes.
fn disk_with(bytes: &[u8]) -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir(dir()).unwrap();
    disk.open(&dir().join("00000001.log"), OpenMode::CreateNew).unwrap().write_all_at(bytes, 0).unwrap();
    disk
}

#[test]
fn what_is_written_is_read_again() {
    let disk = SimDisk::new();
    let (mut log, recovered) = open(&disk);
    assert_eq!(recovered, Recovered::default());
    assert!(log.append(&[record(0)]).is_err(), "a log begins with a snapshot");
    log.rewrite(&[record(1)]).unwrap();
    log.append(&[record(2), record(3)]).unwrap();
    let after = disk.crash(Crash::LoseUnsynced);
    let (mut log, recovered) = open(&after);
    assert_eq!(recovered.records, [record(1), record(2), record(3)]);
    log.append(&[record(4)]).unwrap();
    log.rewrite(&[record(5)]).unwrap();
    assert_eq!(open(&after).1.records, [record(5)]);
}

/// The power is cut at every step of a history: what was acknowledged is there, in order, and nothing else.
#[test]
fn every_power_cut_keeps_what_was_acknowledged() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    log.rewrite(&[]).unwrap();
    disk.record();
    let mut all = Vec::new();
    for n in 0..12 {
        all.push(record(n));
        match n % 5 {
            4 => log.rewrite(&all).unwrap(),
            _ => log.append(&all[n..]).unwrap(),
        }
        disk.mark(n as u64 + 1);
    }
    let mut points = 0;
    for (point, after) in disk.recording().crashes(1_000, 7) {
        let acknowledged = point.mark.unwrap_or(0) as usize;
        let (mut log, recovered) = open(&after);
        assert!(recovered.records.len() >= acknowledged, "{} of {acknowledged}", recovered.records.len());
        assert_eq!(recovered.records, all[..recovered.records.len()]);
        assert_eq!(recovered.damaged_frames, 0);
        log.append(&[record(99)]).unwrap();
        assert_eq!(open(&after).1.records.last(), Some(&record(99)));
        points += 1;
    }
    assert!(points > 60, "{points}");
}

#[test]
fn a_flipped_bit_costs_one_frame_and_is_reported() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    log.rewrite(&[record(0)]).unwrap();
    for n in 1..5 {
        log.append(&[record(n)]).unwrap();
    }
    disk.flip(&dir().join("00000001.log"), log.len_bytes() / 2, 4).unwrap();
    drop(log);
    let (mut log, recovered) = open(&disk);
    assert_eq!((recovered.records.len(), recovered.damaged_frames), (4, 1));
    assert!(!log.is_usable());
    log.rewrite(&recovered.records).unwrap();
    assert_eq!(open(&disk).1.records.len(), 4);
    let names: Vec<_> = disk.list(dir()).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["00000001.damaged", "00000002.log"]);
}

/// `testdata/alertmanager/v1.log` is a log of the first version: later versions must read it.
#[test]
fn the_first_version_is_read() {
    is_as_the_fixture("v1.log", [record(1), record(2), record(3)]);
}

/// Silences that recur and counts of messages came later, as members that are absent where they say nothing.
#[test]
fn what_came_later_is_read() {
    let text = r#"{"weekdays":["sunday"],"times":[{"start_time":"02:00","end_time":"04:00"}],"location":"UTC"}"#;
    let intervals = vec![serde_json::from_str(text).unwrap()];
    let schedule = Some(Schedule { time_intervals: vec!["nights".to_owned()], intervals });
    let silence = Record::Silence(Silence { id: "recurs".to_owned(), schedule, ..Silence::default() });
    let group = GroupId { route: "{}".into(), labels: Labels::from_pairs([("a", "b")]) };
    let line = LineId { group, receiver: "r".into(), kind: "webhook".into(), index: 0 };
    let told = Told { at: 12, firing: [Fingerprint(1)].into(), count: 3, lasting_ms: 9, ..Told::default() };
    is_as_the_fixture("v1-later.log", [silence, Record::Told { line, told, next_seq: 4 }, record(3)]);
}

#[expect(clippy::disallowed_methods, reason = "the fixture lies in the repository")]
fn is_as_the_fixture(name: &str, records: [Record; 3]) {
    let path = format!("{}/../testdata/alertmanager/{name}", env!("CARGO_MANIFEST_DIR"));
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    log.rewrite(&records[..2]).unwrap();
    log.append(&records[2..]).unwrap();
    let bytes = content(&disk);
    if std::env::var_os("NIGHTJAR_BLESS").is_some() {
        std::fs::write(&path, &bytes).unwrap();
    }
    let fixture = std::fs::read(&path).unwrap();
    assert!(fixture.starts_with(b"NJALERT1"));
    assert_eq!(open(&disk_with(&fixture)).1.records, records);
    assert_eq!(fixture, bytes, "the format has changed");
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..400) {
        let disk = SimDisk::new();
        open(&disk).0.rewrite(&[record(1), record(2)]).unwrap();
        let mut file = content(&disk);
        file.truncate(cut);
        file.extend(bytes);
        let (log, recovered) = open(&disk_with(&file));
        prop_assert!(recovered.records.len() <= 2 && log.len_bytes() <= file.len() as u64);
    }
}
