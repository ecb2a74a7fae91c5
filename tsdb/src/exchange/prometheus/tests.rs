//! Chunks and blocks come back as they went in; broken ones are named.

mod blocks;
mod chunks;
