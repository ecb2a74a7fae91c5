//! A block of Prometheus, open for reading.

use std::io;
use std::path::{Path, PathBuf};

use nightjar_model::{Labels, TimestampMs};
use nightjar_platform::{Disk, DiskFile, OpenMode};

use super::chunk::ChunkSamples;
use super::chunks::ChunkFiles;
use super::index::{ChunkPlace, Index};
use super::meta::Meta;
use super::tombstones::Tombstones;
use super::ulid::is_ulid;

/// A block of Prometheus, open for reading.
pub struct ForeignBlock<D: Disk> {
    meta: Meta,
    index: Index<D>,
    chunks: ChunkFiles<D>,
    tombstones: Tombstones,
    places: Vec<ChunkPlace>,
}

/// A series and where its chunks lie.
#[derive(Clone, Debug)]
pub struct SeriesPlace {
    id: u64,
    /// Its labels.
    pub labels: Labels,
    /// Its chunks.
    pub chunks: Vec<ChunkPlace>,
}

impl<D: Disk> ForeignBlock<D> {
    /// The blocks below `path`, oldest first: `path` itself when it is one, else its directories named like blocks.
    pub fn find(disk: &D, path: &Path) -> io::Result<Vec<PathBuf>> {
        let entries = disk.list(path)?;
        if entries.iter().any(|e| e.name == "meta.json") {
            return Ok(vec![path.to_owned()]);
        }
        Ok(entries.iter().filter(|e| e.is_dir && is_ulid(&e.name)).map(|e| path.join(&e.name)).collect())
    }

    /// Opens the block at `path`. The inner error says what is wrong and where.
    pub fn open(disk: &D, path: &Path) -> io::Result<Result<ForeignBlock<D>, String>> {
        let meta = match read_meta(disk, &path.join("meta.json"))? {
            Ok(meta) => meta,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let index = match Index::open(disk, path, meta.version == 2)? {
            Ok(index) => index,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let chunks = match ChunkFiles::open(disk, path)? {
            Ok(chunks) => chunks,
            Err(wrong) => return Ok(Err(wrong)),
        };
        Ok(Tombstones::read(disk, &path.join("tombstones"))?.map(|tombstones| ForeignBlock {
            meta,
            index,
            chunks,
            tombstones,
            places: Vec::new(),
        }))
    }

    /// What the block is about.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Number of series.
    pub fn series_count(&self) -> usize {
        self.index.len()
    }

    /// Series `i` (< [`ForeignBlock::series_count`]). The inner error says what is wrong and where.
    pub fn series(&mut self, i: usize) -> io::Result<Result<SeriesPlace, String>> {
        self.places.clear();
        let id = self.index.id(i);
        let labels = self.index.series(i, &mut self.places)?;
        Ok(labels.map(|labels| SeriesPlace { id, labels, chunks: self.places.clone() }))
    }

    /// Appends what is in a chunk of a series and was not deleted. The inner error says what is wrong and where.
    pub fn read(
        &mut self,
        series: &SeriesPlace,
        chunk: ChunkPlace,
        out: &mut ChunkSamples,
    ) -> io::Result<Result<(), String>> {
        let before = (out.times.len(), out.histograms.len());
        let read = self.chunks.read(chunk, out)?;
        let tombstones = &self.tombstones;
        out.retain_from(before, |t| !tombstones.cover(series.id, t));
        Ok(read)
    }
}

impl ChunkSamples {
    /// Of the samples behind the first `floats` and `histograms` keeps those whose time `keep` wants.
    fn retain_from(&mut self, (floats, histograms): (usize, usize), keep: impl Fn(TimestampMs) -> bool) {
        if self.times[floats..].iter().all(|t| keep(*t))
            && self.histograms[histograms..].iter().all(|h| keep(h.timestamp))
        {
            return;
        }
        let mut to = floats;
        for from in floats..self.times.len() {
            if keep(self.times[from]) {
                self.times[to] = self.times[from];
                self.values[to] = self.values[from];
                self.starts[to] = self.starts[from];
                to += 1;
            }
        }
        self.times.truncate(to);
        self.values.truncate(to);
        self.starts.truncate(to);
        let kept: Vec<_> = self.histograms.drain(histograms..).filter(|h| keep(h.timestamp)).collect();
        self.histograms.extend(kept);
    }
}

fn read_meta<D: Disk>(disk: &D, path: &Path) -> io::Result<Result<Meta, String>> {
    let name = format!("{}/{}", disk.display_root(), path.display());
    let file = disk.open(path, OpenMode::Read)?;
    let len = file.len()?;
    if len > Meta::MAX_BYTES {
        return Ok(Err(format!("{name}: {len} bytes, the most is {}", Meta::MAX_BYTES)));
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(Meta::parse(&bytes).map_err(|e| format!("{name}: {e}")))
}
