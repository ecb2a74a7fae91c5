//! Values to bytes: the self-contained forms that write-ahead frames and blocks share.

mod bits;
pub mod column;
mod decimal;
pub mod exemplar;
pub mod histogram;
mod ints;
pub mod metadata;

#[cfg(test)]
mod tests;
