//! `info`: adds labels of info metrics to series of the same target.

use hashbrown::{HashMap, HashSet};
use nightjar_model::labels::METRIC_NAME;
use nightjar_model::{Labels, LabelsBuilder, MatchOp, Matcher};

use crate::error::QueryError;
use crate::eval::{Column, Context, Packed, Vector};
use crate::operators::buffered::{Buffered, collect};
use crate::operators::merge::{Duplicates, merge};

/// The labels that tell which target a series is of.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// What info metrics are asked for.
pub(crate) struct InfoQuery {
    /// Matchers of the second argument, for the metric name.
    names: Vec<Matcher>,
    /// Its matchers for other labels.
    data: Vec<Matcher>,
}

impl InfoQuery {
    /// From the matchers of the second argument, if there is one.
    pub(crate) fn new(matchers: Option<&[Matcher]>) -> InfoQuery {
        let Some(matchers) = matchers else {
            return InfoQuery { names: vec![Matcher::equal(METRIC_NAME, "target_info")], data: Vec::new() };
        };
        let (mut names, data): (Vec<_>, Vec<_>) = matchers.iter().cloned().partition(|m| &*m.name == METRIC_NAME);
        if !names.iter().any(|m| matches!(m.op, MatchOp::Equal | MatchOp::Regex)) {
            if names.is_empty() {
                names.push(Matcher::equal(METRIC_NAME, "target_info"));
            } else if let Ok(any) = Matcher::new(MatchOp::Regex, METRIC_NAME, ".+_info") {
                names.insert(0, any);
            }
        }
        InfoQuery { names, data }
    }

    /// Whether a series is itself an info series: it is left alone.
    fn is_info(&self, labels: &Labels) -> bool {
        self.names.iter().all(|m| m.matches(labels.metric_name()))
    }

    /// Matchers for the info series of the targets of `base`; `None` when there are no targets.
    fn selection(&self, base: &[(Labels, Column)]) -> Option<Vec<Matcher>> {
        let mut matchers = Vec::new();
        for name in IDENTIFYING {
            let values: HashSet<String> = base
                .iter()
                .filter(|(labels, _)| !self.is_info(labels) && !labels.value(name).is_empty())
                .map(|(labels, _)| escape(labels.value(name)))
                .collect();
            if !values.is_empty() {
                let mut values: Vec<String> = values.into_iter().collect();
                values.sort();
                matchers.push(Matcher::new(MatchOp::Regex, name, values.join("|")).ok()?);
            }
        }
        if matchers.is_empty() {
            return None;
        }
        matchers.extend(self.data.iter().chain(&self.names).cloned());
        Some(matchers)
    }

    fn wants(&self, name: &str) -> bool {
        self.data.is_empty() || self.data.iter().any(|m| &*m.name == name)
    }
}

/// `info(base, query)`. `select` answers the info series with their sample times in milliseconds as values.
pub(crate) fn info<'q>(
    context: &'q Context<'q>,
    base: Vector<'q>,
    query: &InfoQuery,
    steps: usize,
    select: impl FnOnce(Vec<Matcher>) -> Result<Vector<'q>, QueryError>,
) -> Result<Vector<'q>, QueryError> {
    let (base, held) = collect(context, base)?;
    let base = unpacked(base);
    let infos = match query.selection(&base) {
        Some(matchers) => unpacked(collect(context, select(matchers)?)?.0),
        None => Vec::new(),
    };
    let mut newest = newest(context, &infos, steps)?;
    let mut out: Vec<(Labels, Column)> = Vec::new();
    let mut enriched: HashMap<(usize, Vec<usize>), usize> = HashMap::new();
    for (i, (labels, column)) in base.iter().enumerate() {
        if query.is_info(labels) {
            out.push((labels.clone(), Column { drop_name: false, ..column.clone() }));
            continue;
        }
        let target = labels.keep(&IDENTIFYING);
        for step in column.occupied().ones() {
            let found = newest.entry((step, target.clone())).or_default();
            if found.is_empty() && !query.data.iter().all(Matcher::matches_empty) {
                continue;
            }
            let place = match enriched.get(&(i, found.clone())) {
                Some(place) => *place,
                None => {
                    let with = enrich(labels, found.iter().map(|info| &infos[*info].0), query)?;
                    // As in Prometheus, names that would be dropped in the end are kept.
                    out.push((with, Column::new(steps)));
                    enriched.insert((i, found.clone()), out.len() - 1);
                    out.len() - 1
                }
            };
            if let Some(point) = column.get(step) {
                out[place].1.push(step, point.to_value());
            }
        }
    }
    drop(held);
    let out = out.into_iter().map(|(labels, column)| (labels, column.into())).collect();
    Ok(Box::new(Buffered::new(context, merge(out, Duplicates::Merge)?)?))
}

fn unpacked(series: Vec<(Labels, Packed)>) -> Vec<(Labels, Column)> {
    series.into_iter().map(|(labels, packed)| (labels, packed.into())).collect()
}

/// For each step and target the newest info series of each name, by index.
fn newest(
    context: &Context<'_>,
    infos: &[(Labels, Column)],
    steps: usize,
) -> Result<HashMap<(usize, Labels), Vec<usize>>, QueryError> {
    let mut newest: HashMap<(usize, Labels), Vec<usize>> = HashMap::new();
    for (i, (labels, column)) in infos.iter().enumerate() {
        context.worked(steps)?;
        let target = labels.keep(&IDENTIFYING);
        for step in column.present.ones() {
            let found = newest.entry((step, target.clone())).or_default();
            let same = found.iter_mut().find(|other| infos[**other].0.metric_name() == labels.metric_name());
            let Some(other) = same else {
                found.push(i);
                continue;
            };
            let (known, new) = (infos[*other].1.values[step] as i64, column.values[step] as i64);
            match new.cmp(&known) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Greater => *other = i,
                std::cmp::Ordering::Equal => {
                    return Err(QueryError::execution(format!(
                        "found duplicate series for info metric: existing {} @ {known}, new {labels} @ {new}",
                        infos[*other].0
                    )));
                }
            }
        }
    }
    Ok(newest)
}

/// The labels of a series with those of info series added.
fn enrich<'a>(base: &Labels, infos: impl Iterator<Item = &'a Labels>, query: &InfoQuery) -> Result<Labels, QueryError> {
    let mut added = LabelsBuilder::new();
    for info in infos {
        for label in info.iter().filter(|label| label.name != METRIC_NAME && query.wants(label.name)) {
            if added.get(label.name).is_some_and(|value| value != label.value) {
                return Err(QueryError::execution(format!("conflicting label: {}", label.name)));
            }
            if base.get(label.name).is_none() {
                added.set(label.name, label.value);
            }
        }
    }
    let mut builder = base.to_builder();
    for label in added.build().iter() {
        builder.set(label.name, label.value);
    }
    Ok(builder.build())
}

/// The text as a pattern that matches only itself.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
