//! Remote write 1.0: `prometheus.WriteRequest {timeseries = 1; metadata = 3}`.
//!
//! The labels of a series are used as they lie in the body: the region of consecutive label fields is the series'
//! spelling. Only a sender that writes labels apart from each other, or fields in an odd order, makes us write them
//! anew.

use nightjar_model::storage::{RejectReason, Rejection};
use nightjar_model::{Exemplar, Labels};

use crate::arena::Spelling;
use crate::error::{DecodeError, check};
use crate::exemplar::RawExemplar;
use crate::histogram::RawHistogram;
use crate::limits::Limits;
use crate::metadata;
use crate::refusal::describe;
use crate::request::Scratch;
use crate::sample;
use crate::wire::{Reader, Wire, WireError, put_varint};

const SERIES: u64 = 1 << 3 | 2;
const METADATA: u64 = 3 << 3 | 2;
const LABEL: u64 = 1 << 3 | 2;
const SAMPLE: u64 = 2 << 3 | 2;
const EXEMPLAR: u64 = 3 << 3 | 2;
const HISTOGRAM: u64 = 4 << 3 | 2;

pub(crate) fn decode(scratch: &mut Scratch, body: &[u8], limits: &Limits) -> Result<(), DecodeError> {
    let mut reader = Reader::new(body);
    while !reader.is_done() {
        match reader.key()? {
            SERIES => series(scratch, reader.message()?, limits)?,
            METADATA => {
                if scratch.families.len() >= limits.series {
                    return Err(DecodeError::TooMany { what: "metadata entries", limit: limits.series });
                }
                scratch.families.push(metadata::decode_v1(reader.message()?)?);
            }
            key => skip(&mut reader, key, &[1, 3])?,
        }
    }
    Ok(())
}

/// Skips a field that is not among the known ones.
fn skip(reader: &mut Reader<'_>, key: u64, known: &[u32]) -> Result<(), WireError> {
    let (number, wire) = reader.split_key(key)?;
    if known.contains(&number) {
        reader.expect(wire, Wire::Bytes)?;
    }
    reader.skip(wire)
}

fn series<'a>(scratch: &mut Scratch, message: Reader<'a>, limits: &Limits) -> Result<(), DecodeError> {
    let mut reader = message;
    let before = scratch.filled();
    let mut labels = LabelRegion::default();
    while !reader.is_done() {
        let at = reader.at();
        match reader.key()? {
            LABEL => {
                let label = reader.bytes()?;
                labels.add(at, reader.at(), label);
            }
            SAMPLE => {
                check(scratch.samples.len() + 1, limits.samples, "samples")?;
                scratch.samples.push(sample::decode(reader.message()?, false)?);
            }
            EXEMPLAR => {
                check(scratch.exemplars.len() + 1, limits.exemplars, "exemplars")?;
                exemplar(scratch, reader.message()?)?;
            }
            HISTOGRAM => {
                check(scratch.histograms.len() + 1, limits.histograms, "histograms")?;
                histogram(scratch, reader.message()?, &message)?;
            }
            key => skip(&mut reader, key, &[1, 2, 3, 4])?,
        }
    }
    if scratch.filled() == before {
        return if labels.odd { Ok(respell(message).map(|_| ())?) } else { Ok(()) };
    }
    check(scratch.entries.len() + 1, limits.series, "series")?;
    let spelling = match labels.spelling() {
        Some(spelling) => spelling,
        None => scratch.arena.keep(&respell(message)?),
    };
    scratch.push_entry(spelling, 0);
    Ok(())
}

/// The label fields seen so far: one region of the body, as long as they touch and follow the grammar of spellings.
#[derive(Default)]
struct LabelRegion {
    start: usize,
    end: usize,
    odd: bool,
}

impl LabelRegion {
    #[inline(always)]
    fn add(&mut self, start: usize, end: usize, label: &[u8]) {
        if self.end == 0 {
            self.start = start;
        } else if self.end != start {
            self.odd = true;
        }
        self.end = end;
        if !is_plain(label) {
            self.odd |= !is_spelled(label);
        }
    }

    fn spelling(&self) -> Option<Spelling> {
        let (start, len) = (self.start as u32, (self.end - self.start) as u32);
        (!self.odd).then_some(Spelling { start, len, in_arena: false })
    }
}

/// Whether a label is a name and a value, in this order, both shorter than 128 bytes: what nearly all are.
#[inline(always)]
fn is_plain(label: &[u8]) -> bool {
    let [0x0A, name_len, rest @ ..] = label else { return false };
    let name_len = usize::from(*name_len);
    match rest.get(name_len..) {
        Some([0x12, value_len, value @ ..]) => {
            name_len < 0x80 && *value_len < 0x80 && usize::from(*value_len) == value.len()
        }
        _ => false,
    }
}

/// Whether a label follows the grammar of spellings.
fn is_spelled(label: &[u8]) -> bool {
    let mut reader = Reader::new(label);
    for key in [0x0A, 0x12] {
        if reader.rest().first() == Some(&key) {
            let ok = reader.key().is_ok() && short_length(reader.rest()) && reader.bytes().is_ok();
            if !ok {
                return false;
            }
        }
    }
    reader.is_done()
}

/// Whether a varint ends within five bytes.
fn short_length(bytes: &[u8]) -> bool {
    bytes.iter().take(5).any(|byte| *byte < 0x80)
}

/// The spelling of label fields (number 1) of any shape and order.
fn respell(mut message: Reader<'_>) -> Result<Vec<u8>, WireError> {
    let mut spelling = Vec::new();
    while let Some((number, wire)) = message.field()? {
        match number {
            1 => respell_label(message.message()?, &mut spelling)?,
            _ => message.skip(wire)?,
        }
    }
    Ok(spelling)
}

fn respell_label(mut label: Reader<'_>, spelling: &mut Vec<u8>) -> Result<(), WireError> {
    let (mut name, mut value): (&[u8], &[u8]) = (&[], &[]);
    while let Some((number, wire)) = label.field()? {
        match number {
            1 | 2 => {
                label.expect(wire, Wire::Bytes)?;
                let text = label.bytes()?;
                *(if number == 1 { &mut name } else { &mut value }) = text;
            }
            _ => label.skip(wire)?,
        }
    }
    put_pair(name, value, spelling);
    Ok(())
}

/// Spells a pair that may not be UTF-8; who reads the spelling will say so.
fn put_pair(name: &[u8], value: &[u8], spelling: &mut Vec<u8>) {
    let mut pair = Vec::with_capacity(name.len() + value.len() + 12);
    for (key, text) in [(0x0A, name), (0x12, value)] {
        pair.push(key);
        put_varint(text.len() as u64, &mut pair);
        pair.extend_from_slice(text);
    }
    spelling.push(0x0A);
    put_varint(pair.len() as u64, spelling);
    spelling.extend_from_slice(&pair);
}

/// Exemplars of 1.0 are best effort: one with bad labels is left out.
fn exemplar(scratch: &mut Scratch, message: Reader<'_>) -> Result<(), WireError> {
    let mut spelling = Vec::new();
    let raw = RawExemplar::decode(message, |reader, wire| {
        reader.expect(wire, Wire::Bytes)?;
        respell_label(reader.message()?, &mut spelling)
    })?;
    if let Ok(labels) = Labels::from_spelling(&spelling) {
        scratch.exemplars.push(Exemplar { labels, value: raw.value, timestamp: raw.timestamp });
    }
    Ok(())
}

/// A bad histogram refuses the request.
fn histogram(scratch: &mut Scratch, message: Reader<'_>, series: &Reader<'_>) -> Result<(), DecodeError> {
    match RawHistogram::decode(message, false)?.into_sample() {
        Ok(sample) => scratch.histograms.push(sample),
        Err(problem) => {
            let detail = format!("{problem} for series {}", describe(&respell(*series)?));
            let (entry, reason) = (scratch.entries.len(), RejectReason::InvalidHistogram);
            return Err(DecodeError::Refused(Rejection { entry, reason, detail }));
        }
    }
    Ok(())
}
