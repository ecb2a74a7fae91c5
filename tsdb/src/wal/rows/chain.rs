//! Reads rows: what is known of each wanted member inside an epoch, and how the next rows change it.

use std::collections::HashMap;
use std::sync::Arc;

use nightjar_model::TimestampMs;

use super::{CHUNK, ChunkHead, read_starts};
use crate::bytes::{Corrupt, Cursor};
use crate::wal::value::Base;

/// Which members a reader wants, and what it knows of them inside the current epoch.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    /// Place in `chunks` by chunk number, plus one.
    places: Vec<u16>,
    chunks: Vec<Wanted>,
    starts: Arc<Starts>,
}

/// Start timestamps by member.
type Starts = HashMap<u32, TimestampMs>;

#[derive(Debug)]
struct Wanted {
    number: u32,
    mask: u64,
    first_column: u32,
    bases: Box<[Base; CHUNK as usize]>,
}

/// What a [`Chain`] knows of one chunk, to read on another time.
#[derive(Clone, Debug)]
pub(crate) struct ChunkChain {
    number: u32,
    mask: u64,
    bases: Box<[Base; CHUNK as usize]>,
    starts: Arc<Starts>,
}

impl ChunkChain {
    /// Some members of chunk `number`, before the first row of an epoch: a bit for each.
    pub(crate) fn new(number: u32, mask: u64) -> ChunkChain {
        ChunkChain { number, mask, bases: Box::new([Base::default(); CHUNK as usize]), starts: Arc::default() }
    }

    /// The members, a bit for each.
    pub(crate) fn mask(&self) -> u64 {
        self.mask
    }

    /// About how many bytes it takes, without what it shares with other chunks.
    pub(crate) fn weight(&self) -> usize {
        size_of::<ChunkChain>() + size_of::<[Base; CHUNK as usize]>()
    }
}

/// Takes the samples a [`Chain`] asked for.
pub(crate) trait RowSink {
    /// The samples that follow are of this time.
    fn run(&mut self, t: TimestampMs);

    /// One sample of the run: the column is the rank of the member among the wanted ones; a start of 0 is unknown.
    fn sample(&mut self, column: u32, bits: u64, start: TimestampMs);
}

impl Chain {
    /// A chain for `members`, ascending, each once and below [`MAX_MEMBERS`](super::MAX_MEMBERS).
    pub(crate) fn new(members: &[u32]) -> Chain {
        let chunk = |own: &[u32]| ChunkChain::new(own[0] / CHUNK, mask(own));
        Chain::resume(members.chunk_by(|a, b| a / CHUNK == b / CHUNK).map(chunk))
    }

    /// Goes on where the chains of some chunks stopped: all at the same place, in ascending order, each once.
    pub(crate) fn resume(chunks: impl IntoIterator<Item = ChunkChain>) -> Chain {
        let (mut chain, mut column) = (Chain::default(), 0);
        for ChunkChain { number, mask, bases, starts } in chunks {
            chain.starts = starts;
            chain.chunks.push(Wanted { number, mask, first_column: column, bases });
            chain.places.resize(number as usize + 1, 0);
            chain.places[number as usize] = chain.chunks.len() as u16;
            column += mask.count_ones();
        }
        chain
    }

    /// What it takes to read on, chunk by chunk.
    pub(crate) fn into_chunks(self) -> impl Iterator<Item = ChunkChain> {
        let starts = self.starts;
        let chunk =
            move |Wanted { number, mask, bases, .. }| ChunkChain { number, mask, bases, starts: Arc::clone(&starts) };
        self.chunks.into_iter().map(chunk)
    }

    /// Forgets what the epoch before said.
    pub(crate) fn reset(&mut self) {
        for chunk in &mut self.chunks {
            *chunk.bases = [Base::default(); CHUNK as usize];
        }
        self.starts = Arc::default();
    }

    fn place(&self, number: u64) -> Option<usize> {
        let place = *self.places.get(usize::try_from(number).ok()?)?;
        (place > 0).then(|| place as usize - 1)
    }

    /// Reads the runs of one section whose first time is `t_min`. Late rows (`absolute`) stand for themselves: every
    /// run starts from nothing and leaves the chain as it was.
    pub(crate) fn decode(
        &mut self,
        section: &[u8],
        t_min: TimestampMs,
        absolute: bool,
        sink: &mut impl RowSink,
    ) -> Result<(), Corrupt> {
        let mut cursor = Cursor::new(section);
        let mut t = t_min;
        let mut late_starts = HashMap::new();
        while !cursor.is_empty() {
            t = t.wrapping_add(cursor.zigzag("run time")?);
            let head = cursor.varint("run head")?;
            if absolute {
                late_starts.clear();
            }
            if head & 1 == 1 {
                let starts = if absolute { &mut late_starts } else { Arc::make_mut(&mut self.starts) };
                read_starts(&mut cursor, t, starts)?;
            }
            sink.run(t);
            let mut next = 0u64;
            for _ in 0..head >> 1 {
                self.chunk(&mut cursor, &mut next, absolute.then_some(&late_starts), sink)?;
            }
        }
        Ok(())
    }

    fn chunk(
        &mut self,
        cursor: &mut Cursor<'_>,
        next: &mut u64,
        late: Option<&Starts>,
        sink: &mut impl RowSink,
    ) -> Result<(), Corrupt> {
        let ChunkHead { number, present, changed, single } = ChunkHead::read(cursor, next)?;
        let place = self.place(number);
        if changed != 0 && !single {
            let body = cursor.blob("chunk values")?;
            let Some(place) = place else { return Ok(()) };
            let mut values = Cursor::new(body);
            return self.values(&mut values, place, number, (present, changed), late, sink);
        }
        match place.filter(|place| self.chunks[*place].mask & present != 0) {
            Some(place) => self.values(cursor, place, number, (present, changed), late, sink),
            None if changed != 0 => Base::skip(cursor),
            None => Ok(()),
        }
    }

    fn values(
        &mut self,
        cursor: &mut Cursor<'_>,
        place: usize,
        number: u64,
        (present, changed): (u64, u64),
        late: Option<&Starts>,
        sink: &mut impl RowSink,
    ) -> Result<(), Corrupt> {
        let chunk = &mut self.chunks[place];
        let starts = late.unwrap_or(&self.starts);
        let wanted = chunk.mask & present;
        // What comes after the last wanted member does not matter.
        let mut todo = (wanted | changed) & (u64::MAX.checked_shr(wanted.leading_zeros()).unwrap_or(0));
        while todo != 0 {
            let bit = todo.trailing_zeros();
            let one = 1u64 << bit;
            todo &= todo - 1;
            if wanted & one == 0 {
                Base::skip(cursor)?;
                continue;
            }
            let base = &mut chunk.bases[bit as usize];
            let value = match (changed & one != 0, late.is_some()) {
                (true, false) => base.decode(cursor)?,
                (true, true) => Base::default().decode(cursor)?,
                (false, false) => base.bits,
                (false, true) => 0,
            };
            let column = chunk.first_column + (chunk.mask & (one - 1)).count_ones();
            let start = match starts.is_empty() {
                true => 0,
                false => starts.get(&(number as u32 * CHUNK + bit)).copied().unwrap_or(0),
            };
            sink.sample(column, value, start);
        }
        Ok(())
    }
}

/// The members of one chunk, a bit for each.
pub(crate) fn mask(members: &[u32]) -> u64 {
    members.iter().fold(0, |mask, member| mask | 1 << (member % CHUNK))
}
