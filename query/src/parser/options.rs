//! What the grammar allows.

/// What the grammar allows beyond the stable language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParserOptions {
    /// Experimental functions.
    pub experimental_functions: bool,
    /// `anchored`, `smoothed`.
    pub extended_range_selectors: bool,
    /// `fill`, `fill_left`, `fill_right`.
    pub fill_modifiers: bool,
}

impl ParserOptions {
    /// Everything.
    pub const ALL: ParserOptions =
        ParserOptions { experimental_functions: true, extended_range_selectors: true, fill_modifiers: true };
}
