//! Remote write 2.0: `io.prometheus.write.v2.Request {symbols = 4; timeseries = 5}`.
//!
//! Labels are references into the symbol table. A first pass finds symbols and series, whatever their order; the
//! second decodes series and spells their labels into the arena. A symbol keeps its bytes on the wire (key, length,
//! text), so to spell it is one copy and another key.

use nightjar_model::storage::RejectReason;
use nightjar_model::{Exemplar, Labels};

use crate::error::{DecodeError, check};
use crate::exemplar::RawExemplar;
use crate::histogram::RawHistogram;
use crate::limits::Limits;
use crate::metadata::{MetadataRefs, metric_type};
use crate::refusal::describe;
use crate::request::{Entry, Scratch, Spelling, Symbol};
use crate::sample;
use crate::wire::{Reader, Wire, WireError};

const SYMBOL: u64 = 4 << 3 | 2;
const SERIES: u64 = 5 << 3 | 2;
const SAMPLE: u64 = 2 << 3 | 2;

/// What is copied of a short symbol, and so the room the arena needs behind its end.
const CHUNK: usize = 16;

pub(crate) fn decode(scratch: &mut Scratch, body: &[u8], limits: &Limits) -> Result<(), DecodeError> {
    find(scratch, body, limits)?;
    let series = std::mem::take(&mut scratch.series);
    let result = series.iter().enumerate().try_for_each(|(index, (start, end))| {
        let message = Reader::new(&body[..*end as usize]).from(*start as usize);
        Series { scratch, body, limits, index }.decode(message)
    });
    scratch.series = series;
    result
}

/// Finds symbols and series.
fn find(scratch: &mut Scratch, body: &[u8], limits: &Limits) -> Result<(), DecodeError> {
    let mut reader = Reader::new(body);
    while !reader.is_done() {
        let start = reader.at();
        match reader.key()? {
            SYMBOL => {
                let key_len = reader.at() - start;
                let text = reader.bytes()?;
                let len = reader.at() - start;
                if key_len != 1 || len - key_len - text.len() > 4 {
                    return Err(reader.error("a symbol's key or length is written in too many bytes").into());
                }
                scratch.symbols.push(Symbol { start: start as u32, len: len as u32 });
            }
            SERIES => {
                let message = reader.message()?;
                scratch.series.push((message.at() as u32, reader.at() as u32));
            }
            key => {
                let (number, wire) = reader.split_key(key)?;
                if matches!(number, 4 | 5) {
                    reader.expect(wire, Wire::Bytes)?;
                }
                reader.skip(wire)?;
            }
        }
    }
    check(scratch.symbols.len(), limits.symbols, "symbols")?;
    check(scratch.series.len(), limits.series, "series")?;
    match scratch.symbols.first() {
        Some(first) if first.len != 2 => Err(DecodeError::FirstSymbol),
        _ => Ok(()),
    }
}

/// One series being decoded.
struct Series<'s, 'a> {
    scratch: &'s mut Scratch,
    body: &'a [u8],
    limits: &'s Limits,
    index: usize,
}

/// What is wrong with a series.
type Problem = (RejectReason, String);

impl Series<'_, '_> {
    fn decode(&mut self, message: Reader<'_>) -> Result<(), DecodeError> {
        let before = *self.scratch.entries.last().unwrap_or(&Entry::START);
        let mut metadata = MetadataRefs::default();
        let mut bad_histogram = false;
        self.scratch.refs.clear();
        let mut reader = message;
        while !reader.is_done() {
            let key = reader.key()?;
            if key == SAMPLE {
                check(self.scratch.samples.len() + 1, self.limits.samples, "samples")?;
                self.scratch.samples.push(sample::decode(reader.message()?, true)?);
                continue;
            }
            match reader.split_key(key)? {
                (1, wire) => self.refs(&mut reader, wire)?,
                (2, wire) => reader.expect(wire, Wire::Bytes)?,
                (3, wire) => {
                    reader.expect(wire, Wire::Bytes)?;
                    bad_histogram |= !self.histogram(reader.message()?, message)?;
                }
                (4, wire) => {
                    reader.expect(wire, Wire::Bytes)?;
                    self.exemplar(reader.message()?, message)?;
                }
                (5, wire) => {
                    reader.expect(wire, Wire::Bytes)?;
                    metadata.merge(reader.message()?)?;
                }
                (_, wire) => reader.skip(wire)?,
            }
        }
        self.finish(before, metadata, bad_histogram)
    }

    #[inline(always)]
    fn refs(&mut self, reader: &mut Reader<'_>, wire: Wire) -> Result<(), WireError> {
        let refs = &mut self.scratch.refs;
        reader.varints(wire, |n| refs.push(n as u32))
    }

    /// Makes an entry of what was read since `before`, or refuses it.
    fn finish(&mut self, before: Entry, refs: MetadataRefs, bad_histogram: bool) -> Result<(), DecodeError> {
        let arena_before = self.scratch.arena_len;
        let empty = self.scratch.samples.len() == before.samples_end as usize
            && self.scratch.histograms.len() == before.histograms_end as usize;
        let problem = match self.spell() {
            Err(Spell::TooLarge) => {
                return Err(DecodeError::TooMany { what: "bytes of labels", limit: self.limits.label_bytes });
            }
            Err(Spell::Refs(detail)) => Some((RejectReason::InvalidLabels, detail)),
            Ok(spelling) if empty => (!bad_histogram).then(|| self.empty(spelling)),
            Ok(spelling) => match self.metadata(refs) {
                Ok(metadata) => {
                    self.push(spelling, metadata);
                    return Ok(());
                }
                Err((reason, detail)) => {
                    Some((reason, format!("parsing metadata for series {}: {detail}", self.name(spelling))))
                }
            },
        };
        let scratch = &mut *self.scratch;
        if let Some((reason, detail)) = problem {
            scratch.refusals.add(self.index, reason, || detail);
        }
        scratch.arena_len = arena_before;
        scratch.samples.truncate(before.samples_end as usize);
        scratch.histograms.truncate(before.histograms_end as usize);
        scratch.exemplars.truncate(before.exemplars_end as usize);
        Ok(())
    }

    #[inline(always)]
    fn push(&mut self, spelling: Spelling, metadata: u32) {
        let scratch = &mut *self.scratch;
        let from = scratch.entries.last().unwrap_or(&Entry::START).exemplars_end as usize;
        if scratch.exemplars.len() > from + 1 {
            scratch.exemplars[from..].sort_by_key(|exemplar| exemplar.timestamp);
        }
        scratch.entries.push(Entry {
            spelling,
            samples_end: scratch.samples.len() as u32,
            histograms_end: scratch.histograms.len() as u32,
            exemplars_end: scratch.exemplars.len() as u32,
            metadata,
        });
    }

    #[cold]
    fn empty(&self, spelling: Spelling) -> Problem {
        match Labels::from_spelling(self.spelled(spelling)) {
            Ok(labels) => {
                let detail = format!("TimeSeries must contain at least one sample or histogram for series {labels}");
                (RejectReason::Empty, detail)
            }
            Err(problem) => (RejectReason::InvalidLabels, format!("invalid metric name or labels: {problem}")),
        }
    }

    fn spelled(&self, spelling: Spelling) -> &[u8] {
        &self.scratch.arena[spelling.start as usize..][..spelling.len as usize]
    }

    fn name(&self, spelling: Spelling) -> String {
        describe(self.spelled(spelling))
    }

    /// The series for people, from its whole message: labels may follow what is complained about.
    #[cold]
    fn name_of(&mut self, mut message: Reader<'_>) -> Result<String, WireError> {
        let kept = std::mem::take(&mut self.scratch.refs);
        while let Some((number, wire)) = message.field()? {
            if number == 1 { self.refs(&mut message, wire)? } else { message.skip(wire)? }
        }
        let before = self.scratch.arena_len;
        let name = match self.spell() {
            Ok(spelling) => self.name(spelling),
            Err(_) => "with invalid labels".to_owned(),
        };
        self.scratch.arena_len = before;
        self.scratch.refs = kept;
        Ok(name)
    }

    /// Spells the labels behind `scratch.refs` into the arena.
    #[inline(always)]
    fn spell(&mut self) -> Result<Spelling, Spell> {
        let scratch = &mut *self.scratch;
        let refs = &scratch.refs;
        let start = scratch.arena_len;
        let mut at = start;
        let (pairs, odd) = refs.as_chunks::<2>();
        if !odd.is_empty() {
            return Err(odd_refs(refs));
        }
        for &[name_ref, value_ref] in pairs {
            let symbols = (scratch.symbols.get(name_ref as usize), scratch.symbols.get(value_ref as usize));
            let (Some(&name), Some(&value)) = symbols else {
                return Err(bad_refs(refs, name_ref, value_ref, scratch.symbols.len()));
            };
            let body_len = name.len as usize + value.len as usize;
            if at + body_len + 6 + CHUNK > scratch.arena.len() {
                grow(&mut scratch.arena, at + body_len + 6 + CHUNK, self.limits.label_bytes)?;
            }
            at = put_head(&mut scratch.arena, at, body_len);
            at = put_symbol(&mut scratch.arena, at, self.body, name, 0x0A);
            at = put_symbol(&mut scratch.arena, at, self.body, value, 0x12);
        }
        scratch.arena_len = at;
        Ok(Spelling { start: start as u32, len: (at - start) as u32, in_arena: true })
    }

    /// The metadata behind references: index plus 1, 0 for none.
    #[inline(always)]
    fn metadata(&mut self, refs: MetadataRefs) -> Result<u32, Problem> {
        let scratch = &mut *self.scratch;
        if refs == MetadataRefs::default() {
            return Ok(0);
        }
        if refs != scratch.metadata_refs {
            self.new_metadata(refs)?;
        }
        Ok(self.scratch.metadata_len as u32)
    }

    #[inline(never)]
    fn new_metadata(&mut self, refs: MetadataRefs) -> Result<(), Problem> {
        let scratch = &mut *self.scratch;
        let text = |what: &str, reference: u32| {
            let Some(symbol) = scratch.symbols.get(reference as usize) else {
                let size = scratch.symbols.len();
                return Err(format!("{what} {reference} outside of symbols table (size {size})"));
            };
            let field = &self.body[symbol.start as usize..][..symbol.len as usize];
            let text = Reader::new(&field[1..]).bytes().unwrap_or_default();
            std::str::from_utf8(text).map_err(|_| format!("{what} {reference} is not valid UTF-8"))
        };
        let refuse = |detail| (RejectReason::InvalidLabels, detail);
        let help = text("help_ref", refs.help).map_err(refuse)?;
        let unit = text("unit_ref", refs.unit).map_err(refuse)?;
        if scratch.metadata.len() == scratch.metadata_len {
            scratch.metadata.push(Default::default());
        }
        let slot = &mut scratch.metadata[scratch.metadata_len];
        slot.metric_type = metric_type(refs.metric_type);
        help.clone_into(&mut slot.help);
        unit.clone_into(&mut slot.unit);
        scratch.metadata_len += 1;
        scratch.metadata_refs = refs;
        Ok(())
    }

    /// Answers whether the histogram is good; a bad one is refused.
    fn histogram(&mut self, message: Reader<'_>, series: Reader<'_>) -> Result<bool, DecodeError> {
        check(self.scratch.histograms.len() + 1, self.limits.histograms, "histograms")?;
        match RawHistogram::decode(message, true)?.into_sample() {
            Ok(sample) => {
                self.scratch.histograms.push(sample);
                Ok(true)
            }
            Err(problem) => {
                let name = self.name_of(series)?;
                let detail = || format!("{problem} for series {name}");
                self.scratch.refusals.add(self.index, RejectReason::InvalidHistogram, detail);
                Ok(false)
            }
        }
    }

    fn exemplar(&mut self, message: Reader<'_>, series: Reader<'_>) -> Result<(), DecodeError> {
        check(self.scratch.exemplars.len() + 1, self.limits.exemplars, "exemplars")?;
        let mut refs = std::mem::take(&mut self.scratch.exemplar_refs);
        refs.clear();
        let raw = RawExemplar::decode(message, |reader, wire| reader.varints(wire, |n| refs.push(n as u32)))?;
        std::mem::swap(&mut refs, &mut self.scratch.refs);
        let before = self.scratch.arena_len;
        let spelled = self.spell();
        let labels = match spelled {
            Ok(spelling) => Labels::from_spelling(self.spelled(spelling)).map_err(|e| e.to_string()),
            Err(Spell::Refs(detail)) => Err(detail),
            Err(Spell::TooLarge) => Err("its labels are too large".to_owned()),
        };
        self.scratch.arena_len = before;
        std::mem::swap(&mut refs, &mut self.scratch.refs);
        self.scratch.exemplar_refs = refs;
        match labels {
            Ok(labels) => {
                self.scratch.exemplars.push(Exemplar { labels, value: raw.value, timestamp: raw.timestamp });
            }
            Err(problem) => {
                let name = self.name_of(series)?;
                let detail = || format!("parsing exemplar for series {name}: {problem}");
                self.scratch.refusals.add(self.index, RejectReason::InvalidExemplar, detail);
            }
        }
        Ok(())
    }
}

/// Why labels cannot be spelled.
enum Spell {
    Refs(String),
    TooLarge,
}

#[cold]
fn odd_refs(refs: &[u32]) -> Spell {
    Spell::Refs(format!("parsing labels for series {}: invalid labelRefs length {}", listed(refs), refs.len()))
}

#[cold]
fn bad_refs(refs: &[u32], name: u32, value: u32, size: usize) -> Spell {
    let problem = format!("labelRefs {name} (name) = {value} (value) outside of symbols table (size {size})");
    Spell::Refs(format!("parsing labels for series {}: {problem}", listed(refs)))
}

/// References as Go prints a slice, cut after 32.
fn listed(refs: &[u32]) -> String {
    let shown: Vec<String> = refs.iter().take(32).map(u32::to_string).collect();
    format!("[{}{}]", shown.join(" "), if refs.len() > 32 { " ..." } else { "" })
}

#[cold]
fn grow(arena: &mut Vec<u8>, needed: usize, limit: usize) -> Result<(), Spell> {
    if needed > limit {
        return Err(Spell::TooLarge);
    }
    arena.resize((needed * 2).max(64 << 10).min(limit), 0);
    Ok(())
}

/// Writes the key and length of a pair.
#[inline(always)]
fn put_head(arena: &mut [u8], mut at: usize, mut len: usize) -> usize {
    arena[at] = 0x0A;
    at += 1;
    while len >= 0x80 {
        arena[at] = len as u8 | 0x80;
        len >>= 7;
        at += 1;
    }
    arena[at] = len as u8;
    at + 1
}

/// Copies a symbol under another key. Short ones are copied as a whole chunk; what is too much is overwritten next.
#[inline(always)]
fn put_symbol(arena: &mut [u8], at: usize, body: &[u8], symbol: Symbol, key: u8) -> usize {
    let (start, len) = (symbol.start as usize, symbol.len as usize);
    match body.get(start..start + CHUNK) {
        Some(chunk) if len <= CHUNK => arena[at..at + CHUNK].copy_from_slice(chunk),
        _ => arena[at..at + len].copy_from_slice(&body[start..start + len]),
    }
    arena[at] = key;
    at + len
}
