//! Leaves of a plan evaluated in runs of neighbouring series, by whichever thread is free.
//!
//! Runs are always the same and are taken in order: the answer, its notes and its statistics do not depend on how many
//! threads there are.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nightjar_model::Labels;
use parking_lot::{Condvar, Mutex};

use crate::annotations::Notes;
use crate::ast::Span;
use crate::error::QueryError;
use crate::eval::budget::Held;
use crate::eval::context::Settings;
use crate::eval::selection::Selection;
use crate::eval::tally::Tally;
use crate::eval::{Column, Context, Grid, Operator, Vector};
use crate::operators::instant_selector::{InstantSelector, Take};
use crate::operators::range_function::{RangeCall, RangeFunction};
use crate::operators::range_selector::RangeSelector;
use crate::operators::tiles::{TILE, Tiles};
use crate::options::{Interrupt, Stop};
use crate::plan::Selector;
use crate::rollup::window::{Timelines, WindowSpec};

/// Steps and scrapes of all series together below which another thread would cost more than it saves.
const WORTHWHILE: usize = 1 << 18;

/// How often series are taken to be scraped, to guess their number of samples.
const SCRAPED_EACH_MS: i64 = 15_000;

/// Runs that may be under way or wait, the one that is taken next included.
const AHEAD: usize = 4;

/// How long to wait for a run before asking whether the query may go on.
const PATIENCE: Duration = Duration::from_millis(10);

/// An expression that needs nothing but the samples of one series at a time.
pub(crate) enum Leaf {
    /// An instant selector.
    Instant { selector: Selector, span: Span, take: Take },
    /// A function of a range selector.
    Range { call: Arc<RangeCall>, spec: WindowSpec, statistics_only: bool, timelines: Arc<Timelines> },
}

impl Leaf {
    /// The leaf over some series.
    pub(crate) fn operator<'c>(
        &self,
        context: &'c Context<'c>,
        tally: Rc<Tally>,
        tiles: Tiles<'c>,
        grid: Grid,
    ) -> Vector<'c> {
        match self {
            Leaf::Instant { selector, span, take } => {
                Box::new(InstantSelector::new(context, tally, tiles, selector, *span, grid, *take))
            }
            Leaf::Range { call, spec, statistics_only, timelines } => {
                let source = Box::new(RangeSelector::new(context, tiles, *statistics_only));
                let function = RangeFunction::new(context, tally, source, *spec, Arc::clone(call));
                Box::new(function.sharing(Arc::clone(timelines)))
            }
        }
    }

    fn range_ms(&self) -> i64 {
        match self {
            Leaf::Instant { .. } => 0,
            Leaf::Range { spec, .. } => spec.range_ms,
        }
    }
}

/// What became of some series.
struct Run {
    columns: Vec<Column>,
    tally: Tally,
    notes: Notes,
    /// Most samples held at once.
    peak: usize,
}

/// What all threads know.
struct Work {
    leaf: Leaf,
    selection: Arc<Selection>,
    settings: Settings,
    grid: Grid,
    per_step: bool,
    series: usize,
    stopped: AtomicBool,
    state: Mutex<State>,
    /// A run is ready, or there is room for one more, or it is over.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Runs before this one were claimed,
    claimed: usize,
    /// and those before this one taken.
    taken: usize,
    ready: BTreeMap<usize, Result<Run, QueryError>>,
    /// Claimed by a thread that died.
    abandoned: BTreeSet<usize>,
    /// Columns to be used again.
    spare: Vec<Vec<Column>>,
}

impl State {
    fn claim(&mut self, runs: usize) -> Option<usize> {
        if let Some(run) = self.abandoned.pop_first() {
            return Some(run);
        }
        let run = self.claimed;
        let free = run < runs && run < self.taken + AHEAD;
        self.claimed += usize::from(free);
        free.then_some(run)
    }
}

/// Stops threads that help.
struct Stopped<'w>(&'w AtomicBool);

impl Interrupt for Stopped<'_> {
    fn check(&self) -> Option<Stop> {
        self.0.load(Ordering::Relaxed).then_some(Stop::Canceled)
    }
}

/// Gives a run back when the thread that claimed it dies.
struct Claim<'w> {
    work: &'w Work,
    run: usize,
    kept: bool,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.work.state.lock().abandoned.insert(self.run);
            self.work.changed.notify_all();
        }
    }
}

impl Work {
    fn runs(&self) -> usize {
        self.series.div_ceil(TILE)
    }

    fn evaluate(&self, run: usize, interrupt: &dyn Interrupt, mut columns: Vec<Column>) -> Result<Run, QueryError> {
        let context = Context::of_part(self.settings, interrupt);
        let tally = Rc::new(Tally::new(self.grid.len, self.per_step));
        {
            let series = run * TILE..self.series.min((run + 1) * TILE);
            let tiles = Tiles::of(&context, Arc::clone(&self.selection), series)?;
            let mut operator = self.leaf.operator(&context, Rc::clone(&tally), tiles, self.grid);
            columns.resize_with(operator.len(), Column::default);
            columns.iter_mut().try_for_each(|column| operator.next(column))?;
        }
        let tally = Rc::into_inner(tally).unwrap_or_default();
        let peak = usize::try_from(context.budget.peak()).unwrap_or(usize::MAX);
        Ok(Run { columns, tally, notes: context.notes, peak })
    }

    fn done(&self, run: usize, result: Result<Run, QueryError>) {
        self.state.lock().ready.insert(run, result);
        self.changed.notify_all();
    }

    /// What another thread does.
    fn help(&self) {
        loop {
            let (run, columns) = {
                let mut state = self.state.lock();
                loop {
                    if self.stopped.load(Ordering::Relaxed) || state.taken >= self.runs() {
                        return;
                    }
                    if let Some(run) = state.claim(self.runs()) {
                        break (run, state.spare.pop().unwrap_or_default());
                    }
                    self.changed.wait(&mut state);
                }
            };
            let mut claim = Claim { work: self, run, kept: false };
            let result = self.evaluate(run, &Stopped(&self.stopped), columns);
            claim.kept = true;
            self.done(run, result);
        }
    }
}

/// A leaf whose series are evaluated in runs.
struct Runs<'q> {
    context: &'q Context<'q>,
    tally: Rc<Tally>,
    /// Knows which series there are.
    whole: Vector<'q>,
    work: Arc<Work>,
    taken: usize,
    columns: Vec<Column>,
    next: usize,
    samples: Held<'q>,
    _columns: Held<'q>,
}

/// The leaf over all of `selection`, which is what `whole` is too: by one thread when it is little, else by all that are
/// free.
pub(crate) fn leaf<'q>(
    context: &'q Context<'q>,
    tally: Rc<Tally>,
    grid: Grid,
    whole: Vector<'q>,
    (leaf, selection): (Leaf, Arc<Selection>),
) -> Result<Vector<'q>, QueryError> {
    let series = whole.len();
    let scrapes = (leaf.range_ms() / SCRAPED_EACH_MS) as usize;
    if series <= TILE || series.saturating_mul(grid.len.saturating_add(scrapes)) < WORTHWHILE {
        return Ok(whole);
    }
    let bytes = AHEAD * TILE * grid.len * size_of::<f64>();
    if !context.budget.has_room(bytes) {
        return Ok(whole);
    }
    let _columns = context.budget.hold_bytes(bytes)?;
    let (stopped, state, changed) = Default::default();
    let (settings, per_step) = (context.settings, tally.is_per_step());
    let work = Arc::new(Work { leaf, selection, settings, grid, per_step, series, stopped, state, changed });
    let samples = context.budget.hold(0)?;
    let columns = Vec::new();
    Ok(Box::new(Runs { context, tally, whole, work, taken: 0, columns, next: 0, samples, _columns }))
}

impl Runs<'_> {
    /// Other threads begin, if there are some to spare.
    fn ask(&self) {
        for _ in 1..AHEAD {
            let work = Arc::clone(&self.work);
            if !self.context.interrupt().lend(Box::new(move || work.help())) {
                return;
            }
        }
    }

    /// The next run: evaluated here if nobody else does, and others meanwhile if somebody does.
    fn take(&mut self) -> Result<Run, QueryError> {
        let work = &*self.work;
        loop {
            let mut state = work.state.lock();
            if let Some(run) = state.ready.remove(&self.taken) {
                self.taken += 1;
                state.taken = self.taken;
                work.changed.notify_all();
                return run;
            }
            match state.claim(work.runs()) {
                Some(run) => {
                    let columns = state.spare.pop().unwrap_or_default();
                    drop(state);
                    let result = work.evaluate(run, self.context.interrupt(), columns);
                    work.done(run, result);
                }
                None => {
                    work.changed.wait_for(&mut state, PATIENCE);
                    drop(state);
                    self.context.check()?;
                }
            }
        }
    }
}

impl Operator for Runs<'_> {
    fn len(&self) -> usize {
        self.whole.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.whole.labels(index)
    }

    fn next(&mut self, out: &mut Column) -> Result<(), QueryError> {
        if self.next == self.columns.len() {
            if self.taken == 0 {
                self.ask();
            }
            let used = std::mem::take(&mut self.columns);
            if !used.is_empty() {
                self.work.state.lock().spare.push(used);
            }
            let run = self.take()?;
            self.samples.exactly(run.peak)?;
            self.tally.add(&run.tally);
            self.context.notes.absorb(run.notes);
            (self.columns, self.next) = (run.columns, 0);
        }
        if let Some(column) = self.columns.get_mut(self.next) {
            std::mem::swap(out, column);
            self.next += 1;
        }
        self.context.worked(out.len())
    }

    fn one_name(&self) -> bool {
        self.whole.one_name()
    }
}

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        let state = self.work.state.lock();
        self.work.stopped.store(true, Ordering::Relaxed);
        drop(state);
        self.work.changed.notify_all();
    }
}
