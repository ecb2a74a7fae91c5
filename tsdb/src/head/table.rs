//! Finds a series by its spelling.
//!
//! Senders repeat themselves: the next series is tried as the successor of the last one, and the bytes are compared.
//! Failing that a keyed hash finds candidates, and again the bytes decide; nothing is ever equal by its hash alone.

use hashbrown::HashTable;
use nightjar_model::TimestampMs;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::arena::{Arena, Text};

/// No series.
pub(crate) const NOBODY: u32 = u32::MAX;
/// The newest time of a series of which nothing is known yet.
pub(crate) const UNKNOWN: TimestampMs = TimestampMs::MIN;
/// The newest time of a series without samples.
pub(crate) const NEVER: TimestampMs = TimestampMs::MIN + 1;
/// Bytes of other spellings kept; beyond that they are forgotten and learned again.
const ALIAS_BYTES: usize = 64 << 20;

/// What the writer knows about a series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// The canonical spelling.
    pub(crate) text: Text,
    /// Time of the newest sample, or [`UNKNOWN`], or [`NEVER`].
    pub(crate) last_t: TimestampMs,
    /// Bits of the newest value that is no stale marker.
    pub(crate) last: u64,
    /// The epoch of its timeline in which `last` is known to readers; another number: in none.
    pub(crate) epoch: u32,
    /// Its timeline.
    pub(crate) timeline: u32,
    /// Its number there.
    pub(crate) index: u32,
    /// The series that came after it last time.
    successor: u32,
    /// See the constants.
    pub(crate) flags: u8,
}

impl Slot {
    /// The newest sample is a stale marker.
    pub(crate) const STALE: u8 = 1;
    /// The newest sample is a histogram.
    pub(crate) const HISTOGRAM: u8 = 2;
    /// Its definition is in the log or on the way there.
    pub(crate) const DEFINED: u8 = 4;

    /// The seal during which it got a sample the seal does not see; 0 for none.
    pub(crate) fn mark(&self) -> u8 {
        self.flags >> 4 & 3
    }

    /// Leaves the mark of seal `round`, 1 to 3.
    pub(crate) fn set_mark(&mut self, round: u8) {
        self.flags = self.flags & !0x30 | round << 4;
    }

    /// The series that came after it last time.
    pub(crate) fn successor(&self) -> u32 {
        self.successor
    }

    /// Bits of the newest value.
    pub(crate) fn newest(&self) -> u64 {
        if self.flags & Slot::STALE != 0 { nightjar_model::STALE_NAN_BITS } else { self.last }
    }
}

/// The series.
#[derive(Debug)]
pub(crate) struct Table {
    seed: u64,
    /// One entry a series, in order of arrival.
    pub(crate) slots: Vec<Slot>,
    arena: Arena,
    by_hash: HashTable<(u32, u32)>,
    aliases: HashTable<(u32, u32)>,
    alias_texts: Vec<(Text, u32)>,
    alias_arena: Arena,
}

/// Spreads 32 bits of hash over the 64 a hash table looks at.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Table {
    /// An empty table whose hashes nobody outside can predict.
    pub(crate) fn new(seed: u64) -> Table {
        Table {
            seed,
            slots: Vec::new(),
            arena: Arena::default(),
            by_hash: HashTable::new(),
            aliases: HashTable::new(),
            alias_texts: Vec::new(),
            alias_arena: Arena::default(),
        }
    }

    /// The key of the hashes.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Number of series.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The canonical spelling of a series.
    pub(crate) fn spelling(&self, id: u32) -> &[u8] {
        self.arena.get(self.slots[id as usize].text)
    }

    fn hash(&self, spelling: &[u8]) -> u32 {
        (xxh3_64_with_seed(spelling, self.seed) >> 16) as u32
    }

    /// The series that followed `previous` last time, if it is spelled like this.
    #[inline]
    pub(crate) fn predicted(&self, previous: u32, spelling: &[u8]) -> Option<u32> {
        let id = self.slots.get(previous as usize)?.successor;
        let slot = self.slots.get(id as usize)?;
        (slot.text.len() == spelling.len() && self.arena.get(slot.text) == spelling).then_some(id)
    }

    /// Remembers that `id` came after `previous`.
    pub(crate) fn learn(&mut self, previous: u32, id: u32) {
        if let Some(slot) = self.slots.get_mut(previous as usize) {
            slot.successor = id;
        }
    }

    /// The series with this canonical spelling.
    pub(crate) fn find(&self, spelling: &[u8]) -> Option<u32> {
        self.find_hashed(spelling, self.hash(spelling))
    }

    fn find_hashed(&self, spelling: &[u8], hash: u32) -> Option<u32> {
        let same = |e: &&(u32, u32)| e.0 == hash && self.arena.get(self.slots[e.1 as usize].text) == spelling;
        self.by_hash.find(spread(hash), |e| same(&e)).map(|e| e.1)
    }

    /// The series that was found under this other spelling before.
    pub(crate) fn find_alias(&self, spelling: &[u8]) -> Option<u32> {
        if self.alias_texts.is_empty() {
            return None;
        }
        let hash = self.hash(spelling);
        let text = |e: &(u32, u32)| self.alias_texts[e.1 as usize].0;
        let found = self.aliases.find(spread(hash), |e| e.0 == hash && self.alias_arena.get(text(e)) == spelling);
        found.map(|e| self.alias_texts[e.1 as usize].1)
    }

    /// Remembers another spelling of a series.
    pub(crate) fn add_alias(&mut self, spelling: &[u8], id: u32) {
        if self.alias_arena.bytes() + spelling.len() > ALIAS_BYTES {
            self.forget_aliases();
        }
        let hash = self.hash(spelling);
        if let Some(text) = self.alias_arena.add(spelling) {
            self.alias_texts.push((text, id));
            let entry = (hash, self.alias_texts.len() as u32 - 1);
            self.aliases.insert_unique(spread(hash), entry, |e| spread(e.0));
        }
    }

    fn forget_aliases(&mut self) {
        self.aliases.clear();
        self.alias_texts.clear();
        self.alias_arena = Arena::default();
    }

    /// The series with this canonical spelling, added if need be, and whether it was. `None` when there is no room.
    pub(crate) fn find_or_add(&mut self, spelling: &[u8], timeline: u32, index: u32) -> Option<(u32, bool)> {
        let hash = self.hash(spelling);
        match self.find_hashed(spelling, hash) {
            Some(id) => Some((id, false)),
            None => Some((self.add_hashed(spelling, hash, timeline, index)?, true)),
        }
    }

    /// Adds a series that is not there; `None` when there is no room for its name or number.
    pub(crate) fn add(&mut self, spelling: &[u8], timeline: u32, index: u32) -> Option<u32> {
        self.add_hashed(spelling, self.hash(spelling), timeline, index)
    }

    fn add_hashed(&mut self, spelling: &[u8], hash: u32, timeline: u32, index: u32) -> Option<u32> {
        let id = u32::try_from(self.slots.len()).ok().filter(|id| *id != NOBODY)?;
        let text = self.arena.add(spelling)?;
        self.by_hash.insert_unique(spread(hash), (hash, id), |e| spread(e.0));
        // Targets are first seen in the order in which they will come again.
        let successor = id.saturating_add(1);
        self.slots.push(Slot { text, last_t: NEVER, last: 0, epoch: 0, timeline, index, successor, flags: 0 });
        Some(id)
    }

    /// Bytes of all spellings.
    pub(crate) fn spelling_bytes(&self) -> usize {
        self.arena.bytes() + self.alias_arena.bytes()
    }
}
