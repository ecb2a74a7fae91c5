//! What was used lately, within a budget.

use std::borrow::Borrow;
use std::hash::Hash;

use hashbrown::HashMap;
use parking_lot::Mutex;

/// Things by key, the most recently used ones, of at most about the given weight together.
pub struct Cache<K, V> {
    state: Mutex<Generations<K, V>>,
}

/// What was used lately, and what was used before that: when `young` is full, `old` is forgotten.
struct Generations<K, V> {
    young: HashMap<K, (V, usize)>,
    old: HashMap<K, (V, usize)>,
    young_bytes: usize,
    generation_bytes: usize,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// A cache of at most about `bytes`.
    pub fn new(bytes: usize) -> Cache<K, V> {
        let (young, old) = (HashMap::new(), HashMap::new());
        Cache { state: Mutex::new(Generations { young, old, young_bytes: 0, generation_bytes: bytes / 2 }) }
    }

    /// The cached thing.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut state = self.state.lock();
        if let Some((thing, _)) = state.young.get(key) {
            return Some(thing.clone());
        }
        let (key, value) = state.old.remove_entry(key)?;
        let thing = value.0.clone();
        state.keep(key, value);
        Some(thing)
    }

    /// Remembers a thing that takes `weight` bytes.
    pub fn put(&self, key: K, thing: V, weight: usize) {
        self.state.lock().keep(key, (thing, weight));
    }
}

impl<K: Eq + Hash, V: Clone> Generations<K, V> {
    fn keep(&mut self, key: K, value: (V, usize)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_long_is_forgotten() {
        let cache: Cache<u32, u32> = Cache::new(100);
        for i in 0..100 {
            cache.put(i, i, 10);
            assert_eq!(cache.get(&0), Some(0), "{i}");
        }
        let kept = (0..100).filter(|i| cache.get(i).is_some()).count();
        assert!((5..=10).contains(&kept), "{kept}");
        cache.put(1, 1, 51);
        assert_eq!(cache.get(&1), None);
    }
}
