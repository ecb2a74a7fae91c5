//! One query on its way.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nightjar_model::storage::Querier;

use crate::annotations::Notes;
use crate::error::{QueryError, go_on};
use crate::eval::budget::Budget;
use crate::eval::downsampling::Downsampling;
use crate::eval::tally::Tally;
use crate::options::{Features, Interrupt, Phase};

/// How much work may be done between two questions whether to go on.
const WORK_BETWEEN_CHECKS: usize = 4096;

/// What a query is evaluated by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How far instant selectors look back.
    pub(crate) lookback_ms: i64,
    /// Step of subqueries that name none.
    pub(crate) default_subquery_step_ms: i64,
    /// Feature switches.
    pub(crate) features: Features,
}

/// What every operator of one query shares.
pub(crate) struct Context<'q> {
    /// The data; nothing where everything has been selected.
    querier: Option<&'q dyn Querier>,
    /// What it is evaluated by.
    pub(crate) settings: Settings,
    /// Samples held.
    pub(crate) budget: Budget,
    /// Warnings and infos of the language.
    pub(crate) notes: Notes,
    /// Buckets of downsampled samples.
    pub(crate) downsampling: Downsampling,
    interrupt: &'q dyn Interrupt,
    work: Cell<usize>,
    damage: RefCell<Vec<String>>,
    counted: RefCell<Vec<Counted>>,
}

/// What a part evaluated at other steps saw, to be added to what its parent saw.
struct Counted {
    parent: Rc<Tally>,
    part: Rc<Tally>,
    /// At how many steps of the parent the part is repeated; `None` = only what was read counts.
    repeated: Option<usize>,
}

impl<'q> Context<'q> {
    /// A query on `querier`.
    pub(crate) fn new(
        querier: &'q dyn Querier,
        settings: Settings,
        budget: Budget,
        interrupt: &'q dyn Interrupt,
    ) -> Context<'q> {
        Context { querier: Some(querier), budget, ..Context::of_part(settings, interrupt) }
    }

    /// A part of a query whose series were selected before.
    pub(crate) fn of_part(settings: Settings, interrupt: &'q dyn Interrupt) -> Context<'q> {
        Context {
            querier: None,
            settings,
            budget: Budget::of_part(),
            notes: Notes::default(),
            downsampling: Downsampling::default(),
            interrupt,
            work: Cell::new(0),
            damage: RefCell::new(Vec::new()),
            counted: RefCell::new(Vec::new()),
        }
    }

    /// The data.
    pub(crate) fn querier(&self) -> Result<&'q dyn Querier, QueryError> {
        self.querier.ok_or_else(|| QueryError::execution("a part of a query has nothing to select"))
    }

    /// Who watches it.
    pub(crate) fn interrupt(&self) -> &'q dyn Interrupt {
        self.interrupt
    }

    /// The same query reading such buckets.
    pub(crate) fn reading(self, downsampling: Downsampling) -> Context<'q> {
        Context { downsampling, ..self }
    }

    /// Call with the amount of work just done, in samples or so; errs when the query must stop.
    #[inline]
    pub(crate) fn worked(&self, samples: usize) -> Result<(), QueryError> {
        let work = self.work.get() + samples + 1;
        if work < WORK_BETWEEN_CHECKS {
            self.work.set(work);
            return Ok(());
        }
        self.work.set(0);
        self.check()
    }

    /// Errs when the query must stop.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        go_on(self.interrupt)
    }

    /// The query begins this part of its work.
    pub(crate) fn enter(&self, phase: Phase) {
        self.interrupt.enter(phase);
    }

    /// Damage that storage met.
    pub(crate) fn damaged(&self, warnings: Vec<String>) {
        let mut damage = self.damage.borrow_mut();
        for warning in warnings {
            if !damage.contains(&warning) {
                damage.push(warning);
            }
        }
    }

    /// All damage met so far, each once.
    pub(crate) fn damage(&self) -> Vec<String> {
        self.damage.borrow().clone()
    }

    /// A tally for a part that is evaluated at other steps than `parent`: once, to be repeated at `repeated` steps, or
    /// (`None`) at steps of its own.
    pub(crate) fn part(&self, parent: &Rc<Tally>, repeated: Option<usize>) -> Rc<Tally> {
        let part = Rc::new(Tally::default());
        let counted = Counted { parent: Rc::clone(parent), part: Rc::clone(&part), repeated };
        self.counted.borrow_mut().push(counted);
        part
    }

    /// Adds what the parts saw to their parents; call once, at the end.
    pub(crate) fn settle(&self) {
        for Counted { parent, part, repeated } in self.counted.borrow_mut().drain(..).rev() {
            match repeated {
                Some(steps) => parent.repeat(&part, steps),
                None => parent.add_read(&part),
            }
        }
    }

    /// Whether functions drop the metric name at once rather than at the end.
    pub(crate) fn drops_now(&self) -> bool {
        !self.settings.features.delayed_name_removal
    }
}
