//! The newest epoch of a timeline, kept as far as it was read. Rows are only ever added to it, so whoever asks again
//! reads on where the one before stopped.

use std::sync::Arc;

use nightjar_model::TimestampMs;
use nightjar_model::cache::Cache;
use nightjar_platform::Disk;

use super::columns::Columns;
use super::directory::{Entry, Pick, Position};
use super::frames::{FrameReader, Lane};
use super::tile::TileKey;
use crate::wal::rows::{CHUNK, Chain, ChunkChain, RowSink, bits, mask};
use crate::wal::section::Kind;

/// What was read of newest epochs, chunk by chunk.
pub(crate) type GrowingChunks = Cache<ChunkKey, Arc<GrowingChunk>>;

/// One chunk of the members of a timeline in the epoch that begins at `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ChunkKey {
    timeline: u32,
    first: Position,
    chunk: u32,
}

/// A section: its frame, and its line there.
type Place = (Position, usize);

fn place(entry: &Entry) -> Place {
    (entry.position(), entry.number())
}

/// Some members of a chunk, from the first row of the epoch on.
#[derive(Clone, Debug)]
pub(crate) struct GrowingChunk {
    /// The section that was read last.
    through: Place,
    /// What it takes to read on.
    chain: ChunkChain,
    rows: Rows,
}

/// The runs of an epoch in which members of a chunk have samples.
#[derive(Clone, Debug, Default)]
struct Rows {
    /// Runs of the epoch so far, and the time of the last one.
    runs: u32,
    t: TimestampMs,
    /// Number of the run, its time, and a bit for each member that has a sample.
    rows: Vec<(u32, TimestampMs, u64)>,
    /// Of the members that have one, row by row.
    values: Vec<u64>,
    /// Empty while all are unknown; the last ones may be missing then.
    starts: Vec<TimestampMs>,
}

impl Rows {
    fn begin(&mut self, t: TimestampMs) {
        self.runs += 1;
        self.t = t;
    }

    fn add(&mut self, bit: u32, value: u64, start: TimestampMs) {
        match self.rows.last_mut() {
            Some((run, _, present)) if *run == self.runs => *present |= 1 << bit,
            _ => self.rows.push((self.runs, self.t, 1 << bit)),
        }
        self.values.push(value);
        if start != 0 || !self.starts.is_empty() {
            self.starts.resize(self.values.len() - 1, 0);
            self.starts.push(start);
        }
    }

    fn weight(&self) -> usize {
        size_of::<Rows>() + 24 * self.rows.len() + 8 * (self.values.len() + self.starts.len())
    }
}

/// A chunk somebody wants.
struct Part {
    chunk: u32,
    /// The members that are wanted, and the column of the first of them.
    wanted: u64,
    first_column: u32,
    kept: Option<Arc<GrowingChunk>>,
}

/// Chunks that were read as far as each other, on their way to the last row.
struct Reading {
    after: Option<Place>,
    lane: Lane,
    sink: Chunks,
    whole: bool,
}

/// Takes the rows of several chunks.
struct Chunks {
    /// Index among the parts, and what was read.
    chunks: Vec<(usize, Rows)>,
    /// Index among the chunks, and bit, by column.
    columns: Vec<(u32, u32)>,
}

impl RowSink for Chunks {
    fn run(&mut self, t: TimestampMs) {
        self.chunks.iter_mut().for_each(|(_, rows)| rows.begin(t));
    }

    fn sample(&mut self, column: u32, bits: u64, start: TimestampMs) {
        let (chunk, bit) = self.columns[column as usize];
        self.chunks[chunk as usize].1.add(bit, bits, start);
    }
}

impl Reading {
    /// Whether these rows come after what was read.
    fn wants(&self, rows: &Entry) -> bool {
        self.after.is_none_or(|after| after < place(rows))
    }

    /// Reads on with the parts whose numbers are `own`, ascending, all of which were read up to `after`.
    fn new(after: Option<Place>, own: &[usize], parts: &[Part]) -> Reading {
        let (mut chunks, mut columns, mut chains) = (Vec::new(), Vec::new(), Vec::new());
        for number in own {
            let part = &parts[*number];
            let (chain, rows) = match (&part.kept, after) {
                (Some(kept), Some(_)) => (kept.chain.clone(), kept.rows.clone()),
                // Who wants other members than the one before is not the last one.
                (Some(_), None) => (ChunkChain::new(part.chunk, u64::MAX), Rows::default()),
                (None, _) => (ChunkChain::new(part.chunk, part.wanted), Rows::default()),
            };
            columns.extend(bits(chain.mask()).map(|bit| (chunks.len() as u32, bit)));
            chunks.push((*number, rows));
            chains.push(chain);
        }
        Reading { after, lane: Lane::resume(Chain::resume(chains)), sink: Chunks { chunks, columns }, whole: true }
    }
}

/// The newest epoch of a timeline while it is read on.
pub(crate) struct Growing {
    timeline: u32,
    first: Position,
    last: Place,
    parts: Vec<Part>,
    readings: Vec<Reading>,
}

impl Growing {
    /// What is to be read of `members` (ascending) of a timeline whose newest epoch has the sections `picks`; nothing
    /// when the epoch cannot be kept, or when something was kept that is not older than `horizon`.
    pub(crate) fn plan(
        timeline: u32,
        picks: &[Pick],
        members: &[u32],
        horizon: Position,
        kept: &GrowingChunks,
    ) -> Option<Growing> {
        let first = TileKey::of(timeline, picks)?.first();
        let last = place(&picks.iter().rfind(|p| p.entry.kind() == Kind::Rows)?.entry);
        let mut parts: Vec<Part> = Vec::new();
        let mut behind: Vec<(Option<Place>, Vec<usize>)> = Vec::new();
        let mut first_column = 0;
        for own in members.chunk_by(|a, b| a / CHUNK == b / CHUNK) {
            let (chunk, wanted) = (own[0] / CHUNK, mask(own));
            let kept = kept.get(&ChunkKey { timeline, first, chunk });
            if kept.as_ref().is_some_and(|kept| kept.through.0 >= horizon) {
                return None;
            }
            let after = kept.as_ref().filter(|kept| wanted & !kept.chain.mask() == 0).map(|kept| kept.through);
            if after.is_none_or(|after| after < last) {
                match behind.iter_mut().find(|(known, _)| *known == after) {
                    Some((_, own)) => own.push(parts.len()),
                    None => behind.push((after, vec![parts.len()])),
                }
            }
            parts.push(Part { chunk, wanted, first_column, kept });
            first_column += own.len() as u32;
        }
        let readings = behind.into_iter().map(|(after, own)| Reading::new(after, &own, &parts)).collect();
        Some(Growing { timeline, first, last, parts, readings })
    }

    /// Whether these rows are to be read.
    pub(crate) fn needs(&self, pick: &Pick) -> bool {
        self.readings.iter().any(|reading| reading.wants(&pick.entry))
    }

    /// Reads the next rows, in order of writing.
    pub(crate) fn read<D: Disk>(&mut self, pick: &Pick, reader: &mut FrameReader<'_, D>) {
        for reading in &mut self.readings {
            if reading.wants(&pick.entry) {
                let lost = reader.lost;
                reading.lane.read(reader, pick, &mut reading.sink);
                reading.whole &= reader.lost == lost;
            }
        }
    }

    /// Hands over all rows, and keeps what was read if it is whole.
    pub(crate) fn finish(mut self, columns: &mut Columns, kept: &GrowingChunks) {
        for Reading { lane, sink, whole, .. } in std::mem::take(&mut self.readings) {
            for (chain, (number, rows)) in lane.into_chunks().zip(sink.chunks) {
                let part = &mut self.parts[number];
                let chunk = Arc::new(GrowingChunk { through: self.last, chain, rows });
                if whole {
                    let key = ChunkKey { timeline: self.timeline, first: self.first, chunk: part.chunk };
                    kept.put(key, Arc::clone(&chunk), chunk.rows.weight() + chunk.chain.weight());
                }
                part.kept = Some(chunk);
            }
        }
        hand_over(&self.parts, columns);
    }
}

/// Rows on their way to whoever wants them.
struct Source<'a> {
    part: &'a Part,
    rows: &'a Rows,
    /// Index of the next row, and of its first value.
    row: usize,
    value: usize,
}

impl Source<'_> {
    /// Number and time of the run of the next row that has something wanted.
    fn run(&mut self) -> Option<(u32, TimestampMs)> {
        loop {
            let (run, t, present) = self.rows.rows.get(self.row)?;
            if present & self.part.wanted != 0 {
                return Some((*run, *t));
            }
            self.row += 1;
            self.value += present.count_ones() as usize;
        }
    }

    /// Tells what is wanted of the next row if it is of this run.
    fn tell(&mut self, run: u32, sink: &mut impl RowSink) {
        let Some((_, _, present)) = self.rows.rows.get(self.row).filter(|(own, ..)| *own == run) else { return };
        for bit in bits(present & self.part.wanted) {
            let below = (1u64 << bit) - 1;
            let at = self.value + (present & below).count_ones() as usize;
            let column = self.part.first_column + (self.part.wanted & below).count_ones();
            sink.sample(column, self.rows.values[at], self.rows.starts.get(at).copied().unwrap_or(0));
        }
        self.row += 1;
        self.value += present.count_ones() as usize;
    }
}

/// Tells the wanted samples run by run. What was kept may go on behind the last row: none of that counts.
fn hand_over(parts: &[Part], sink: &mut impl RowSink) {
    let source = |part| Some(Source { part, rows: &Option::as_ref(&part.kept)?.rows, row: 0, value: 0 });
    let mut sources: Vec<Source<'_>> = parts.iter().filter_map(source).collect();
    while let Some((run, t)) = sources.iter_mut().filter_map(Source::run).min() {
        sink.run(t);
        sources.iter_mut().for_each(|source| source.tell(run, sink));
    }
}
