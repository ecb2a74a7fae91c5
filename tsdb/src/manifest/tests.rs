use nightjar_model::{ClosedRange, MatchOp, Matcher};
use nightjar_platform::SimDisk;
use nightjar_platform::disk::{Call, Fault, FaultKind};
use proptest::prelude::*;

use super::record::Scalars;
use super::*;
use crate::tombstone::Tombstone;

fn add(number: u64) -> Change {
    let scalars = Scalars { next_file: number + 1, seal_until: Some(-5), ..Scalars::default() };
    Change { add: vec![number], scalars, ..Change::default() }
}

fn state(disk: &SimDisk) -> State {
    Manifest::open(disk).unwrap_or_else(|e| panic!("{e:?}")).state().clone()
}

#[test]
fn states_survive() {
    let disk = SimDisk::new();
    let mut manifest = Manifest::open(&disk).unwrap();
    (1..20).for_each(|n| manifest.append(add(n)).unwrap());
    manifest.append(Change { remove: vec![3, 4], ..add(20) }).unwrap();
    manifest
        .append(Change { forget: vec![3], bury: vec![(1, tombstone("a")), (2, tombstone("b"))], ..add(21) })
        .unwrap();
    manifest.append(Change { lift: vec![1], ..add(22) }).unwrap();
    let expected = manifest.state().clone();
    assert_eq!((expected.blocks.len(), expected.scalars.next_file), (20, 23));
    assert_eq!(expected.garbage, [4].into());
    assert_eq!(expected.tombstones, [(2, tombstone("b"))].into());
    drop(manifest);
    assert_eq!(state(&disk), expected);
    Manifest::write_copy(&disk, Path::new(""), &expected).unwrap();
    assert_eq!(state(&disk), expected);
}

fn tombstone(value: &str) -> Tombstone {
    let regex = Matcher::new(MatchOp::NotRegex, "job", "x.*").unwrap();
    let times = ClosedRange { start: i64::MIN, end: 5 };
    Tombstone { matchers: vec![Matcher::equal("__name__", value), regex], times, before: 1 << 40, files: 7 }
}

#[test]
fn every_cut_leaves_a_state_that_was_or_was_about_to_be() {
    let disk = SimDisk::new();
    disk.record();
    let mut manifest = Manifest::open(&disk).unwrap();
    for n in 1..6 {
        disk.mark(n - 1);
        manifest.append(add(n)).unwrap();
    }
    disk.mark(5);
    for (point, image) in disk.recording().crashes(4000, 3) {
        let blocks = state(&image).blocks.len() as u64;
        let done = point.mark.unwrap_or(0);
        assert!(blocks == done || blocks == done + 1, "{blocks} at {point:?}");
        assert_eq!(state(&image).blocks.len() as u64, blocks);
        Manifest::open(&image).unwrap().append(add(99)).unwrap();
        assert!(state(&image).blocks.contains(&99));
    }
}

#[test]
fn a_flip_in_one_file_costs_nothing() {
    let disk = SimDisk::new();
    let mut manifest = Manifest::open(&disk).unwrap();
    (1..4).for_each(|n| manifest.append(add(n)).unwrap());
    let expected = manifest.state().clone();
    drop(manifest);
    for name in FILES {
        let len = disk.open(name.as_ref(), OpenMode::Read).unwrap().len().unwrap();
        for offset in 0..len {
            let copy = disk.kill();
            copy.flip(name.as_ref(), offset, 0x10).unwrap();
            assert_eq!(state(&copy), expected, "{name} {offset}");
        }
    }
}

#[test]
fn damage_in_both_is_told() {
    let disk = SimDisk::new();
    Manifest::open(&disk).unwrap().append(add(1)).unwrap();
    FILES.iter().for_each(|name| disk.flip(name.as_ref(), 20, 1).unwrap());
    assert!(matches!(Manifest::open(&disk).map(|_| ()), Err(ManifestError::Damaged(_))));
}

#[test]
fn a_newer_version_is_refused_untouched() {
    let disk = SimDisk::new();
    drop(Manifest::open(&disk).unwrap());
    let mut bytes = MAGIC.to_vec();
    put_u32(VERSION + 1, &mut bytes);
    put_u32(crc32c::crc32c(&bytes), &mut bytes);
    disk.open(FILES[1].as_ref(), OpenMode::ReadWrite).unwrap().write_all_at(&bytes, 0).unwrap();
    assert!(matches!(Manifest::open(&disk).map(|_| ()), Err(ManifestError::Newer(3))));
}

#[test]
fn a_failed_write_is_not_trusted() {
    for call in [Call::Write, Call::SyncData] {
        for after in 0..4 {
            let disk = SimDisk::new();
            let mut manifest = Manifest::open(&disk).unwrap();
            disk.inject(Fault { after, path: Some("MANIFEST".into()), ..Fault::next(call, FaultKind::Io) });
            let failed: Vec<u64> = (1..5).filter(|n| manifest.append(add(*n)).is_err()).collect();
            assert!(failed.len() <= 1);
            let kept = manifest.state().blocks.clone();
            drop(manifest);
            assert_eq!(state(&disk).blocks, kept, "{call:?} after {after}");
        }
    }
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes: Vec<u8>) {
        let _ = read_frame(&bytes);
        let mut framed = frame(1, &add(1));
        framed.truncate(16);
        framed.extend(bytes);
        let _ = read_frame(&framed);
    }
}
