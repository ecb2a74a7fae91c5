//! From rows to columns: the samples of some members of one timeline, series by series.

use std::sync::Arc;

use nightjar_model::storage::{FloatColumn, HistogramColumn, SeriesData};
use nightjar_model::{ClosedRange, HistogramSample, TimestampMs};

use super::deletions::Hidden;
use super::directory::{Pick, Position};
use super::frames::FrameReader;
use super::packed::{Packed, Places};
use super::tile::{Tile, TileColumn, TileValues};
use crate::wal::rows::RowSink;
use crate::wal::section::{Kind, read_histograms};
use nightjar_platform::Disk;

/// Values of one series: quick, or small.
enum Values {
    Plain(Vec<f64>),
    Packed(Packed),
}

impl Default for Values {
    fn default() -> Values {
        Values::Plain(Vec::new())
    }
}

impl Values {
    #[inline]
    fn push(&mut self, bits: u64) {
        match self {
            Values::Plain(values) => values.push(f64::from_bits(bits)),
            Values::Packed(values) => values.push(bits),
        }
    }

    fn extend(&mut self, more: &[f64]) {
        match self {
            Values::Plain(values) => values.extend_from_slice(more),
            Values::Packed(values) => more.iter().for_each(|v| values.push(v.to_bits())),
        }
    }

    fn repeat(&mut self, value: f64, times: usize) {
        match self {
            Values::Plain(values) => values.resize(values.len() + times, value),
            Values::Packed(values) => (0..times).for_each(|_| values.push(value.to_bits())),
        }
    }

    fn len(&self) -> usize {
        match self {
            Values::Plain(values) => values.len(),
            Values::Packed(values) => values.len(),
        }
    }

    fn into_vec(self) -> Vec<f64> {
        match self {
            Values::Plain(values) => values,
            Values::Packed(values) => values.unpack(),
        }
    }
}

/// One series while its rows are read.
#[derive(Default)]
struct Column {
    /// Places in [`Columns::times`], in order of writing.
    at: Places,
    values: Values,
    /// Empty while all are unknown.
    starts: Vec<TimestampMs>,
    /// Late samples in order of writing.
    late: Vec<(u32, TimestampMs, f64, TimestampMs)>,
    /// Histograms in order of writing.
    histograms: Vec<(u32, HistogramSample)>,
}

/// Collects the rows of one timeline.
pub(crate) struct Columns {
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
    /// What was deleted, and where the current section lies.
    hidden: Hidden,
    position: Position,
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
        if !self.inside || (!self.hidden.is_empty() && self.hidden.hides(column as usize, self.t, self.position)) {
            return;
        }
        let column = &mut self.columns[column as usize];
        if self.late {
            column.late.push((self.section, self.t, f64::from_bits(bits), start));
            return;
        }
        column.at.push(self.at);
        column.values.push(bits);
        if start != 0 || !column.starts.is_empty() {
            column.starts.resize(column.values.len() - 1, 0);
            column.starts.push(start);
        }
    }
}

impl Columns {
    /// Takes samples in `range`; `pack` keeps them small, else there is room for `samples` of each member.
    pub(crate) fn new(range: ClosedRange, members: usize, pack: bool, samples: usize, hidden: Hidden) -> Columns {
        let plain = || Values::Plain(Vec::with_capacity(samples));
        let values = || if pack { Values::Packed(Packed::default()) } else { plain() };
        let columns = (0..members).map(|_| Column { values: values(), ..Column::default() }).collect();
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
            hidden,
            position: Position::default(),
        }
    }

    /// Reads a section of histograms.
    pub(crate) fn histograms<D: Disk>(&mut self, reader: &mut FrameReader<'_, D>, pick: &Pick, members: &[u32]) {
        let (range, columns, section, hidden) = (self.range, &mut self.columns, self.section, &self.hidden);
        reader.section(&pick.entry, |_, bytes| {
            read_histograms(bytes, |index, sample| {
                let inside = range.contains(sample.timestamp) && sample.timestamp >= pick.floor;
                if let (true, Ok(column)) = (inside, members.binary_search(&index))
                    && !hidden.hides(column, sample.timestamp, pick.entry.position())
                {
                    columns[column].histograms.push((section, sample));
                }
            })
        });
    }

    fn new_time(&mut self, t: TimestampMs) {
        self.at = self.times.len() as u32;
        self.times.push(t);
    }

    /// What comes next is of this section.
    pub(crate) fn begin(&mut self, pick: &Pick) {
        self.floor = pick.floor;
        self.position = pick.entry.position();
        self.section += 1;
        self.late = pick.entry.kind() == Kind::LateRows;
    }
}

impl Columns {
    /// What was read, to be kept.
    pub(crate) fn into_tile(self, members: &[u32]) -> Tile {
        let empty = Arc::new(TileColumn::default());
        let column = |column: Column| match column.values.len() {
            0 => Arc::clone(&empty),
            _ => {
                let values = TileValues::new(column.values.into_vec());
                Arc::new(TileColumn { at: column.at, values, starts: column.starts })
            }
        };
        Tile { members: members.to_vec(), times: self.times, columns: self.columns.into_iter().map(column).collect() }
    }

    /// Takes over rows at `times` that were kept, column by column.
    pub(crate) fn take<'t>(&mut self, times: &[TimestampMs], columns: impl Iterator<Item = &'t TileColumn>) {
        self.late = false;
        let place = |t: &TimestampMs| {
            self.run(*t);
            if self.inside { self.at } else { OUTSIDE }
        };
        let places: Vec<u32> = times.iter().map(place).collect();
        let first = places.iter().position(|place| *place != OUTSIDE).unwrap_or(places.len());
        let last = places.iter().rposition(|place| *place != OUTSIDE).map_or(first, |last| last + 1);
        let straight = places[first..last].windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1));
        for (column, kept) in self.columns.iter_mut().zip(columns) {
            if straight && kept.starts.is_empty() && column.starts.is_empty() {
                column.take_straight(kept, first..last, places.get(first).copied().unwrap_or(0));
            } else {
                column.take_each(kept, &places);
            }
        }
    }
}

/// The place of a time that does not count.
const OUTSIDE: u32 = u32::MAX;

impl Column {
    /// Takes what was kept within `inside`, whose first place is `place` here, without start times.
    fn take_straight(&mut self, kept: &TileColumn, inside: std::ops::Range<usize>, place: u32) {
        let mut before = 0;
        for range in kept.at.ranges() {
            let (start, end) = (range.start.max(inside.start), range.end.min(inside.end));
            if start < end {
                let at = |i: usize| place + (i - inside.start) as u32;
                self.at.push_range(at(start), at(end));
                let first = before + start - range.start;
                match &kept.values {
                    TileValues::Same(value) => self.values.repeat(*value, end - start),
                    TileValues::Each(values) => self.values.extend(&values[first..first + end - start]),
                }
            }
            before += range.len();
        }
    }

    /// Takes what was kept one by one; `places` are those of its times here.
    fn take_each(&mut self, kept: &TileColumn, places: &[u32]) {
        for (i, at) in kept.at.ranges().flatten().enumerate() {
            if places[at] == OUTSIDE {
                continue;
            }
            self.at.push(places[at]);
            self.values.push(kept.values.get(i).to_bits());
            let start = kept.starts.get(i).copied().unwrap_or(0);
            if start != 0 || !self.starts.is_empty() {
                self.starts.resize(self.values.len() - 1, 0);
                self.starts.push(start);
            }
        }
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

/// Samples of one member that were read and are not asked for yet.
pub(crate) struct Waiting {
    times: Arc<[TimestampMs]>,
    column: Column,
}

/// Timestamps of the member finished before, to be shared by the next one of its timeline if it has the same.
#[derive(Default)]
pub(crate) struct Shared(Option<(Places, Arc<[TimestampMs]>)>);

/// Bytes a sample takes on average while it waits plain,
const SAMPLE_BYTES: usize = 8;
/// and packed,
const PACKED_BYTES: usize = 1;
/// and a series in any case.
const SERIES_BYTES: usize = 200;

/// About how many bytes a series with so many samples takes while it waits.
pub(crate) fn waiting_bytes(samples: usize, packed: bool) -> usize {
    samples * if packed { PACKED_BYTES } else { SAMPLE_BYTES } + SERIES_BYTES
}

impl Columns {
    /// What was read, member by member.
    pub(crate) fn wait(self) -> Vec<Waiting> {
        let times: Arc<[TimestampMs]> = self.times.into();
        let waiting = |mut column: Column| {
            column.at.disordered |= !self.ascending;
            Waiting { times: Arc::clone(&times), column }
        };
        self.columns.into_iter().map(waiting).collect()
    }
}

impl Waiting {
    /// The samples as whoever asked wants them.
    pub(crate) fn finish(self, shared: &mut Shared) -> Samples {
        let Waiting { times, mut column } = self;
        let mut histograms = std::mem::take(&mut column.histograms);
        histograms.sort_by_key(|(section, s)| (s.timestamp, *section));
        histograms.dedup_by_key(|(_, s)| s.timestamp);
        // A time holds a float or a histogram: what was written first. A float in order came before any histogram.
        let earlier = |section: u32, t: TimestampMs| {
            histograms.binary_search_by_key(&t, |(_, s)| s.timestamp).is_ok_and(|i| histograms[i].0 < section)
        };
        column.late.retain(|(section, t, _, _)| !earlier(*section, *t));
        let floats = match column.late.is_empty() && !column.at.disordered {
            true => share(column, &times, shared),
            false => sort(column, &times),
        };
        let mut histograms: Vec<_> = histograms.into_iter().map(|(_, s)| s).collect();
        histograms.retain(|h| floats.timestamps.binary_search(&h.timestamp).is_err());
        Samples { floats, histograms }
    }
}

fn share(column: Column, times: &[TimestampMs], shared: &mut Shared) -> FloatColumn {
    let Column { at, values, starts: known, .. } = column;
    if values.len() == 0 {
        return FloatColumn::default();
    }
    let timestamps = match &shared.0 {
        Some((places, times)) if *places == at => Arc::clone(times),
        _ => {
            let own: Arc<[TimestampMs]> = at.times(times).collect();
            shared.0 = Some((at, Arc::clone(&own)));
            own
        }
    };
    let values = values.into_vec();
    FloatColumn { timestamps, starts: starts(&known, values.len()), values }
}

fn starts(starts: &[TimestampMs], len: usize) -> Option<Arc<[TimestampMs]>> {
    if starts.is_empty() {
        return None;
    }
    Some(starts.iter().copied().chain(std::iter::repeat(0)).take(len).collect())
}

/// Late samples or times out of order: sort; of equal times the first written wins.
fn sort(column: Column, times: &[TimestampMs]) -> FloatColumn {
    let Column { at, values, starts, late, .. } = column;
    let starts = starts.into_iter().chain(std::iter::repeat(0));
    let in_order = at.times(times).zip(values.into_vec()).zip(starts).map(|((t, v), s)| (t, v, s));
    let mut all: Vec<_> = in_order.chain(late.into_iter().map(|(_, t, v, s)| (t, v, s))).collect();
    all.sort_by_key(|(t, _, _)| *t);
    all.dedup_by_key(|(t, _, _)| *t);
    let any_start = all.iter().any(|(_, _, s)| *s != 0);
    FloatColumn {
        timestamps: all.iter().map(|(t, _, _)| *t).collect(),
        values: all.iter().map(|(_, v, _)| *v).collect(),
        starts: any_start.then(|| all.iter().map(|(_, _, s)| *s).collect()),
    }
}
