//! Blocks made of other people's data, each once.
//!
//! A file in `imports/` remembers what was taken: before the manifest names the block it says which one is meant, after
//! that it says "done". A run that was interrupted is simply repeated. See `docs/format/imports.md`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nightjar_model::BlockRange;
use nightjar_platform::{Disk, DiskFile, OpenMode};

use super::inner::Inner;
use super::keeping::{Housekeeping, block_path, remove};
use crate::block::{Block, BlockBuilder, BlockOptions, BlockSummary};
use crate::manifest::Change;

/// The directory of what was taken.
const DIR: &str = "imports";
const WORD: &str = "nightjar-import 1";
/// A longer file is not one of these.
const MAX_BYTES: u64 = 256;

/// What came of a block to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportedBlock {
    /// It was made.
    New(BlockSummary),
    /// It had been made before.
    Known,
    /// There was nothing to put into it.
    Empty,
}

/// What a file in `imports/` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    number: u64,
    salt: u64,
    done: bool,
}

impl Record {
    fn spell(self) -> String {
        let word = if self.done { "done" } else { "begun" };
        let text = format!("{WORD} {word} {} {:016x}", self.number, self.salt);
        format!("{text} {:08x}\n", crc32c::crc32c(text.as_bytes()))
    }

    fn read(text: &str) -> Option<Record> {
        let (body, crc) = text.strip_suffix('\n')?.rsplit_once(' ')?;
        (u32::from_str_radix(crc, 16).ok()? == crc32c::crc32c(body.as_bytes())).then_some(())?;
        let mut words = body.strip_prefix(WORD)?.split_ascii_whitespace();
        let done = match words.next()? {
            "done" => true,
            "begun" => false,
            _ => return None,
        };
        let number = words.next()?.parse().ok()?;
        let salt = u64::from_str_radix(words.next()?, 16).ok()?;
        words.next().is_none().then_some(Record { number, salt, done })
    }
}

impl<D: Disk> Inner<D> {
    /// Makes a block of `range` from what `fill` adds, unless one was made under `key`; `fill` says whether it added
    /// anything. After an error everything is as before.
    pub(crate) fn import<E: From<io::Error>>(
        &self,
        key: &str,
        range: BlockRange,
        fill: impl FnOnce(&mut BlockBuilder<D>) -> Result<bool, E>,
    ) -> Result<ImportedBlock, E> {
        let mut keeping = self.housekeeping.lock();
        if self.has_import(key)? {
            return Ok(ImportedBlock::Known);
        }
        let number = keeping.next_file;
        keeping.next_file += 1;
        let path = block_path(number);
        let mut builder =
            BlockBuilder::create(&self.disk, &path.with_extension("tmp"), range, BlockOptions::default())?;
        if !fill(&mut builder)? {
            self.note_import(key, Record { number, salt: 0, done: true })?;
            return Ok(ImportedBlock::Empty);
        }
        let summary = builder.finish(&path)?;
        let record = Record { number, salt: summary.salt, done: false };
        let counted = self.note_import(key, record).and_then(|()| self.count_block(&mut keeping, number));
        if let Err(error) = counted {
            // A record of the manifest that failed half-way may still be found: then the file has to be there.
            if !keeping.manifest.state().blocks.contains(&number) {
                tracing::warn!(%error, block = %path.display(), "a block was written but could not be counted");
            }
            return Err(error.into());
        }
        self.note_import(key, Record { done: true, ..record })?;
        Ok(ImportedBlock::New(summary))
    }

    /// Lets the manifest name a finished block, and queries see it.
    fn count_block(&self, keeping: &mut Housekeeping<D>, number: u64) -> io::Result<()> {
        let block = Block::open_with_cache(&self.disk, &block_path(number), Arc::clone(&self.cache));
        let block = Arc::new(block.map_err(io::Error::other)?);
        let (scalars, times) = (keeping.scalars(), block.summary().times);
        keeping.record(Change { add: vec![number], scalars, ..Change::default() })?;
        let mut view = self.view.write();
        let mut parts = view.parts.copy();
        parts.blocks.insert(number, block);
        view.parts = Arc::new(parts);
        drop(view);
        self.changes.lock().note(times.into_iter());
        Ok(())
    }

    /// Whether a block was made under `key` and counts, or did once.
    fn has_import(&self, key: &str) -> io::Result<bool> {
        let file = match self.disk.open(&import_path(key)?, OpenMode::Read) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        let len = file.len()?;
        let mut bytes = vec![0; len.min(MAX_BYTES) as usize];
        file.read_exact_at(&mut bytes, 0)?;
        let record = std::str::from_utf8(&bytes).ok().and_then(Record::read);
        // Begun, but the manifest never came to name it: as if it had not been.
        let counts = |r: Record| {
            let block = self.view.read().parts.blocks.get(&r.number).cloned();
            r.done || block.is_some_and(|b| b.summary().salt == r.salt)
        };
        Ok(record.is_some_and(counts))
    }

    fn note_import(&self, key: &str, record: Record) -> io::Result<()> {
        let dir = Path::new(DIR);
        self.disk.create_dir(dir)?;
        self.disk.sync_dir(Path::new(""))?;
        let temporary = dir.join("new.tmp");
        remove(&self.disk, &temporary)?;
        let file = self.disk.open(&temporary, OpenMode::CreateNew)?;
        file.write_all_at(record.spell().as_bytes(), 0)?;
        file.sync_data()?;
        self.disk.rename(&temporary, &import_path(key)?)?;
        self.disk.sync_dir(dir)
    }
}

fn import_path(key: &str) -> io::Result<PathBuf> {
    let plain = !key.is_empty() && key.len() < 200 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, format!("{key:?} is no name for an import"));
    plain.then(|| Path::new(DIR).join(key)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records() {
        let record = Record { number: 12, salt: 0xabc, done: false };
        for record in [record, Record { done: true, ..record }] {
            let text = record.spell();
            assert_eq!(Record::read(&text), Some(record));
            for at in 0..text.len() {
                assert_eq!(Record::read(&text.replacen(&text[at..=at], "~", 1)), None, "{at}");
                assert_eq!(Record::read(&text[..at]), None);
            }
        }
        let kept = include_str!("../../../testdata/imports/v1/01J0000000000000000000000A-0");
        assert_eq!(Record::read(kept), Some(Record { number: 12, salt: 0xabc, done: true }));
        assert!(import_path("01DX-3").is_ok() && import_path("../x").is_err() && import_path("").is_err());
    }
}
