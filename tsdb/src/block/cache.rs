//! Decoded pages kept between questions, within a budget.

use std::any::Any;
use std::sync::Arc;

use nightjar_model::cache::Cache;

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

/// Decoded pages of one or many blocks. Holds the most recently used, at most about the given number of bytes.
pub struct BlockCache(Cache<CacheKey, Arc<dyn Any + Send + Sync>>);

impl BlockCache {
    /// A cache of at most about `bytes`.
    pub fn new(bytes: usize) -> Arc<BlockCache> {
        Arc::new(BlockCache(Cache::new(bytes)))
    }

    /// The cached thing.
    pub(super) fn get<T: Send + Sync + 'static>(&self, key: CacheKey) -> Option<Arc<T>> {
        self.0.get(&key)?.downcast().ok()
    }

    /// Remembers a thing that takes `weight` bytes.
    pub(super) fn put<T: Send + Sync + 'static>(&self, key: CacheKey, thing: Arc<T>, weight: usize) {
        self.0.put(key, thing, weight + 128);
    }
}
