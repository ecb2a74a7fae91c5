//! Remote write 2.0: `io.prometheus.write.v2.Request {symbols = 4; timeseries = 5}`.
//!
//! Labels are references into the symbol table. A first pass finds symbols and series, whatever their order; the
//! second decodes series and spells their labels into the arena. What is wrong with one series refuses that series,
//! with Prometheus' words for it; what is not a message at all refuses the request.

use nightjar_model::storage::RejectReason;
use nightjar_model::{Exemplar, Labels};

use crate::arena::Spelling;
use crate::error::{DecodeError, check};
use crate::exemplar::RawExemplar;
use crate::histogram::RawHistogram;
use crate::limits::Limits;
use crate::metadata::{MetadataRefs, metric_type};
use crate::refusal::describe;
use crate::request::{Filled, Scratch};
use crate::sample;
use crate::symbols::{SpellError, gather, listed};
use crate::wire::{Reader, Wire, WireError};

const SYMBOL: u64 = 4 << 3 | 2;
const SERIES: u64 = 5 << 3 | 2;
const REFS: u64 = 1 << 3 | 2;
const SAMPLE: u64 = 2 << 3 | 2;

pub(crate) fn decode(scratch: &mut Scratch, body: &[u8], limits: &Limits) -> Result<(), DecodeError> {
    find(scratch, body, limits)?;
    let places = std::mem::take(&mut scratch.series);
    let result = places
        .iter()
        .enumerate()
        .try_for_each(|(index, place)| Series { scratch, body, limits, index, place: *place }.decode());
    scratch.series = places;
    result
}

/// Finds symbols and series.
fn find(scratch: &mut Scratch, body: &[u8], limits: &Limits) -> Result<(), DecodeError> {
    let mut reader = Reader::new(body);
    while !reader.is_done() {
        let start = reader.at();
        match reader.key()? {
            SYMBOL => {
                check(scratch.symbols.len() + 1, limits.symbols, "symbols")?;
                scratch.symbols.add(start, &mut reader)?;
            }
            SERIES => {
                check(scratch.series.len() + 1, limits.series, "series")?;
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
    if scratch.symbols.starts_empty() { Ok(()) } else { Err(DecodeError::FirstSymbol) }
}

/// One series being decoded.
struct Series<'s, 'a> {
    scratch: &'s mut Scratch,
    body: &'a [u8],
    limits: &'s Limits,
    index: usize,
    /// Where its message lies in the body.
    place: (u32, u32),
}

/// What a series says beside its samples.
#[derive(Default)]
struct Rest {
    /// References come in more than one field.
    scattered: bool,
    metadata: MetadataRefs,
    bad_histogram: bool,
}

/// What is wrong with a series.
type Problem = (RejectReason, String);

impl<'a> Series<'_, 'a> {
    #[inline(always)]
    fn message(&self) -> Reader<'a> {
        Reader::new(&self.body[..self.place.1 as usize]).from(self.place.0 as usize)
    }

    #[inline(always)]
    fn decode(&mut self) -> Result<(), DecodeError> {
        let before = self.scratch.filled();
        let mut rest = Rest::default();
        let mut refs = Reader::new(&[]);
        let mut reader = self.message();
        while !reader.is_done() {
            match reader.key()? {
                REFS => {
                    rest.scattered |= refs.at() > 0;
                    refs = reader.message()?;
                }
                SAMPLE => {
                    check(self.scratch.samples.len() + 1, self.limits.samples, "samples")?;
                    self.scratch.samples.push(sample::decode(reader.message()?, true)?);
                }
                key => reader = self.other_field(key, reader, &mut rest)?,
            }
        }
        let now = self.scratch.filled();
        let empty = now.samples == before.samples && now.histograms == before.histograms;
        match self.spell(refs, rest.scattered) {
            Ok(spelling) if !empty => match self.metadata(rest.metadata) {
                Ok(metadata) => {
                    self.push(before, spelling, metadata);
                    return Ok(());
                }
                Err(problem) => self.refuse(RejectReason::InvalidLabels, |series| {
                    format!("parsing metadata for series {}: {problem}", series.name(spelling))
                }),
            },
            Ok(spelling) => {
                if !rest.bad_histogram {
                    let (reason, detail) = self.empty(spelling);
                    self.refuse(reason, |_| detail);
                }
            }
            Err(error) => self.bad_refs(error)?,
        }
        self.take_back(before);
        Ok(())
    }

    #[inline(never)]
    fn other_field(&mut self, key: u64, mut reader: Reader<'a>, rest: &mut Rest) -> Result<Reader<'a>, DecodeError> {
        let (number, wire) = reader.split_key(key)?;
        if matches!(number, 2..=5) {
            reader.expect(wire, Wire::Bytes)?;
        }
        match number {
            1 => {
                reader.expect(wire, Wire::Varint)?;
                reader.skip(wire)?;
                rest.scattered = true;
            }
            3 => rest.bad_histogram |= !self.histogram(reader.message()?)?,
            4 => self.exemplar(reader.message()?)?,
            5 => rest.metadata.merge(reader.message()?)?,
            _ => reader.skip(wire)?,
        }
        Ok(reader)
    }

    #[inline(always)]
    fn spell(&mut self, refs: Reader<'_>, scattered: bool) -> Result<Spelling, SpellError> {
        if scattered {
            return self.spell_scattered();
        }
        let scratch = &mut *self.scratch;
        scratch.symbols.spell_next(self.body, refs, &mut scratch.arena, self.limits.label_bytes)
    }

    #[cold]
    fn spell_scattered(&mut self) -> Result<Spelling, SpellError> {
        let refs = gather(self.message())?;
        let scratch = &mut *self.scratch;
        scratch.symbols.spell_alone(self.body, Reader::new(&refs), &mut scratch.arena, self.limits.label_bytes)
    }

    #[inline(always)]
    fn push(&mut self, before: Filled, spelling: Spelling, metadata: u32) {
        let exemplars = &mut self.scratch.exemplars;
        if exemplars.len() > before.exemplars + 1 {
            exemplars[before.exemplars..].sort_by_key(|exemplar| exemplar.timestamp);
        }
        self.scratch.push_entry(spelling, metadata);
    }

    #[cold]
    fn refuse(&mut self, reason: RejectReason, detail: impl FnOnce(&mut Self) -> String) {
        let detail = detail(self);
        self.scratch.refusals.add(self.index, reason, || detail);
    }

    /// Undoes what was read of a refused series.
    #[cold]
    fn take_back(&mut self, before: Filled) {
        let scratch = &mut *self.scratch;
        scratch.samples.truncate(before.samples);
        scratch.histograms.truncate(before.histograms);
        scratch.exemplars.truncate(before.exemplars);
        scratch.symbols.forget_previous();
    }

    /// References that cannot be followed refuse the series; labels beyond all measure refuse the request.
    #[cold]
    fn bad_refs(&mut self, error: SpellError) -> Result<(), DecodeError> {
        match error {
            SpellError::TooLarge => {
                Err(DecodeError::TooMany { what: "bytes of labels", limit: self.limits.label_bytes })
            }
            SpellError::Wire(error) => Err(error.into()),
            error => {
                let bytes = gather(self.message())?;
                let refs = Reader::new(&bytes);
                let problem = self.scratch.symbols.explain(&error, refs);
                let detail = format!("parsing labels for series {}: {problem}", listed(refs));
                self.refuse(RejectReason::InvalidLabels, |_| detail);
                Ok(())
            }
        }
    }

    #[cold]
    fn empty(&self, spelling: Spelling) -> Problem {
        match Labels::from_spelling(self.scratch.arena.get(spelling)) {
            Ok(labels) => {
                let detail = format!("TimeSeries must contain at least one sample or histogram for series {labels}");
                (RejectReason::Empty, detail)
            }
            Err(problem) => (RejectReason::InvalidLabels, format!("invalid metric name or labels: {problem}")),
        }
    }

    fn name(&self, spelling: Spelling) -> String {
        describe(self.scratch.arena.get(spelling))
    }

    /// The series for people, before its labels are spelled: they may follow what is complained about.
    #[cold]
    fn own_name(&mut self) -> String {
        let before = self.scratch.arena.len();
        let name = match self.spell_scattered() {
            Ok(spelling) => self.name(spelling),
            Err(_) => "with invalid labels".to_owned(),
        };
        self.scratch.arena.truncate(before);
        name
    }

    /// The metadata behind references: index plus 1, 0 for none.
    #[inline(always)]
    fn metadata(&mut self, refs: MetadataRefs) -> Result<u32, String> {
        if refs == MetadataRefs::default() {
            return Ok(0);
        }
        if refs != self.scratch.metadata_refs {
            self.new_metadata(refs)?;
        }
        Ok(self.scratch.metadata_len as u32)
    }

    #[inline(never)]
    fn new_metadata(&mut self, refs: MetadataRefs) -> Result<(), String> {
        let scratch = &mut *self.scratch;
        let text = |what: &str, reference: u32| {
            let size = scratch.symbols.len();
            let text = scratch.symbols.text(self.body, reference);
            let text = text.ok_or(format!("{what} {reference} outside of symbols table (size {size})"))?;
            std::str::from_utf8(text).map_err(|_| format!("{what} {reference} is not valid UTF-8"))
        };
        let (help, unit) = (text("help_ref", refs.help)?, text("unit_ref", refs.unit)?);
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
    fn histogram(&mut self, message: Reader<'_>) -> Result<bool, DecodeError> {
        check(self.scratch.histograms.len() + 1, self.limits.histograms, "histograms")?;
        match RawHistogram::decode(message, true)?.into_sample() {
            Ok(sample) => {
                self.scratch.histograms.push(sample);
                Ok(true)
            }
            Err(problem) => {
                self.refuse(RejectReason::InvalidHistogram, |series| {
                    format!("{problem} for series {}", series.own_name())
                });
                Ok(false)
            }
        }
    }

    /// An exemplar with bad labels is refused.
    fn exemplar(&mut self, message: Reader<'_>) -> Result<(), DecodeError> {
        check(self.scratch.exemplars.len() + 1, self.limits.exemplars, "exemplars")?;
        let raw = RawExemplar::decode(message, |reader, wire| reader.skip(wire))?;
        match self.exemplar_labels(message)? {
            Ok(labels) => {
                self.scratch.exemplars.push(Exemplar { labels, value: raw.value, timestamp: raw.timestamp });
            }
            Err(problem) => self.refuse(RejectReason::InvalidExemplar, |series| {
                format!("parsing exemplar for series {}: {problem}", series.own_name())
            }),
        }
        Ok(())
    }

    fn exemplar_labels(&mut self, message: Reader<'_>) -> Result<Result<Labels, String>, WireError> {
        let bytes = gather(message)?;
        let refs = Reader::new(&bytes);
        let scratch = &mut *self.scratch;
        let before = scratch.arena.len();
        let spelled = scratch.symbols.spell_alone(self.body, refs, &mut scratch.arena, self.limits.label_bytes);
        let labels = match spelled {
            Ok(spelling) => Labels::from_spelling(scratch.arena.get(spelling)).map_err(|e| e.to_string()),
            Err(SpellError::Wire(error)) => return Err(error),
            Err(error) => Err(scratch.symbols.explain(&error, refs)),
        };
        scratch.arena.truncate(before);
        Ok(labels)
    }
}
