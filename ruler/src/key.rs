//! What identifies a rule group.

use std::sync::Arc;

/// What identifies a group: sorted by file, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// The file it stands in.
    pub file: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}
