//! What a frame says about one timeline: a section, and the table of sections in the frame's header.

use nightjar_model::metadata::Metadata;
use nightjar_model::{Exemplar, HistogramSample, TimestampMs};

use crate::bytes::{Corrupt, Cursor, put_blob, put_text, put_varint, put_zigzag};
use crate::codec;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Label sets of new members.
    Definitions,
    /// Rows in order, told against the epoch.
    Rows,
    /// Rows older than what their series had: each run stands for itself.
    LateRows,
    /// Native histograms.
    Histograms,
    /// Exemplars.
    Exemplars,
    /// Metadata of metrics; belongs to no timeline.
    Metadata,
}

const EPOCH: u8 = 0x80;

impl Kind {
    /// The kind's number on disk.
    pub(crate) fn number(self) -> u8 {
        match self {
            Kind::Definitions => 0,
            Kind::Rows => 1,
            Kind::LateRows => 2,
            Kind::Histograms => 3,
            Kind::Exemplars => 4,
            Kind::Metadata => 5,
        }
    }

    /// The kind with this number.
    pub(crate) fn from_number(number: u8) -> Option<Kind> {
        [Kind::Definitions, Kind::Rows, Kind::LateRows, Kind::Histograms, Kind::Exemplars, Kind::Metadata]
            .into_iter()
            .find(|kind| kind.number() == number)
    }
}

/// One line of the table of sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// What it holds.
    pub(crate) kind: Kind,
    /// Whether the timeline's bases are zero before it.
    pub(crate) epoch: bool,
    /// Whose it is.
    pub(crate) timeline: u32,
    /// First byte within the payload.
    pub(crate) offset: u32,
    /// Number of bytes.
    pub(crate) len: u32,
    /// First time.
    pub(crate) t_min: TimestampMs,
    /// Last time, inclusive.
    pub(crate) t_max: TimestampMs,
    /// Number of items.
    pub(crate) items: u32,
}

/// Sections of one frame at most: a directory entry has twelve bits for its number.
pub(crate) const MAX_SECTIONS: usize = 1 << 12;

/// Writes the table.
pub(crate) fn put_table(sections: &[Section], out: &mut Vec<u8>) {
    put_varint(sections.len() as u64, out);
    let (mut timeline, mut t) = (0i64, 0i64);
    for s in sections {
        out.push(s.kind.number() | if s.epoch { EPOCH } else { 0 });
        put_zigzag(i64::from(s.timeline) - timeline, out);
        put_varint(u64::from(s.len), out);
        put_zigzag(s.t_min.wrapping_sub(t), out);
        put_varint(s.t_max.wrapping_sub(s.t_min) as u64, out);
        put_varint(u64::from(s.items), out);
        (timeline, t) = (i64::from(s.timeline), s.t_min);
    }
}

/// Reads the table of a payload of `payload_len` bytes. Sections of a kind this version does not know are an error:
/// a newer version says so in the segment's version.
pub(crate) fn read_table(bytes: &[u8], payload_len: u32) -> Result<Vec<Section>, Corrupt> {
    let mut c = Cursor::new(bytes);
    let n = c.count(6, "section count")?;
    if n > MAX_SECTIONS {
        return Err(c.corrupt("section count"));
    }
    let mut sections = Vec::with_capacity(n);
    let (mut timeline, mut t, mut offset) = (0i64, 0i64, 0u32);
    for _ in 0..n {
        let head = c.u8("section kind")?;
        let kind = Kind::from_number(head & !EPOCH).ok_or(c.corrupt("section kind"))?;
        timeline = timeline.wrapping_add(c.zigzag("timeline")?);
        let len = c.varint("section length")?;
        let len = u32::try_from(len).ok().filter(|l| *l <= payload_len - offset).ok_or(c.corrupt("section length"))?;
        t = t.wrapping_add(c.zigzag("section time")?);
        let t_max = t.wrapping_add(c.varint("section span")? as i64);
        let items = c.varint("section items")? as u32;
        let timeline = u32::try_from(timeline).map_err(|_| c.corrupt("timeline"))?;
        sections.push(Section { kind, epoch: head & EPOCH != 0, timeline, offset, len, t_min: t, t_max, items });
        offset += len;
    }
    if offset == payload_len { Ok(sections) } else { Err(c.corrupt("section length")) }
}

/// Writes a new member of the section's timeline.
pub(crate) fn put_definition(index: u32, spelling: &[u8], out: &mut Vec<u8>) {
    put_varint(u64::from(index), out);
    put_blob(spelling, out);
}

/// Reads a section of definitions: member and canonical spelling.
pub(crate) fn read_definitions<'a>(bytes: &'a [u8], mut each: impl FnMut(u32, &'a [u8])) -> Result<(), Corrupt> {
    let mut c = Cursor::new(bytes);
    while !c.is_empty() {
        let index = c.varint("member")?;
        let index = u32::try_from(index).map_err(|_| c.corrupt("member"))?;
        each(index, c.blob("spelling")?);
    }
    Ok(())
}

/// Writes a histogram of a member.
pub(crate) fn put_histogram(index: u32, sample: &HistogramSample, out: &mut Vec<u8>) {
    put_varint(u64::from(index), out);
    codec::histogram::encode(sample, out);
}

/// Reads a section of histograms.
pub(crate) fn read_histograms(bytes: &[u8], mut each: impl FnMut(u32, HistogramSample)) -> Result<(), Corrupt> {
    let mut c = Cursor::new(bytes);
    while !c.is_empty() {
        let index = c.varint("member")?;
        each(index as u32, codec::histogram::decode(&mut c)?);
    }
    Ok(())
}

/// Writes an exemplar of a member.
pub(crate) fn put_exemplar(index: u32, exemplar: &Exemplar, out: &mut Vec<u8>) {
    put_varint(u64::from(index), out);
    codec::exemplar::encode(exemplar, out);
}

/// Reads a section of exemplars.
pub(crate) fn read_exemplars(bytes: &[u8], mut each: impl FnMut(u32, Exemplar)) -> Result<(), Corrupt> {
    let mut c = Cursor::new(bytes);
    while !c.is_empty() {
        let index = c.varint("member")?;
        each(index as u32, codec::exemplar::decode(&mut c)?);
    }
    Ok(())
}

/// Writes the metadata of a metric.
pub(crate) fn put_metadata(metric: &str, metadata: &Metadata, out: &mut Vec<u8>) {
    put_text(metric, out);
    codec::metadata::encode(metadata, out);
}

/// Reads a section of metadata.
pub(crate) fn read_metadata(bytes: &[u8], mut each: impl FnMut(&str, Metadata)) -> Result<(), Corrupt> {
    let mut c = Cursor::new(bytes);
    while !c.is_empty() {
        let metric = c.text("metric")?;
        each(metric, codec::metadata::decode(&mut c)?);
    }
    Ok(())
}
