//! `label_replace` and `label_join`.

use nightjar_model::Labels;
use nightjar_model::labels::METRIC_NAME;
use nightjar_model::regex::Regex;

use crate::error::QueryError;
use crate::eval::reserved::is_valid_label_name;
use crate::eval::{Column, Context, Operator, Vector};
use crate::operators::merge::{Duplicates, distinct};

/// What to write into a label.
enum Write {
    /// `label_replace`.
    Replace { replacement: String, source: String, regex: Regex },
    /// `label_join`.
    Join { separator: String, sources: Vec<String> },
}

/// A vector whose labels are rewritten.
struct Relabel<'q> {
    inner: Vector<'q>,
    target: String,
    write: Write,
    next: usize,
}

/// `label_replace(inner, target, replacement, source, pattern)`.
pub(crate) fn label_replace<'q>(
    context: &'q Context<'q>,
    inner: impl FnOnce() -> Result<Vector<'q>, QueryError>,
    [target, replacement, source, pattern]: [&str; 4],
) -> Result<Vector<'q>, QueryError> {
    let regex = Regex::anchored(pattern)
        .map_err(|_| QueryError::execution(format!("invalid regular expression in label_replace(): {pattern}")))?;
    if !is_valid_label_name(target) {
        let text = format!("invalid destination label name in label_replace(): {target}");
        return Err(QueryError::execution(text));
    }
    let (replacement, source) = (replacement.to_owned(), source.to_owned());
    relabel(context, inner()?, target, Write::Replace { replacement, source, regex })
}

/// `label_join(inner, target, separator, sources...)`.
pub(crate) fn label_join<'q>(
    context: &'q Context<'q>,
    inner: impl FnOnce() -> Result<Vector<'q>, QueryError>,
    target: &str,
    separator: &str,
    sources: Vec<String>,
) -> Result<Vector<'q>, QueryError> {
    if let Some(source) = sources.iter().find(|source| !is_valid_label_name(source)) {
        return Err(QueryError::execution(format!("invalid source label name in label_join(): {source}")));
    }
    if !is_valid_label_name(target) {
        return Err(QueryError::execution(format!("invalid destination label name in label_join(): {target}")));
    }
    relabel(context, inner()?, target, Write::Join { separator: separator.to_owned(), sources })
}

fn relabel<'q>(
    context: &'q Context<'q>,
    inner: Vector<'q>,
    target: &str,
    write: Write,
) -> Result<Vector<'q>, QueryError> {
    let relabel = Relabel { inner, target: target.to_owned(), write, next: 0 };
    distinct(context, Box::new(relabel), Duplicates::Merge)
}

impl Relabel<'_> {
    /// What is written to the target label of a series; `None` to leave it alone.
    fn value(&self, labels: &Labels) -> Option<String> {
        match &self.write {
            Write::Replace { replacement, source, regex } => {
                let mut value = String::new();
                regex.captures(labels.value(source))?.expand(replacement, &mut value);
                Some(value)
            }
            Write::Join { separator, sources } => {
                let values: Vec<&str> = sources.iter().map(|source| labels.value(source)).collect();
                Some(values.join(separator))
            }
        }
    }
}

impl Operator for Relabel<'_> {
    fn len(&self) -> usize {
        self.inner.len()
    }

    fn labels(&self, index: usize) -> Labels {
        let labels = self.inner.labels(index);
        match self.value(&labels) {
            Some(value) => labels.to_builder().set(&self.target, &value).build(),
            None => labels,
        }
    }

    fn next(&mut self, out: &mut Column) -> Result<(), QueryError> {
        self.inner.next(out)?;
        if out.drop_name && self.target == METRIC_NAME && self.value(&self.inner.labels(self.next)).is_some() {
            out.drop_name = false;
        }
        self.next += 1;
        Ok(())
    }
}
