//! Decoded pages kept between questions, within a budget.

use std::any::Any;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;

/// What a cached thing was decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct CacheKey {
    /// The file.
    pub(super) salt: u64,
    /// The kind of thing.
    pub(super) kind: u8,
    /// Its number.
    pub(super) number: u32,
    /// The part of it.
    pub(super) part: (u32, u32),
    /// The number of the thing the part ends in, when it spans several.
    pub(super) last: u32,
}

type Value = (Arc<dyn Any + Send + Sync>, usize);

/// Decoded pages of one or many blocks. Holds the most recently used, at most about the given number of bytes.
pub struct BlockCache {
    state: Mutex<Generations>,
}

/// What was used lately, and what was used before that: when `young` is full, `old` is forgotten.
struct Generations {
    young: HashMap<CacheKey, Value>,
    old: HashMap<CacheKey, Value>,
    young_bytes: usize,
    generation_bytes: usize,
}

impl BlockCache {
    /// A cache of at most about `bytes`.
    pub fn new(bytes: usize) -> Arc<BlockCache> {
        let generation_bytes = bytes / 2;
        let (young, old) = (HashMap::new(), HashMap::new());
        Arc::new(BlockCache { state: Mutex::new(Generations { young, old, young_bytes: 0, generation_bytes }) })
    }

    /// The cached thing.
    pub(super) fn get<T: Send + Sync + 'static>(&self, key: CacheKey) -> Option<Arc<T>> {
        let mut state = self.state.lock();
        let value = match state.young.get(&key) {
            Some(value) => value.0.clone(),
            None => {
                let value = state.old.remove(&key)?;
                let thing = value.0.clone();
                state.keep(key, value);
                thing
            }
        };
        drop(state);
        value.downcast().ok()
    }

    /// Remembers a thing that takes `weight` bytes.
    pub(super) fn put<T: Send + Sync + 'static>(&self, key: CacheKey, thing: Arc<T>, weight: usize) {
        self.state.lock().keep(key, (thing, weight + 128));
    }
}

impl Generations {
    fn keep(&mut self, key: CacheKey, value: Value) {
        if value.1 > self.generation_bytes {
            return;
        }
        if self.young_bytes + value.1 > self.generation_bytes {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += value.1;
        if let Some(before) = self.young.insert(key, value) {
            self.young_bytes -= before.1;
        }
    }
}
