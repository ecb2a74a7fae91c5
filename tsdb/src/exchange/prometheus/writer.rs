//! Writes a block of Prometheus.

use std::io;
use std::path::{Path, PathBuf};

use nightjar_model::storage::SeriesData;
use nightjar_model::{BlockRange, Labels};
use nightjar_platform::{Disk, DiskFile, OpenMode};

use super::chunk_writer::{Chunk, HistogramChunks, floats};
use super::chunks;
use super::index::ChunkPlace;
use super::index_writer::{Appending, IndexWriter};
use super::meta::{BlockStats, Meta, Tracks};
use crate::bytes::put_varint;

/// A file of chunks ends before this.
const FILE_BYTES: u64 = 512 << 20;
/// A directory of this ending is swept away by Prometheus when it starts.
const UNFINISHED: &str = "tmp-for-creation";

/// A block that appears under its name when it is whole.
pub struct BlockWriter<D: Disk> {
    disk: D,
    temporary: PathBuf,
    meta: Meta,
    index: IndexWriter<D>,
    file: Appending<D>,
    /// Number of the file being written.
    number: usize,
    places: Vec<ChunkPlace>,
}

impl<D: Disk> BlockWriter<D> {
    /// Starts the block `ulid` of `range` in the root of `disk`. `symbols` are all names and values its series have.
    pub fn create(
        disk: &D,
        ulid: &str,
        range: BlockRange,
        symbols: impl IntoIterator<Item = String>,
    ) -> io::Result<BlockWriter<D>> {
        let temporary = PathBuf::from(format!("{ulid}.{UNFINISHED}"));
        disk.create_dir(&temporary.join("chunks"))?;
        let index = IndexWriter::create(disk, &temporary.join("index"), symbols)?;
        let meta = Meta {
            ulid: ulid.to_owned(),
            min_time: range.start,
            max_time: range.end,
            stats: BlockStats::default(),
            compaction: Tracks { level: 1, sources: vec![ulid.to_owned()] },
            version: 1,
        };
        let file = chunk_file(disk, &temporary, 0)?;
        Ok(BlockWriter { disk: disk.clone(), temporary, meta, index, file, number: 0, places: Vec::new() })
    }

    /// Adds a series with its samples; series come in order of labels. One without samples is left out.
    pub fn series(&mut self, labels: &Labels, data: &SeriesData) -> io::Result<()> {
        let mut histograms = HistogramChunks::default();
        let mut all: Vec<Chunk> = Vec::new();
        // A chunk of either kind ends where the other kind has a sample.
        let times = &data.histograms.timestamps;
        let (mut from, values) = (0, &data.floats.values);
        for (t, h) in times.iter().zip(&data.histograms.values) {
            let to = from + data.floats.timestamps[from..].partition_point(|float| float < t);
            if to > from {
                all.append(&mut std::mem::take(&mut histograms).finish());
                all.extend(floats(&data.floats.timestamps[from..to], &values[from..to]));
                from = to;
            }
            histograms.push(*t, h);
        }
        all.append(&mut histograms.finish());
        all.extend(floats(&data.floats.timestamps[from..], &values[from..]));
        if all.is_empty() {
            return Ok(());
        }
        self.places.clear();
        for chunk in &all {
            let reference = self.chunk(chunk)?;
            self.places.push(ChunkPlace { min: chunk.min, max: chunk.max, reference });
            self.meta.stats.num_samples += chunk.samples as u64;
        }
        let stats = &mut self.meta.stats;
        stats.num_series += 1;
        stats.num_chunks += all.len() as u64;
        stats.num_float_samples += values.len() as u64;
        stats.num_histogram_samples += times.len() as u64;
        self.index.series(labels, &self.places)
    }

    fn chunk(&mut self, chunk: &Chunk) -> io::Result<u64> {
        let len = chunk.data.len() as u64;
        if self.file.offset() + len + 16 > FILE_BYTES {
            self.number += 1;
            let next = chunk_file(&self.disk, &self.temporary, self.number)?;
            std::mem::replace(&mut self.file, next).finish()?;
        }
        let reference = (self.number as u64) << 32 | self.file.offset();
        let mut head = Vec::with_capacity(6);
        put_varint(len, &mut head);
        let encoding = [chunk.encoding as u8];
        head.extend(encoding);
        self.file.put(&head)?;
        self.file.put(&chunk.data)?;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&encoding), &chunk.data);
        self.file.put(&crc.to_be_bytes())?;
        Ok(reference)
    }

    /// Makes the block durable under its name; answers what it is about. A block without series leaves nothing.
    pub fn finish(self) -> io::Result<Option<Meta>> {
        let BlockWriter { disk, temporary, meta, index, file, number, .. } = self;
        file.finish()?;
        index.finish()?;
        if meta.stats.num_series == 0 {
            for n in 0..=number {
                disk.remove_file(&chunks::path(&temporary, n))?;
            }
            disk.remove_file(&temporary.join("index"))?;
            disk.remove_dir(&temporary.join("chunks"))?;
            disk.remove_dir(&temporary)?;
            return Ok(None);
        }
        write(&disk, &temporary.join("meta.json"), &meta.to_json())?;
        disk.sync_dir(&temporary.join("chunks"))?;
        disk.sync_dir(&temporary)?;
        disk.rename(&temporary, Path::new(&meta.ulid))?;
        disk.sync_dir(Path::new(""))?;
        Ok(Some(meta))
    }
}

fn chunk_file<D: Disk>(disk: &D, block: &Path, number: usize) -> io::Result<Appending<D>> {
    let mut file = Appending::create(disk, &chunks::path(block, number))?;
    file.put(&chunks::header())?;
    Ok(file)
}

fn write<D: Disk>(disk: &D, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = disk.open(path, OpenMode::CreateNew)?;
    file.write_all_at(bytes, 0)?;
    file.sync_data()
}
