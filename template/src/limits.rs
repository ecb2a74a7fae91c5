//! How much one rendering may do.

/// Bounds on the work of one rendering. What passes one of them fails with a message that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nodes, loop iterations and calls executed.
    pub steps: u64,
    /// Bytes of the result.
    pub output_bytes: usize,
    /// Bytes of all texts, lists and maps made on the way.
    pub work_bytes: usize,
    /// Templates calling templates.
    pub depth: usize,
    /// `if`, `with`, `range` and templates open at the same time.
    pub nesting: usize,
}

impl Limits {
    /// For labels and annotations of alerts.
    pub const RULE: Limits =
        Limits { steps: 100_000, output_bytes: 64 << 10, work_bytes: 4 << 20, depth: 32, nesting: 200 };

    /// For notifications: groups of thousands of alerts are listed in mails.
    pub const NOTIFICATION: Limits =
        Limits { steps: 5_000_000, output_bytes: 4 << 20, work_bytes: 64 << 20, depth: 32, nesting: 200 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::RULE
    }
}
