//! A decoded request, borrowed from the body and from buffers that live on.

use nightjar_model::metadata::Metadata;
use nightjar_model::storage::{Atomicity, WriteBatch, WriteEntry};
use nightjar_model::{Exemplar, HistogramSample, Sample};

use crate::arena::{Arena, Spelling};
use crate::body::Protocol;
use crate::metadata::MetadataRefs;
use crate::refusal::Refusals;
use crate::symbols::Symbols;

/// The buffers of a decoder. One per thread that decodes; it grows to the largest request seen.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) entries: Vec<Entry>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) histograms: Vec<HistogramSample>,
    pub(crate) exemplars: Vec<Exemplar>,
    /// Reused slots; only the first `metadata_len` belong to the request.
    pub(crate) metadata: Vec<Metadata>,
    pub(crate) metadata_len: usize,
    pub(crate) metadata_refs: MetadataRefs,
    /// Spellings that are not in the body.
    pub(crate) arena: Arena,
    pub(crate) symbols: Symbols,
    /// Where the series of a 2.0 request lie.
    pub(crate) series: Vec<(u32, u32)>,
    pub(crate) families: Vec<(String, Metadata)>,
    pub(crate) refusals: Refusals,
}

/// A series entry: where it ends in each list. It begins where the one before ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) spelling: Spelling,
    pub(crate) samples_end: u32,
    pub(crate) histograms_end: u32,
    pub(crate) exemplars_end: u32,
    /// Index of the metadata plus 1; 0 = none.
    pub(crate) metadata: u32,
}

/// How much of each list was filled when a series began.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) samples: usize,
    pub(crate) histograms: usize,
    pub(crate) exemplars: usize,
}

impl Scratch {
    /// Empty buffers.
    pub fn new() -> Scratch {
        Scratch::default()
    }

    #[inline(always)]
    pub(crate) fn filled(&self) -> Filled {
        Filled { samples: self.samples.len(), histograms: self.histograms.len(), exemplars: self.exemplars.len() }
    }

    /// Makes an entry of everything since the last one.
    #[inline(always)]
    pub(crate) fn push_entry(&mut self, spelling: Spelling, metadata: u32) {
        let filled = self.filled();
        self.entries.push(Entry {
            spelling,
            samples_end: filled.samples as u32,
            histograms_end: filled.histograms as u32,
            exemplars_end: filled.exemplars as u32,
            metadata,
        });
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.samples.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.metadata_len = 0;
        self.metadata_refs = MetadataRefs::default();
        self.arena.truncate(0);
        self.symbols.clear();
        self.series.clear();
        self.families.clear();
        self.refusals = Refusals::default();
    }
}

impl Entry {
    /// Where the first entry begins.
    const START: Entry = Entry {
        spelling: Spelling { start: 0, len: 0, in_arena: false },
        samples_end: 0,
        histograms_end: 0,
        exemplars_end: 0,
        metadata: 0,
    };
}

/// A decoded request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) scratch: &'a Scratch,
    pub(crate) protocol: Protocol,
}

impl<'a> Request<'a> {
    /// How storage must treat refusals: 1.0 all or nothing, 2.0 piece by piece.
    pub fn atomicity(&self) -> Atomicity {
        match self.protocol {
            Protocol::V1 => Atomicity::Whole,
            Protocol::V2 => Atomicity::Partial,
        }
    }

    /// The protocol it came by.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What decoding refused (2.0 only): not part of the batch, must be part of the answer.
    pub fn refusals(&self) -> &'a Refusals {
        &self.scratch.refusals
    }

    /// Metadata by metric name, as 1.0 sends it; 2.0 has it with each series.
    pub fn families(&self) -> &'a [(String, Metadata)] {
        &self.scratch.families
    }

    /// Number of float samples.
    pub fn sample_count(&self) -> usize {
        self.scratch.samples.len()
    }

    /// Number of native-histogram samples.
    pub fn histogram_count(&self) -> usize {
        self.scratch.histograms.len()
    }
}

impl WriteBatch for Request<'_> {
    fn len(&self) -> usize {
        self.scratch.entries.len()
    }

    fn entry(&self, index: usize) -> WriteEntry<'_> {
        let scratch = self.scratch;
        let entry = scratch.entries[index];
        let from = if index == 0 { Entry::START } else { scratch.entries[index - 1] };
        let Spelling { start, len, in_arena } = entry.spelling;
        let source = if in_arena { scratch.arena.bytes() } else { self.body };
        WriteEntry {
            spelling: &source[start as usize..start as usize + len as usize],
            samples: &scratch.samples[from.samples_end as usize..entry.samples_end as usize],
            histograms: &scratch.histograms[from.histograms_end as usize..entry.histograms_end as usize],
            exemplars: &scratch.exemplars[from.exemplars_end as usize..entry.exemplars_end as usize],
            metadata: (entry.metadata > 0).then(|| &scratch.metadata[entry.metadata as usize - 1]),
        }
    }
}
