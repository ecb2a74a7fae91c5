//! A timeline: the series of one scrape target, which share their times.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use nightjar_model::TimestampMs;

use crate::wal::rows::MAX_MEMBERS;

/// A new epoch begins after so many distinct times,
const EPOCH_STEPS: u32 = 64;
/// or so many runs: a reader walks an epoch from its start.
const EPOCH_RUNS: u32 = 1024;

/// The writer's view of a timeline.
#[derive(Debug)]
pub(crate) struct Timeline {
    /// Series by member number.
    pub(crate) members: Vec<u32>,
    /// Newest time of any sample on it.
    pub(crate) max_t: TimestampMs,
    /// Series of which nothing is known have no sample after this.
    pub(crate) bound: TimestampMs,
    /// Current epoch; 0 is none.
    pub(crate) epoch: u32,
    /// Whether the next section is the first of the epoch.
    pub(crate) begins: bool,
    /// The batch that touched it last.
    pub(crate) batch: u64,
    /// Generation of the log in which the epoch began.
    generation: u32,
    steps: u32,
    runs: u32,
}

/// All timelines.
#[derive(Debug, Default)]
pub(crate) struct Timelines {
    by_number: HashMap<u32, Timeline>,
    open: HashMap<Box<[u8]>, u32>,
    /// Number of the next new timeline.
    pub(crate) next: u32,
}

impl Timeline {
    fn new() -> Timeline {
        Timeline {
            members: Vec::new(),
            max_t: TimestampMs::MIN,
            bound: TimestampMs::MIN,
            epoch: 0,
            begins: true,
            batch: 0,
            generation: 0,
            steps: 0,
            runs: 0,
        }
    }

    /// Begins a new epoch if the current one is long enough or the log has moved on.
    pub(crate) fn touch(&mut self, generation: u32) {
        let enough = self.steps >= EPOCH_STEPS || self.runs >= EPOCH_RUNS;
        if self.epoch == 0 || enough || self.generation != generation {
            self.new_epoch(generation);
        }
    }

    /// Begins a new epoch.
    pub(crate) fn new_epoch(&mut self, generation: u32) {
        self.epoch = self.epoch.wrapping_add(1).max(1);
        self.begins = true;
        self.generation = generation;
        self.steps = 0;
        self.runs = 0;
    }

    /// Whether its epoch is one that began after the seal of this generation, so that frames to come may continue it.
    pub(crate) fn may_go_on(&self, seal_generation: u32) -> bool {
        self.epoch != 0 && self.generation >= seal_generation
    }

    /// Notes a new run.
    pub(crate) fn note_run(&mut self, t: TimestampMs) {
        self.runs += 1;
        if t > self.max_t {
            self.max_t = t;
            self.steps += 1;
        }
    }
}

/// What series of one target have in common: the values of `job` and `instance`. Series that have neither share one
/// key; whoever sends those sends them together often enough for it to pay.
pub(crate) fn key<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let (mut job, mut instance) = ("", "");
    for (name, value) in pairs {
        match name {
            "job" => job = value,
            "instance" => instance = value,
            _ => {}
        }
    }
    let mut key = Vec::with_capacity(job.len() + instance.len() + 4);
    key.extend_from_slice(&(job.len() as u32).to_le_bytes());
    key.extend_from_slice(job.as_bytes());
    key.extend_from_slice(instance.as_bytes());
    key
}

impl Timelines {
    /// A place for a new series: timeline and member number. Long timelines are continued in another one.
    pub(crate) fn place(&mut self, key: &[u8], id: u32) -> (u32, u32) {
        let open = self.open.get(key).copied();
        let number =
            match open.filter(|n| self.by_number.get(n).is_some_and(|t| (t.members.len() as u32) < MAX_MEMBERS)) {
                Some(number) => number,
                None => {
                    let number = self.next;
                    self.next += 1;
                    self.by_number.insert(number, Timeline::new());
                    self.open.insert(key.into(), number);
                    number
                }
            };
        let members = &mut self.by_number.entry(number).or_insert_with(Timeline::new).members;
        members.push(id);
        (number, members.len() as u32 - 1)
    }

    /// Puts a series where it was before a restart; `key` is asked for the first of a timeline only.
    pub(crate) fn restore(&mut self, number: u32, index: u32, id: u32, key: impl FnOnce() -> Vec<u8>) {
        self.reserve_number(number);
        let timeline = match self.by_number.entry(number) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let newest = self.open.entry(key().into()).or_insert(number);
                *newest = number.max(*newest);
                new.insert(Timeline::new())
            }
        };
        if timeline.members.len() <= index as usize {
            timeline.members.resize(index as usize + 1, super::table::NOBODY);
        }
        timeline.members[index as usize] = id;
    }

    /// Never gives this number to a new timeline.
    pub(crate) fn reserve_number(&mut self, number: u32) {
        self.next = self.next.max(number.saturating_add(1));
    }

    /// A timeline by number.
    pub(crate) fn get(&self, number: u32) -> Option<&Timeline> {
        self.by_number.get(&number)
    }

    /// A timeline by number.
    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut Timeline> {
        self.by_number.get_mut(&number)
    }

    /// All timelines, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Timeline)> {
        self.by_number.iter().map(|(number, timeline)| (*number, timeline))
    }

    /// Gives members their new numbers and forgets timelines without any.
    pub(crate) fn renumber(&mut self, places: &[u32]) {
        self.by_number.retain(|_, timeline| {
            for id in &mut timeline.members {
                *id = places.get(*id as usize).copied().unwrap_or(super::table::NOBODY);
            }
            timeline.members.iter().any(|id| *id != super::table::NOBODY)
        });
        let alive = &self.by_number;
        self.open.retain(|_, number| alive.contains_key(number));
    }

    /// Takes the place of a series that has another one now.
    pub(crate) fn vacate(&mut self, number: u32, index: u32) {
        if let Some(id) = self.by_number.get_mut(&number).and_then(|t| t.members.get_mut(index as usize)) {
            *id = super::table::NOBODY;
        }
    }

    /// Number of timelines.
    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }
}
