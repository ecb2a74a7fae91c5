//! One chunk: some samples of one series, in one of six encodings.

use nightjar_model::histogram::FloatHistogram;
use nightjar_model::{HistogramSample, TimestampMs};

use super::bits::BitReader;
use super::start_times::StartTimes;
use super::{float_histogram, histogram, xor, xor2};
use crate::bytes::Corrupt;

/// How samples are spelled in a chunk. The numbers are Prometheus'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Floats.
    Xor = 1,
    /// Histograms with integer counts.
    Histogram = 2,
    /// Histograms with float counts.
    FloatHistogram = 3,
    /// Floats with start times.
    Xor2 = 4,
    /// Histograms with integer counts and start times.
    HistogramStart = 5,
    /// Histograms with float counts and start times.
    FloatHistogramStart = 6,
}

impl Encoding {
    /// The encoding of a number; `None` for one this version does not know.
    pub fn of(number: u8) -> Option<Encoding> {
        use Encoding::*;
        [Xor, Histogram, FloatHistogram, Xor2, HistogramStart, FloatHistogramStart]
            .into_iter()
            .find(|e| *e as u8 == number)
    }
}

/// Samples of one series, in the order of its chunks.
#[derive(Clone, Debug, Default)]
pub struct ChunkSamples {
    /// Times of float samples.
    pub times: Vec<TimestampMs>,
    /// Their values.
    pub values: Vec<f64>,
    /// When counting began, one for each value; 0 = unknown.
    pub starts: Vec<TimestampMs>,
    /// Histograms.
    pub histograms: Vec<HistogramSample>,
}

impl ChunkSamples {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.starts.clear();
        self.histograms.clear();
    }

    pub(super) fn float(&mut self, t: TimestampMs, value: f64, start: TimestampMs) {
        self.times.push(t);
        self.values.push(value);
        self.starts.push(start);
    }

    pub(super) fn histogram(
        &mut self,
        r: &BitReader<'_>,
        timestamp: TimestampMs,
        start: TimestampMs,
        integer: bool,
        histogram: FloatHistogram,
    ) -> Result<(), Corrupt> {
        histogram.validate().map_err(|_| r.corrupt("histogram (it contradicts itself)"))?;
        self.histograms.push(HistogramSample { timestamp, start, integer, histogram });
        Ok(())
    }

    fn truncate(&mut self, floats: usize, histograms: usize) {
        self.times.truncate(floats);
        self.values.truncate(floats);
        self.starts.truncate(floats);
        self.histograms.truncate(histograms);
    }
}

/// What stands before the samples of a histogram chunk.
pub(super) struct Header {
    pub(super) count: u64,
    /// Two bits at the top.
    pub(super) reset: u8,
    pub(super) starts: StartTimes,
}

impl Header {
    /// Encodings without start times: count, then the bits about resets.
    fn plain(r: &mut BitReader<'_>) -> Result<Header, Corrupt> {
        let count = r.bits(16, "chunk length")?;
        let reset = r.bits(8, "chunk header")? as u8;
        Ok(Header { count, reset, starts: StartTimes::default() })
    }

    /// Encodings with start times: the bits about resets share two bytes with the count.
    fn with_starts(r: &mut BitReader<'_>) -> Result<Header, Corrupt> {
        let word = r.bits(16, "chunk length")?;
        let starts = StartTimes::new(r.bits(8, "chunk header")? as u8);
        Ok(Header { count: word & 0x3fff, reset: (word >> 8) as u8, starts })
    }
}

/// Appends the samples of a chunk to `out`. On an error `out` is as before.
pub fn decode(encoding: Encoding, data: &[u8], out: &mut ChunkSamples) -> Result<(), Corrupt> {
    let before = (out.times.len(), out.histograms.len());
    let mut r = BitReader::new(data);
    let read = match encoding {
        Encoding::Xor => xor::read(data, out),
        Encoding::Xor2 => xor2::read(data, out),
        Encoding::Histogram => Header::plain(&mut r).and_then(|head| histogram::read(head, &mut r, out)),
        Encoding::FloatHistogram => Header::plain(&mut r).and_then(|head| float_histogram::read(head, &mut r, out)),
        Encoding::HistogramStart => Header::with_starts(&mut r).and_then(|head| histogram::read(head, &mut r, out)),
        Encoding::FloatHistogramStart => {
            Header::with_starts(&mut r).and_then(|head| float_histogram::read(head, &mut r, out))
        }
    };
    read.inspect_err(|_| out.truncate(before.0, before.1))
}
