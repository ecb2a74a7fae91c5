//! Values to bytes: the self-contained forms that write-ahead frames and blocks share.

pub mod exemplar;
pub mod histogram;
pub mod metadata;

#[cfg(test)]
mod tests;
