//! A block appears whole or not at all, whatever the disk does.

use std::path::Path;

use nightjar_platform::disk::{Call, Fault, FaultKind, SimDisk};
use nightjar_platform::{Disk, OpenMode};

use super::super::{Block, BlockOptions};
use super::damage::{TINY_PAGES, content, everything};

const PATH: &str = "blocks/b";
/// Spills to the scratch file.
const SPILLING: BlockOptions = BlockOptions { memory_bytes: 500, ..TINY_PAGES };

fn disk() -> SimDisk {
    let disk = SimDisk::new();
    disk.create_dir(Path::new("blocks")).unwrap();
    disk.sync_dir(Path::new(".")).unwrap();
    disk
}

fn truth() -> String {
    let disk = disk();
    content().try_write(&disk, Path::new(PATH), SPILLING).unwrap();
    everything(&Block::open(&disk, Path::new(PATH)).unwrap()).unwrap()
}

fn is_there(disk: &SimDisk) -> bool {
    disk.open(Path::new(PATH), OpenMode::Read).is_ok()
}

#[test]
fn a_power_cut_leaves_a_whole_block_or_none() {
    let (disk, truth) = (disk(), truth());
    disk.record();
    content().try_write(&disk, Path::new(PATH), SPILLING).unwrap();
    disk.mark(1);
    disk.sync_dir(Path::new(".")).unwrap();
    let recording = disk.recording();
    let (mut there, mut images) = (0, 0);
    for (point, image) in recording.crashes(2000, 1) {
        images += 1;
        if is_there(&image) {
            there += 1;
            let block = Block::open(&image, Path::new(PATH)).unwrap();
            assert_eq!(everything(&block).unwrap(), truth, "{point:?}");
            assert_eq!(block.verify().unwrap(), []);
        } else {
            assert_eq!(point.mark, None, "finished, then lost: {point:?}");
        }
    }
    assert!(there > 0 && there < images, "{there} of {images}");
}

#[test]
fn a_failing_call_leaves_a_whole_block_or_none() {
    let truth = truth();
    let mut failures = 0;
    for kind in [FaultKind::NoSpace, FaultKind::Io, FaultKind::ShortWrite] {
        for call in [None, Some(Call::Read)] {
            for after in 0.. {
                let disk = disk();
                disk.inject(Fault { call, path: None, after, kind, sticky: false });
                let result = content().try_write(&disk, Path::new(PATH), SPILLING);
                if disk.faults_hit() == 0 {
                    break;
                }
                failures += usize::from(result.is_err());
                disk.clear_faults();
                let left =
                    |dir: &str| disk.list(Path::new(dir)).unwrap().into_iter().map(|e| e.name).collect::<Vec<_>>();
                assert_eq!(left("."), ["blocks"], "no scratch file stays");
                assert!(left("blocks").iter().all(|name| name == "b"), "no temporary file stays");
                if is_there(&disk) {
                    let block = Block::open(&disk, Path::new(PATH)).unwrap();
                    assert_eq!(everything(&block).unwrap(), truth);
                } else {
                    assert!(result.is_err());
                }
            }
        }
    }
    assert!(failures > 10, "{failures}");
}
