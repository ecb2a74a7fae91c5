//! The simulated disk answers every call as the real one does, errors included.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io;
use std::path::Path;

use nightjar_platform::disk::{Disk, DiskFile, OpenMode, RealDisk, SimDisk};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Create(usize),
    CreateDir(usize),
    Write(usize, u64, Vec<u8>),
    Read(usize, u64, usize),
    SetLen(usize, u64),
    Rename(usize, usize),
    Link(usize, usize),
    RemoveFile(usize),
    RemoveDir(usize),
    List(usize),
    SyncDir(usize),
}

const PATHS: [&str; 8] = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "missing/a"];

fn step() -> impl Strategy<Value = Step> {
    let path = || 0..PATHS.len();
    prop_oneof![
        3 => path().prop_map(Step::Create),
        2 => path().prop_map(Step::CreateDir),
        4 => (path(), 0..600u64, vec(any::<u8>(), 0..600)).prop_map(|(p, at, bytes)| Step::Write(p, at, bytes)),
        2 => (path(), 0..600u64, 1..600usize).prop_map(|(p, at, len)| Step::Read(p, at, len)),
        1 => (path(), 0..900u64).prop_map(|(p, len)| Step::SetLen(p, len)),
        3 => (path(), path()).prop_map(|(a, b)| Step::Rename(a, b)),
        1 => (path(), path()).prop_map(|(a, b)| Step::Link(a, b)),
        2 => path().prop_map(Step::RemoveFile),
        1 => path().prop_map(Step::RemoveDir),
        1 => path().prop_map(Step::List),
        1 => path().prop_map(Step::SyncDir),
    ]
}

/// Does a step and puts what came of it into words. Of errors only the kinds that callers rely on are told apart.
fn run<D: Disk>(disk: &D, step: &Step) -> Result<String, String> {
    let path = |i: &usize| Path::new(PATHS[*i]);
    let file = |i: &usize| disk.open(path(i), OpenMode::ReadWrite);
    let nothing = |()| String::new();
    let done = match step {
        Step::Create(p) => disk.open(path(p), OpenMode::CreateNew).map(|_| String::new()),
        Step::CreateDir(p) => disk.create_dir(path(p)).map(nothing),
        Step::Write(p, at, bytes) => file(p).and_then(|f| {
            f.write_all_at(bytes, *at)?;
            f.len().map(|len| len.to_string())
        }),
        Step::Read(p, at, len) => disk.open(path(p), OpenMode::Read).and_then(|f| {
            let mut buf = vec![0; *len];
            f.read_exact_at(&mut buf, *at).map(|()| format!("{buf:?}"))
        }),
        Step::SetLen(p, len) => file(p).and_then(|f| f.set_len(*len)).map(nothing),
        Step::Rename(a, b) => disk.rename(path(a), path(b)).map(nothing),
        Step::Link(a, b) => disk.link(path(a), path(b)).map(nothing),
        Step::RemoveFile(p) => disk.remove_file(path(p)).map(nothing),
        Step::RemoveDir(p) => disk.remove_dir(path(p)).map(nothing),
        Step::List(p) => disk.list(path(p)).map(|entries| format!("{entries:?}")),
        Step::SyncDir(p) => disk.sync_dir(path(p)).map(nothing),
    };
    done.map_err(|e| match e.kind() {
        kind @ (io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists | io::ErrorKind::UnexpectedEof) => {
            format!("{kind:?}")
        }
        _ => "another error".to_owned(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn both_disks_agree(steps in vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let (real, sim) = (RealDisk::new(dir.path().join("root")).unwrap(), SimDisk::new());
        for step in &steps {
            let (expected, got) = (run(&real, step), run(&sim, step));
            // RealDisk lets sync_dir sync a file; nobody needs that.
            if !matches!(step, Step::SyncDir(_)) {
                prop_assert_eq!(got, expected, "{:?}", step);
            }
        }
        for path in ["", "d", "d/e"] {
            prop_assert_eq!(sim.list(Path::new(path)).ok(), real.list(Path::new(path)).ok());
        }
    }
}

#[test]
fn neither_disk_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let (real, sim) = (RealDisk::new(dir.path().join("root")).unwrap(), SimDisk::new());
    for path in ["../out", "/etc/passwd", "a/../../out"] {
        let path = Path::new(path);
        assert!(real.open(path, OpenMode::CreateNew).is_err() && sim.open(path, OpenMode::CreateNew).is_err());
    }
}
