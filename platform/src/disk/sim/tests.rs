//! The simulated disk must itself be cruel, and cruel only where a real one may be.

use super::*;
use crate::entropy::SplitMix;

fn p(path: &str) -> &Path {
    Path::new(path)
}

fn content(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    let file = disk.open(p(path), OpenMode::Read).ok()?;
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    Some(bytes)
}

/// A file whose content and name are durable.
fn durable(disk: &SimDisk, path: &str, bytes: &[u8]) -> SimFile {
    let file = disk.open(p(path), OpenMode::CreateNew).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(p(path).parent().unwrap()).unwrap();
    file
}

fn random_images(disk: &SimDisk) -> impl Iterator<Item = SimDisk> + '_ {
    (0..200).flat_map(|seed| [disk.crash(Crash::Random { seed }), disk.crash(Crash::Torn { seed })])
}

#[test]
fn unsynced_data_is_lost_and_synced_data_never() {
    let disk = SimDisk::new();
    let file = durable(&disk, "a", b"synced");
    file.write_all_at(b" and more", 6).unwrap();
    assert_eq!(content(&disk, "a").unwrap(), b"synced and more");
    assert_eq!(content(&disk.crash(Crash::LoseUnsynced), "a").unwrap(), b"synced");
    assert_eq!(content(&disk.crash(Crash::KeepAll), "a").unwrap(), b"synced and more");
    assert_eq!(content(&disk.kill(), "a").unwrap(), b"synced and more");
    assert!(random_images(&disk).all(|d| content(&d, "a").unwrap().starts_with(b"synced")));
}

#[test]
fn a_synced_file_without_a_synced_name_may_be_missing() {
    let disk = SimDisk::new();
    let file = disk.open(p("a"), OpenMode::CreateNew).unwrap();
    file.write_all_at(b"x", 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(content(&disk.crash(Crash::LoseUnsynced), "a"), None);
    let fates: BTreeSet<_> = random_images(&disk).map(|d| content(&d, "a")).collect();
    assert_eq!(fates, BTreeSet::from([None, Some(b"x".to_vec())]));
    disk.sync_dir(p("")).unwrap();
    assert!(random_images(&disk).all(|d| content(&d, "a").unwrap() == b"x"));
}

#[test]
fn a_file_in_a_directory_without_a_durable_name_may_be_missing() {
    let disk = SimDisk::new();
    disk.create_dir(p("a/b")).unwrap();
    durable(&disk, "a/b/c", b"x");
    assert_eq!(content(&disk.crash(Crash::LoseUnsynced), "a/b/c"), None);
    disk.sync_dir(p("a")).unwrap();
    disk.sync_dir(p(".")).unwrap();
    assert_eq!(content(&disk.crash(Crash::LoseUnsynced), "a/b/c").unwrap(), b"x");
}

#[test]
fn an_unsynced_rename_is_rolled_back_whole() {
    let disk = SimDisk::new();
    durable(&disk, "CURRENT", b"old");
    durable(&disk, "tmp", b"new");
    disk.rename(p("tmp"), p("CURRENT")).unwrap();
    let lost = disk.crash(Crash::LoseUnsynced);
    assert_eq!(
        (content(&lost, "CURRENT").unwrap(), content(&lost, "tmp").unwrap()),
        (b"old".to_vec(), b"new".to_vec())
    );
    let fates: BTreeSet<_> = random_images(&disk).map(|d| (content(&d, "CURRENT"), content(&d, "tmp"))).collect();
    let rolled_back = (Some(b"old".to_vec()), Some(b"new".to_vec()));
    assert_eq!(fates, BTreeSet::from([rolled_back, (Some(b"new".to_vec()), None)]));
    disk.sync_dir(p("")).unwrap();
    assert!(random_images(&disk).all(|d| content(&d, "CURRENT").unwrap() == b"new"));
}

#[test]
fn a_rename_between_directories_needs_both_synced() {
    let disk = SimDisk::new();
    for dir in ["a", "b"] {
        disk.create_dir(p(dir)).unwrap();
    }
    disk.sync_dir(p("")).unwrap();
    durable(&disk, "a/f", b"x");
    disk.rename(p("a/f"), p("b/f")).unwrap();
    disk.sync_dir(p("b")).unwrap();
    assert!(content(&disk.crash(Crash::LoseUnsynced), "a/f").is_some());
    disk.sync_dir(p("a")).unwrap();
    let after = disk.crash(Crash::LoseUnsynced);
    assert_eq!((content(&after, "a/f"), content(&after, "b/f")), (None, Some(b"x".to_vec())));
}

#[test]
fn removal_may_outrun_a_rename() {
    let disk = SimDisk::new();
    durable(&disk, "old", b"1");
    durable(&disk, "new.tmp", b"2");
    disk.rename(p("new.tmp"), p("new")).unwrap();
    disk.remove_file(p("old")).unwrap();
    let both_gone = |d: SimDisk| content(&d, "old").is_none() && content(&d, "new").is_none();
    assert!(random_images(&disk).any(both_gone), "who forgets to sync between must be caught");
}

#[test]
fn a_write_is_torn_at_sectors() {
    let disk = SimDisk::new();
    let file = durable(&disk, "a", &[1; 2048]);
    file.write_all_at(&[2; 1536], 256).unwrap();
    let mut kinds = BTreeSet::new();
    for seed in 0..50 {
        let bytes = content(&disk.crash(Crash::Torn { seed }), "a").unwrap();
        assert_eq!((&bytes[..256], &bytes[1792..]), (&[1; 256][..], &[1; 256][..]), "neighbours are untouched");
        for (i, sector) in
            [&bytes[256..512], &bytes[512..1024], &bytes[1024..1536], &bytes[1536..1792]].iter().enumerate()
        {
            let uniform = sector.iter().all(|b| *b == sector[0]);
            kinds.insert((i, if uniform { i16::from(sector[0]) } else { -1 }));
        }
    }
    let expected = (0..4).flat_map(|i| [-1, 0, 1, 2].map(|kind| (i, kind))).collect();
    assert_eq!(kinds, expected, "each sector new, old, zero and garbage");
}

#[test]
fn length_and_data_may_disagree() {
    let disk = SimDisk::new();
    let file = durable(&disk, "a", b"");
    file.write_all_at(&[7; 600], 0).unwrap();
    file.write_all_at(&[7; 600], 600).unwrap();
    let images: Vec<Vec<u8>> = random_images(&disk).map(|d| content(&d, "a").unwrap()).collect();
    assert!(images.iter().any(|b| b.len() == 1200 && b[600..] == [0; 600]), "length without data");
    assert!(images.iter().any(|b| b.is_empty()), "data without length");
    file.sync_data().unwrap();
    assert!(random_images(&disk).all(|d| content(&d, "a").unwrap() == [7; 1200]));
}

#[test]
fn a_cut_is_open_until_synced() {
    let disk = SimDisk::new();
    let file = durable(&disk, "a", b"abcdef");
    file.set_len(3).unwrap();
    assert_eq!(content(&disk.crash(Crash::LoseUnsynced), "a").unwrap(), b"abcdef");
    file.sync_data().unwrap();
    assert_eq!(content(&disk.crash(Crash::LoseUnsynced), "a").unwrap(), b"abc");
    file.set_len(5).unwrap();
    assert_eq!(content(&disk, "a").unwrap(), b"abc\0\0");
}

#[test]
fn what_a_failed_sync_should_have_kept_is_never_safe_again() {
    let disk = SimDisk::new();
    let file = durable(&disk, "a", b"");
    file.write_all_at(b"1", 0).unwrap();
    disk.inject(Fault::next(Call::SyncData, FaultKind::Io));
    assert_eq!(file.sync_data().unwrap_err().raw_os_error(), Some(5));
    file.sync_data().unwrap();
    assert_eq!(content(&disk, "a").unwrap(), b"1");
    assert_eq!(content(&disk.crash(Crash::LoseUnsynced), "a").unwrap(), b"");
    file.write_all_at(b"2", 1).unwrap();
    file.sync_data().unwrap();
    let after = content(&disk.crash(Crash::LoseUnsynced), "a").unwrap();
    assert_eq!(after, [0, b'2'], "the later write is kept, the lost one a hole");
}

#[test]
fn a_full_disk_writes_what_fits_and_recovers() {
    let disk = SimDisk::new();
    disk.set_capacity(10);
    let file = disk.open(p("a"), OpenMode::CreateNew).unwrap();
    assert_eq!(file.write_all_at(&[1; 16], 0).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!((file.len().unwrap(), disk.free_bytes().unwrap()), (10, 0));
    file.write_all_at(&[2; 10], 0).unwrap();
    disk.set_capacity(100);
    file.write_all_at(&[1; 16], 0).unwrap();
    file.allocate(90).unwrap();
    assert_eq!((disk.free_bytes().unwrap(), file.len().unwrap()), (10, 16));
    disk.set_capacity(0);
    file.write_all_at(&[1; 90], 0).unwrap();
    assert!(file.write_all_at(&[1; 1], 90).is_err());
    disk.remove_file(p("a")).unwrap();
    assert_eq!(disk.used_bytes(), 90, "an open file keeps its room");
    drop(file);
    assert_eq!(disk.used_bytes(), 0);
}

#[test]
fn faults_strike_as_ordered() {
    let disk = SimDisk::new();
    let file = durable(&disk, "wal/1".trim_start_matches("wal/"), b"");
    disk.inject(Fault { after: 1, ..Fault::next(Call::Write, FaultKind::ShortWrite) });
    file.write_all_at(b"ok", 0).unwrap();
    assert_eq!(file.write_all_at(b"half", 2).unwrap_err().raw_os_error(), Some(28));
    assert_eq!(content(&disk, "1").unwrap(), b"okha");
    file.write_all_at(b"fine", 0).unwrap();
    disk.inject(Fault { call: None, path: Some("1".into()), after: 0, kind: FaultKind::Io, sticky: true });
    assert!(file.write_all_at(b"x", 0).is_err() && file.sync_data().is_err() && file.set_len(0).is_err());
    assert!(disk.open(p("2"), OpenMode::CreateNew).is_ok(), "another path");
    assert_eq!(disk.faults_hit(), 4);
    disk.clear_faults();
    file.sync_data().unwrap();
    assert_eq!((disk.calls(Call::Write), disk.calls(Call::SyncData)), (5, 3));
}

#[test]
fn a_flipped_bit_is_on_the_medium() {
    let disk = SimDisk::new();
    let _file = durable(&disk, "a", b"abc");
    disk.flip(p("a"), 1, 0x01).unwrap();
    assert_eq!(content(&disk, "a").unwrap(), b"acc");
    assert_eq!(content(&disk.crash(Crash::LoseUnsynced), "a").unwrap(), b"acc");
    assert!(disk.flip(p("a"), 3, 1).is_err() && disk.flip(p("b"), 0, 1).is_err());
}

#[test]
fn a_lock_has_one_holder_and_dies_with_it() {
    let disk = SimDisk::new();
    let held = disk.lock(p("lock")).unwrap().unwrap();
    assert!(disk.lock(p("lock")).unwrap().is_none());
    assert!(disk.crash(Crash::KeepAll).lock(p("lock")).unwrap().is_some());
    drop(held);
    assert!(disk.lock(p("lock")).unwrap().is_some());
}

#[test]
fn power_off_ends_every_call() {
    let disk = SimDisk::new();
    let file = durable(&disk, "a", b"abc");
    disk.power_off();
    assert!(file.write_all_at(b"x", 0).is_err() && disk.list(p("")).is_err() && content(&disk, "a").is_none());
    assert_eq!(content(&disk.crash(Crash::KeepAll), "a").unwrap(), b"abc");
}

/// A log that appends records and acknowledges after a sync, with the directory synced once.
fn append_log(disk: &SimDisk, sync: bool) {
    disk.record();
    let file = disk.open(p("log"), OpenMode::CreateNew).unwrap();
    disk.sync_dir(p("")).unwrap();
    for i in 0..20u64 {
        file.write_all_at(&[i as u8 + 1; 300], i * 300).unwrap();
        if sync {
            file.sync_data().unwrap();
        }
        disk.mark(i + 1);
    }
}

fn acked_is_there(point: CrashPoint, disk: &SimDisk) -> bool {
    let acked = point.mark.unwrap_or(0);
    let bytes = content(disk, "log").unwrap_or_default();
    (0..acked as usize).all(|i| bytes.get(i * 300..i * 300 + 300) == Some(&[i as u8 + 1; 300]))
}

#[test]
fn every_crash_of_a_recorded_workload_is_visited_without_running_it_again() {
    let disk = SimDisk::new();
    append_log(&disk, true);
    let recording = disk.recording();
    assert!(!recording.is_empty());
    let crashes: Vec<_> = recording.crashes(100_000, 1).collect();
    assert_eq!(crashes.len(), (recording.len() + 1) * 5);
    assert!(crashes.iter().all(|(point, disk)| acked_is_there(*point, disk)));
    let again: Vec<_> = recording.crashes(100_000, 1).collect();
    let same = |(a, b): (&(CrashPoint, SimDisk), &(CrashPoint, SimDisk))| {
        a.0 == b.0 && content(&a.1, "log") == content(&b.1, "log")
    };
    assert!(crashes.iter().zip(&again).all(same), "a seed fixes every image");
    let some: Vec<_> = recording.crashes(50, 1).map(|(point, _)| point.steps).collect();
    assert!(some.len() <= 50 && some.iter().max() > Some(&(recording.len() - 10)));
}

#[test]
fn a_log_that_forgets_to_sync_is_caught() {
    let disk = SimDisk::new();
    append_log(&disk, false);
    assert!(disk.recording().crashes(1000, 1).any(|(point, disk)| !acked_is_there(point, &disk)));
}

/// Whatever is done, keeping everything equals what the process saw.
#[test]
fn keeping_all_is_the_live_disk() {
    for seed in 0..60 {
        let mut rng = SplitMix::new(seed);
        let disk = SimDisk::new();
        disk.create_dir(p("d")).unwrap();
        let names = ["a", "b", "d/a", "d/b"];
        for _ in 0..80 {
            let (one, two) = (names[rng.below(4) as usize], names[rng.below(4) as usize]);
            let file =
                disk.open(p(one), OpenMode::ReadWrite).or_else(|_| disk.open(p(one), OpenMode::CreateNew)).unwrap();
            let _ = match rng.below(8) {
                0 => file.set_len(rng.below(900)),
                1 => file.sync_data(),
                2 => disk.rename(p(one), p(two)),
                3 => disk.remove_file(p(one)),
                4 => disk.link(p(one), p(two)),
                5 => disk.sync_dir(p(if rng.one_in(2) { "" } else { "d" })),
                _ => file.write_all_at(&vec![rng.next_u64() as u8; rng.below(700) as usize], rng.below(600)),
            };
        }
        let after = disk.crash(Crash::KeepAll);
        let picture = |d: &SimDisk| names.map(|name| content(d, name));
        assert_eq!(picture(&after), picture(&disk), "seed {seed}");
        assert_eq!(picture(&disk.kill()), picture(&disk), "seed {seed}");
        for crash in [Crash::LoseUnsynced, Crash::Random { seed }] {
            picture(&disk.crash(crash));
        }
    }
}
