//! No damage is ever served as data.

use std::path::Path;

use nightjar_model::{ClosedRange, Labels, Matcher, STALE_NAN};
use nightjar_platform::disk::{Call, Fault, FaultKind, SimDisk};
use nightjar_platform::{Disk, DiskFile, OpenMode, RealDisk};
use proptest::prelude::*;

use super::super::{Block, BlockError, BlockOptions};
use super::model::{Content, Series, histogram, said};

/// A small block with every kind of page.
pub(super) fn content() -> Content {
    scaled_content(1)
}

fn scaled_content(scale: usize) -> Content {
    let times: Vec<i64> = (0..40).map(|i| 2_000_000 + i * 1000 + i % 7).collect();
    let one = |i: usize| Series {
        labels: Labels::from_pairs([("__name__", ["up", "load"][i % 2]), ("cpu", &i.to_string())]),
        floats: times
            .iter()
            .enumerate()
            .filter(|(k, _)| i != 3 || k % 5 != 0)
            .map(|(k, t)| (*t, if k == 30 { STALE_NAN } else { (k * k * i * scale) as f64 / 10.0 }, 0))
            .collect(),
        histograms: if i == 4 { vec![histogram(2_000_000, 3), histogram(2_001_000, 9)] } else { Vec::new() },
        exemplars: Vec::new(),
    };
    Content { targets: vec![(times.clone(), (0..6).map(one).collect())] }
}

pub(super) const TINY_PAGES: BlockOptions =
    BlockOptions { page_bytes: 60, memory_bytes: 1 << 20, zstd_level: 1, segment_samples: 30 };

/// All that a block says, or why it does not.
pub(super) fn everything<D: Disk>(block: &Block<D>) -> Result<String, BlockError> {
    let ids = block.select(&[])?.to_vec();
    let mut data = Vec::new();
    block.read(&ids, ClosedRange::ALL, &mut data)?;
    let labels: Vec<_> = ids.iter().map(|id| block.labels(*id)).collect::<Result<_, _>>()?;
    let up = block.select(&[Matcher::equal("__name__", "up")])?.to_vec();
    let values = block.label_values("cpu", &[], 0)?;
    let times: Vec<_> = ids.iter().map(|id| block.times(*id)).collect::<Result<_, _>>()?;
    let said: Vec<_> = data.iter().map(said).collect();
    Ok(format!("{labels:?} {said:?} {up:?} {values:?} {times:?} {:?}", block.summary()))
}

struct Patient {
    _dir: tempfile::TempDir,
    disk: RealDisk,
    bytes: Vec<u8>,
    truth: String,
}

impl Patient {
    fn new() -> Patient {
        let dir = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(dir.path()).unwrap();
        content().write(&disk, Path::new("b"), TINY_PAGES);
        let file = disk.open(Path::new("b"), OpenMode::Read).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        let truth = everything(&Block::open(&disk, Path::new("b")).unwrap()).unwrap();
        Patient { _dir: dir, disk, bytes, truth }
    }

    fn file(&self) -> <RealDisk as Disk>::File {
        self.disk.open(Path::new("b"), OpenMode::ReadWrite).unwrap()
    }

    /// The truth, or an error; never something else.
    fn examine(&self, what: &str) -> bool {
        let Ok(block) = Block::open(&self.disk, Path::new("b")) else { return true };
        let answered = match everything(&block) {
            Ok(answer) => {
                assert_eq!(answer, self.truth, "{what}");
                false
            }
            Err(e) => {
                assert!(e.to_string().contains("is damaged"), "{e}");
                true
            }
        };
        assert!(!block.verify().unwrap().is_empty(), "{what} was not found");
        answered
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let patient = Patient::new();
    let file = patient.file();
    let mut errors = 0;
    for at in 0..patient.bytes.len() {
        let bit = 1 << (at % 8);
        file.write_all_at(&[patient.bytes[at] ^ bit], at as u64).unwrap();
        errors += usize::from(patient.examine(&format!("byte {at} bit {bit}")));
        file.write_all_at(&[patient.bytes[at]], at as u64).unwrap();
    }
    assert!(errors > 100 && errors < patient.bytes.len(), "{errors} of {}", patient.bytes.len());
}

#[test]
fn every_truncation_is_found() {
    let patient = Patient::new();
    let file = patient.file();
    for len in (0..patient.bytes.len()).rev().step_by(13) {
        file.set_len(len as u64).unwrap();
        let e = Block::open(&patient.disk, Path::new("b")).map(|_| ()).unwrap_err().to_string();
        assert!(e.contains("intact copy"), "{e}");
    }
    file.write_all_at(&patient.bytes, 0).unwrap();
    file.write_all_at(&[0; 100], patient.bytes.len() as u64).unwrap();
    assert!(Block::open(&patient.disk, Path::new("b")).is_err());
}

#[test]
fn pages_that_changed_places_are_found() {
    let patient = Patient::new();
    let (a, b) = {
        let block = Block::open(&patient.disk, Path::new("b")).unwrap();
        let pages = &block.directory.section(super::super::section::Kind::Columns).pages;
        (pages[1], pages[2])
    };
    let len = a.stored.min(b.stored) as usize;
    let bytes = |at: u64| &patient.bytes[at as usize..at as usize + len];
    patient.file().write_all_at(bytes(a.offset), b.offset).unwrap();
    patient.file().write_all_at(bytes(b.offset), a.offset).unwrap();
    assert!(patient.examine("swapped pages"));
}

#[test]
fn a_damaged_page_costs_only_itself() {
    let patient = Patient::new();
    let offset = {
        let block = Block::open(&patient.disk, Path::new("b")).unwrap();
        block.directory.section(super::super::section::Kind::Columns).pages[1].offset
    };
    patient.file().write_all_at(&[!patient.bytes[offset as usize]], offset).unwrap();
    let block = Block::open(&patient.disk, Path::new("b")).unwrap();
    let ids: Vec<u32> = (0..6).collect();
    let mut out = Vec::new();
    let e = block.read(&ids, ClosedRange::ALL, &mut out).unwrap_err().to_string();
    assert!(e.contains("/b: columns page 1 (bytes ") && e.contains("intact copy"), "{e}");
    assert!(out.is_empty());
    let missing = block.read_intact(&ids, ClosedRange::ALL, &mut out).unwrap();
    assert!(missing > 0 && missing < 6);
    assert_eq!(out.iter().filter(|s| s.floats.values.is_empty()).count(), missing);
    assert_eq!(block.damage().len(), 1, "each page is reported once");
}

#[test]
fn a_scrub_goes_in_steps_and_finds_a_planted_flip() {
    let disk = SimDisk::new();
    content().try_write(&disk, Path::new("b"), TINY_PAGES).unwrap();
    let block = Block::open(&disk, Path::new("b")).unwrap();
    let page = block.directory.section(super::super::section::Kind::Postings).pages[0];
    disk.flip(Path::new("b"), page.offset + 3, 16).unwrap();
    let (mut next, mut steps) = (Some(0), 0);
    while let Some(from) = next {
        next = block.scrub(from, 100).unwrap().0;
        steps += 1;
    }
    assert!(steps > 2, "{steps}");
    let found: Vec<_> = block.damage().iter().map(|d| (d.part, d.offset)).collect();
    assert_eq!(found, [("postings", page.offset)]);
}

#[test]
fn an_unreadable_sector_is_a_damaged_page() {
    let disk = SimDisk::new();
    content().try_write(&disk, Path::new("b"), TINY_PAGES).unwrap();
    let block = Block::open(&disk, Path::new("b")).unwrap();
    disk.inject(Fault::next(Call::Read, FaultKind::Io));
    let mut out = Vec::new();
    let missing = block.read_intact(&[0, 1, 2, 3, 4, 5], ClosedRange::ALL, &mut out).unwrap();
    assert!(missing > 0 && missing < 6, "{missing}");
    assert!(block.damage()[0].reason.contains("cannot read"));
}

#[test]
fn another_files_page_is_found() {
    let patient = Patient::new();
    scaled_content(3).write(&patient.disk, Path::new("other"), TINY_PAGES);
    let other = patient.disk.open(Path::new("other"), OpenMode::Read).unwrap();
    let mut page = [0; 90];
    other.read_exact_at(&mut page, 32).unwrap();
    patient.file().write_all_at(&page, 32).unwrap();
    assert!(patient.examine("a page of another file"));
}

proptest! {
    #[test]
    fn arbitrary_pages_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        use super::super::{dictionary::Dictionary, directory::*, entries::Entries, facts::Facts, postings, presence::Runs};
        let _ = Entries::parse(bytes.clone());
        let _ = Dictionary::parse(&bytes);
        let _ = Facts::parse(&bytes, 1000);
        let _ = Trailer::decode(&bytes);
        let _ = Directory::decode(&bytes, Envelope { salt: 1, file_len: 100_000, version: 2 });
        let _ = Runs::decode(&mut crate::bytes::Cursor::new(&bytes), 1000);
        if let Ok(entry) = super::super::column_entry::OpenEntry::open(&bytes) {
            let (mut values, mut starts) = (Vec::new(), Vec::new());
            if let Ok(runs) = entry.read(1000, 10..900, &mut values, &mut starts) {
                prop_assert_eq!(runs.count(), values.len());
                prop_assert!(starts.is_empty() || starts.len() == values.len());
            }
        }
        let mut set = croaring::Bitmap::new();
        if postings::decode_into(&bytes, 1000, &mut set).is_ok() {
            prop_assert!(set.maximum().is_none_or(|max| max < 1000));
        }
    }

    /// Pages that pass their checksum but were altered before: no panic, whatever they say.
    #[test]
    fn altered_directories_are_answered(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        use super::super::directory::*;
        let (_dir, block) = content().block(TINY_PAGES);
        let mut bytes = block.directory.encode();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = Directory::decode(&bytes, Envelope { salt: 1, file_len: 100_000, version: 2 });
    }
}
