//! From rows to columns: the samples of some members of one timeline, series by series.

use std::sync::Arc;

use nightjar_model::storage::{FloatColumn, HistogramColumn, SeriesData};
use nightjar_model::{ClosedRange, HistogramSample, TimestampMs};

use super::deletions::Hidden;
use super::directory::{Pick, Position};
use super::frames::{FrameReader, Lane};
use super::packed::{Packed, Places};
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
    fn new(range: ClosedRange, members: usize, pack: bool, hidden: Hidden) -> Columns {
        let values = || if pack { Values::Packed(Packed::default()) } else { Values::default() };
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

    fn histograms<D: Disk>(&mut self, reader: &mut FrameReader<'_, D>, pick: &Pick, members: &[u32]) {
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

    fn begin(&mut self, pick: &Pick) {
        self.floor = pick.floor;
        self.position = pick.entry.position();
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
    /// Its number.
    pub(crate) timeline: u32,
    /// The timeline's sections to read, in order of writing.
    pub(crate) picks: &'a [Pick],
    /// Numbers within the timeline, ascending, each once.
    pub(crate) members: Vec<u32>,
}

/// Samples of one member that were read and are not asked for yet.
pub(crate) struct Waiting {
    times: Arc<[TimestampMs]>,
    column: Column,
}

/// Timestamps of the member finished before, to be shared by the next one of its timeline if it has the same.
#[derive(Default)]
pub(crate) struct Shared(Option<(Places, Arc<[TimestampMs]>)>);

/// Reads the samples in `range` of the members of one timeline.
pub(crate) fn read<D: Disk>(
    reader: &mut FrameReader<'_, D>,
    timeline: u32,
    picks: &[Pick],
    members: &[u32],
    range: ClosedRange,
) -> Vec<Samples> {
    let wanted = Wanted { timeline, picks, members: members.to_vec() };
    let mut shared = Shared::default();
    let waiting = read_many(reader, &[wanted], range, false).pop().unwrap_or_default();
    waiting.into_iter().map(|w| w.finish(&mut shared)).collect()
}

/// Reads the samples in `range` of members of several timelines, for each the list of its members. Timelines share
/// frames, so all are read in the order of writing: each frame once. `pack` keeps what is read small.
pub(crate) fn read_many<D: Disk>(
    reader: &mut FrameReader<'_, D>,
    wanted: &[Wanted<'_>],
    range: ClosedRange,
    pack: bool,
) -> Vec<Vec<Waiting>> {
    let hidden = |w: &Wanted<'_>| Hidden::new(&reader.view.parts.deletions, w.timeline, &w.members);
    let lane = |w: &Wanted<'_>| (Lane::new(&w.members), Columns::new(range, w.members.len(), pack, hidden(w)));
    let mut lanes: Vec<_> = wanted.iter().map(lane).collect();
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
    lanes.into_iter().map(|(_, columns)| columns.wait()).collect()
}

impl Columns {
    fn wait(self) -> Vec<Waiting> {
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
