//! From rows to columns: the samples of some members of one timeline, series by series.

use std::sync::Arc;

use nightjar_model::storage::{FloatColumn, HistogramColumn, SeriesData};
use nightjar_model::{ClosedRange, HistogramSample, TimestampMs};

use super::directory::{Pick, Position};
use super::frames::{FrameReader, Lane};
use crate::wal::rows::RowSink;
use crate::wal::section::{Kind, read_histograms};
use nightjar_platform::Disk;

/// One series while its rows are read.
#[derive(Default)]
struct Column {
    /// Places in [`Columns::times`], in order of writing.
    at: Vec<u32>,
    values: Vec<f64>,
    /// Empty while all are unknown.
    starts: Vec<TimestampMs>,
    /// Late samples in order of writing.
    late: Vec<(u32, TimestampMs, f64, TimestampMs)>,
    /// Histograms in order of writing.
    histograms: Vec<(u32, HistogramSample)>,
}

/// Collects the rows of one timeline.
struct Columns {
    range: ClosedRange,
    floor: TimestampMs,
    late: bool,
    /// Counts sections: what is written first has the lower number.
    section: u32,
    /// Whether the current run counts, and the place of its time.
    inside: bool,
    t: TimestampMs,
    at: u32,
    times: Vec<TimestampMs>,
    ascending: bool,
    columns: Vec<Column>,
}

impl RowSink for Columns {
    fn run(&mut self, t: TimestampMs) {
        self.t = t;
        self.inside = self.range.contains(t) && t >= self.floor;
        if !self.inside || self.late {
            return;
        }
        match self.times.last() {
            Some(last) if *last == t => self.at = self.times.len() as u32 - 1,
            Some(last) if *last > t && self.ascending => match self.times.binary_search(&t) {
                Ok(at) => self.at = at as u32,
                Err(_) => {
                    self.ascending = false;
                    self.new_time(t);
                }
            },
            _ => self.new_time(t),
        }
    }

    fn sample(&mut self, column: u32, bits: u64, start: TimestampMs) {
        if !self.inside {
            return;
        }
        let column = &mut self.columns[column as usize];
        if self.late {
            column.late.push((self.section, self.t, f64::from_bits(bits), start));
            return;
        }
        column.at.push(self.at);
        column.values.push(f64::from_bits(bits));
        if start != 0 || !column.starts.is_empty() {
            column.starts.resize(column.values.len() - 1, 0);
            column.starts.push(start);
        }
    }
}

impl Columns {
    fn new(range: ClosedRange, members: usize) -> Columns {
        let mut columns = Vec::new();
        columns.resize_with(members, Column::default);
        Columns {
            range,
            floor: TimestampMs::MIN,
            late: false,
            section: 0,
            inside: false,
            t: 0,
            at: 0,
            times: Vec::new(),
            ascending: true,
            columns,
        }
    }

    fn histograms<D: Disk>(&mut self, reader: &mut FrameReader<'_, D>, pick: &Pick, members: &[u32]) {
        let (range, columns, section) = (self.range, &mut self.columns, self.section);
        reader.section(&pick.entry, |_, bytes| {
            read_histograms(bytes, |index, sample| {
                let inside = range.contains(sample.timestamp) && sample.timestamp >= pick.floor;
                if let (true, Ok(column)) = (inside, members.binary_search(&index)) {
                    columns[column].histograms.push((section, sample));
                }
            })
        });
    }

    fn new_time(&mut self, t: TimestampMs) {
        self.at = self.times.len() as u32;
        self.times.push(t);
    }

    fn begin(&mut self, pick: &Pick) {
        self.floor = pick.floor;
        self.section += 1;
        self.late = pick.entry.kind() == Kind::LateRows;
    }
}

/// The samples of one series on one timeline.
#[derive(Default)]
pub(crate) struct Samples {
    /// Float samples.
    pub(crate) floats: FloatColumn,
    /// Histograms, ascending, none at the time of a float sample.
    pub(crate) histograms: Vec<HistogramSample>,
}

impl Samples {
    /// The same for a query.
    pub(crate) fn into_data(self) -> SeriesData {
        let any_start = self.histograms.iter().any(|s| s.start != 0);
        let histograms = HistogramColumn {
            timestamps: self.histograms.iter().map(|s| s.timestamp).collect(),
            starts: any_start.then(|| self.histograms.iter().map(|s| s.start).collect()),
            values: self.histograms.into_iter().map(|s| Arc::new(s.histogram)).collect(),
        };
        SeriesData { floats: self.floats, histograms }
    }
}

/// Some members of one timeline.
pub(crate) struct Wanted<'a> {
    /// The timeline's sections to read, in order of writing.
    pub(crate) picks: &'a [Pick],
    /// Numbers within the timeline, ascending, each once.
    pub(crate) members: Vec<u32>,
}

/// Reads the samples in `range` of the members of one timeline.
pub(crate) fn read<D: Disk>(
    reader: &mut FrameReader<'_, D>,
    picks: &[Pick],
    members: &[u32],
    range: ClosedRange,
) -> Vec<Samples> {
    let wanted = Wanted { picks, members: members.to_vec() };
    read_many(reader, &[wanted], range).pop().unwrap_or_default()
}

/// Reads the samples in `range` of members of several timelines, for each the list of its members. Timelines share
/// frames, so all are read in the order of writing: each frame once.
pub(crate) fn read_many<D: Disk>(
    reader: &mut FrameReader<'_, D>,
    wanted: &[Wanted<'_>],
    range: ClosedRange,
) -> Vec<Vec<Samples>> {
    let mut lanes: Vec<_> =
        wanted.iter().map(|w| (Lane::new(&w.members), Columns::new(range, w.members.len()))).collect();
    let mut order: Vec<(Position, u32, u32)> = Vec::new();
    for (lane, w) in wanted.iter().enumerate() {
        order.extend(w.picks.iter().enumerate().map(|(pick, p)| (p.entry.position(), lane as u32, pick as u32)));
    }
    order.sort_unstable();
    for (_, number, pick) in order {
        let number = number as usize;
        let (lane, columns) = &mut lanes[number];
        let pick = &wanted[number].picks[pick as usize];
        columns.begin(pick);
        match pick.entry.kind() {
            Kind::Histograms => columns.histograms(reader, pick, &wanted[number].members),
            _ => lane.read(reader, pick, columns),
        }
    }
    lanes.into_iter().map(|(_, columns)| finish(columns)).collect()
}

/// Timestamps of the series before, to be shared by the next one if it has the same.
struct Shared {
    at: Vec<u32>,
    times: Arc<[TimestampMs]>,
}

fn finish(columns: Columns) -> Vec<Samples> {
    let times = columns.times;
    let mut shared: Option<Shared> = None;
    let mut out = Vec::with_capacity(columns.columns.len());
    for mut column in columns.columns {
        let mut histograms = std::mem::take(&mut column.histograms);
        histograms.sort_by_key(|(section, s)| (s.timestamp, *section));
        histograms.dedup_by_key(|(_, s)| s.timestamp);
        // A time holds a float or a histogram: what was written first. A float in order came before any histogram.
        let earlier = |section: u32, t: TimestampMs| {
            histograms.binary_search_by_key(&t, |(_, s)| s.timestamp).is_ok_and(|i| histograms[i].0 < section)
        };
        column.late.retain(|(section, t, _, _)| !earlier(*section, *t));
        let floats = match column.late.is_empty() && column.at.is_sorted_by(|a, b| a < b) && columns.ascending {
            true => share(&mut column, &times, &mut shared),
            false => sort(column, &times),
        };
        let mut histograms: Vec<_> = histograms.into_iter().map(|(_, s)| s).collect();
        histograms.retain(|h| floats.timestamps.binary_search(&h.timestamp).is_err());
        out.push(Samples { floats, histograms });
    }
    out
}

fn share(column: &mut Column, times: &[TimestampMs], shared: &mut Option<Shared>) -> FloatColumn {
    if column.values.is_empty() {
        return FloatColumn::default();
    }
    let timestamps = match shared {
        Some(s) if s.at == column.at => Arc::clone(&s.times),
        _ => {
            let own: Arc<[TimestampMs]> = column.at.iter().map(|at| times[*at as usize]).collect();
            *shared = Some(Shared { at: std::mem::take(&mut column.at), times: Arc::clone(&own) });
            own
        }
    };
    let values = std::mem::take(&mut column.values);
    FloatColumn { timestamps, starts: starts(&column.starts, values.len()), values }
}

fn starts(starts: &[TimestampMs], len: usize) -> Option<Arc<[TimestampMs]>> {
    if starts.is_empty() {
        return None;
    }
    Some(starts.iter().copied().chain(std::iter::repeat(0)).take(len).collect())
}

/// Late samples or times out of order: sort; of equal times the first written wins.
fn sort(column: Column, times: &[TimestampMs]) -> FloatColumn {
    let own_starts = column.starts.iter().copied().chain(std::iter::repeat(0));
    let in_order = column.at.iter().map(|at| times[*at as usize]).zip(&column.values).zip(own_starts);
    let mut all: Vec<_> =
        in_order.map(|((t, v), s)| (t, *v, s)).chain(column.late.into_iter().map(|(_, t, v, s)| (t, v, s))).collect();
    all.sort_by_key(|(t, _, _)| *t);
    all.dedup_by_key(|(t, _, _)| *t);
    let any_start = all.iter().any(|(_, _, s)| *s != 0);
    FloatColumn {
        timestamps: all.iter().map(|(t, _, _)| *t).collect(),
        values: all.iter().map(|(_, v, _)| *v).collect(),
        starts: any_start.then(|| all.iter().map(|(_, _, s)| *s).collect()),
    }
}
