//! What is known about the series that have samples in frames: their names, their index, and the newest sample of each.
//!
//! The samples themselves are in the log. [`arena`] holds the spellings, [`table`] finds a series by its spelling,
//! [`postings`] and [`index`] find series by label, [`dictionary`] and [`found`] labels by pattern, [`timeline`] numbers the series of one scrape target, [`batch`]
//! judges and collects a write request, [`encode`] turns what was collected into frames.

pub(crate) mod arena;
pub(crate) mod batch;
pub(crate) mod compact;
pub(crate) mod dictionary;
pub(crate) mod encode;
pub(crate) mod found;
pub(crate) mod index;
pub(crate) mod judge;
pub(crate) mod postings;
pub(crate) mod side;
pub(crate) mod spelling;
pub(crate) mod state;
pub(crate) mod table;
pub(crate) mod timeline;
