//! `histogram_quantile`, `histogram_quantiles`, `histogram_fraction`: of classic buckets and of native histograms.

use std::sync::Arc;

use hashbrown::HashMap;
use nightjar_model::{FloatHistogram, Labels};

use crate::annotations::{MonotonicityFix, Notes};
use crate::ast::Span;
use crate::error::QueryError;
use crate::eval::reserved::without_reserved;
use crate::eval::{Column, Context, Grid, Packed, Vector};
use crate::histogram::{fraction, quantile};
use crate::operators::buffered::Buffered;
use crate::operators::merge::{Duplicates, merge};
use crate::quantile::{Bucket, bucket_fraction, bucket_quantile};

/// What is asked of the histograms, with the scalar arguments at all steps.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// The value below which the share `q` lies.
    Quantile(Vec<f64>),
    /// The share of observations between two values.
    Fraction(Vec<f64>, Vec<f64>),
}

/// A question and the label that tells its answers from those of other questions.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) question: Question,
    /// Name of the label and its value at each step.
    pub(crate) label: Option<(String, Vec<String>)>,
}

/// Where notes go and what they say.
struct Place<'a> {
    notes: &'a Notes,
    at: Span,
    metric: &'a str,
}

impl Question {
    /// `buckets` are those of one classic histogram. Also what had to be done to them.
    fn classic(&self, step: usize, buckets: &mut Vec<Bucket>) -> (f64, Option<MonotonicityFix>) {
        match self {
            Question::Quantile(q) => bucket_quantile(q[step], buckets),
            Question::Fraction(lower, upper) => (bucket_fraction(lower[step], upper[step], buckets), None),
        }
    }

    fn native(&self, step: usize, h: &FloatHistogram, place: &Place<'_>) -> f64 {
        let noted = match self {
            Question::Quantile(q) => quantile(q[step], h),
            Question::Fraction(lower, upper) => fraction(lower[step], upper[step], h),
        };
        place.notes.keep(noted, || place.metric.to_owned(), place.at)
    }
}

/// The buckets of one classic histogram.
struct Classic {
    /// Labels without `le`.
    labels: Labels,
    /// Upper bounds and values of the series that make it up.
    buckets: Vec<(f64, Packed)>,
}

/// One native histogram series.
struct Native {
    labels: Labels,
    histograms: Vec<(u32, Arc<FloatHistogram>)>,
}

/// The answers to `asked` for all histograms in `inner`. `at` is the place of the vector argument.
pub(crate) fn ask<'q>(
    context: &'q Context<'q>,
    mut inner: Vector<'q>,
    asked: &[Asked],
    grid: Grid,
    at: Span,
) -> Result<Vector<'q>, QueryError> {
    let mut held = context.budget.hold(0)?;
    let (mut classics, mut natives): (Vec<Classic>, Vec<Native>) = (Vec::new(), Vec::new());
    let mut places: HashMap<Labels, usize> = HashMap::new();
    for index in 0..inner.len() {
        let mut column = Column::default();
        inner.next(&mut column)?;
        context.worked(grid.len)?;
        if column.is_empty() {
            continue;
        }
        held.more(column.samples())?;
        let labels = inner.labels(index);
        let histograms = std::mem::take(&mut column.histograms);
        if !histograms.is_empty() {
            natives.push(Native { labels: labels.clone(), histograms });
        }
        if !column.present.any() {
            continue;
        }
        let bound = labels.value("le");
        let Some(upper) = parse_bound(bound) else {
            let metric = if context.drops_now() { "" } else { labels.metric_name() };
            context.notes.bad_bucket_label(metric, bound, at);
            continue;
        };
        let key = labels.drop(&["le"]);
        let place = *places.entry(key.clone()).or_insert_with(|| {
            classics.push(Classic { labels: key, buckets: Vec::new() });
            classics.len() - 1
        });
        classics[place].buckets.push((upper, column.into()));
    }
    let mut asker = Asker { context, asked, grid, at, out: vec![Vec::new(); asked.len()] };
    let conflicts = asker.drop_conflicts(&mut natives, &classics, &places)?;
    natives.iter().for_each(|native| asker.native(native));
    for (i, classic) in classics.into_iter().enumerate() {
        context.worked(grid.len * classic.buckets.len())?;
        asker.classic(classic, conflicts.get(&i));
    }
    let mut answers: Vec<(Labels, Packed)> = asker.out.into_iter().flatten().collect();
    // Of an instant, two of one label set are told apart at the end only where names are dropped at the end.
    if context.drops_now() || grid.len > 1 {
        answers = merge(answers, Duplicates::Merge)?;
    }
    drop(held);
    Ok(Box::new(Buffered::new(context, answers)?))
}

struct Asker<'a, 'q> {
    context: &'q Context<'q>,
    asked: &'a [Asked],
    grid: Grid,
    at: Span,
    /// Series for each question.
    out: Vec<Vec<(Labels, Packed)>>,
}

impl Asker<'_, '_> {
    /// Steps at which a classic and a native histogram have one label set answer nothing. They are taken out of the
    /// native ones; those of the classic ones are returned.
    fn drop_conflicts(
        &self,
        natives: &mut [Native],
        classics: &[Classic],
        places: &HashMap<Labels, usize>,
    ) -> Result<HashMap<usize, Vec<u32>>, QueryError> {
        let mut conflicts: HashMap<usize, Vec<u32>> = HashMap::new();
        for native in natives {
            let Some(place) = places.get(&native.labels) else { continue };
            let classic = &classics[*place];
            let columns: Vec<Column> = classic.buckets.iter().map(|(_, packed)| packed.clone().into()).collect();
            let there = |step: u32| columns.iter().any(|column| column.present.get(step as usize));
            let steps: Vec<u32> = native.histograms.iter().map(|(step, _)| *step).filter(|step| there(*step)).collect();
            if !steps.is_empty() {
                let metric = if self.context.drops_now() { "" } else { native.labels.metric_name() };
                self.context.notes.mixed_classic_native(metric, self.at);
                native.histograms.retain(|(step, _)| !steps.contains(step));
                conflicts.entry(*place).or_default().extend(steps);
            }
        }
        Ok(conflicts)
    }

    fn native(&mut self, native: &Native) {
        let labels = self.result_labels(&native.labels);
        let metric = labels.metric_name().to_owned();
        for (number, asked) in self.asked.iter().enumerate() {
            let place = Place { notes: &self.context.notes, at: self.at, metric: &metric };
            let answers: Vec<_> = native
                .histograms
                .iter()
                .map(|(step, h)| (*step as usize, asked.question.native(*step as usize, h, &place)))
                .collect();
            self.answer(&labels, number, &answers);
        }
    }

    fn classic(&mut self, classic: Classic, conflicts: Option<&Vec<u32>>) {
        let labels = self.result_labels(&classic.labels);
        let metric = if self.context.drops_now() { "" } else { classic.labels.metric_name() };
        let columns: Vec<(f64, Column)> = classic.buckets.into_iter().map(|(le, packed)| (le, packed.into())).collect();
        let mut buckets = Vec::with_capacity(columns.len());
        // What is fixed for one question is so for the others.
        let mut fixed = vec![false; self.grid.len];
        for (number, asked) in self.asked.iter().enumerate() {
            let mut answers = Vec::with_capacity(self.grid.len);
            for (step, fixed) in fixed.iter_mut().enumerate() {
                buckets.clear();
                buckets.extend(
                    columns
                        .iter()
                        .filter_map(|(upper, column)| column.float(step).map(|count| Bucket { upper: *upper, count })),
                );
                if buckets.is_empty() || conflicts.is_some_and(|steps| steps.contains(&(step as u32))) {
                    continue;
                }
                let (answer, fix) = asked.question.classic(step, &mut buckets);
                if let Some(fix) = fix.filter(|_| !std::mem::replace(fixed, true)) {
                    self.context.notes.forced_monotonicity(metric, self.at, self.grid.time(step), fix);
                }
                answers.push((step, answer));
            }
            self.answer(&labels, number, &answers);
        }
    }

    fn result_labels(&self, labels: &Labels) -> Labels {
        if self.context.drops_now() { without_reserved(labels) } else { labels.clone() }
    }

    /// Keeps answers, split by the value of the distinguishing label if there is one.
    fn answer(&mut self, labels: &Labels, number: usize, answers: &[(usize, f64)]) {
        let steps = self.grid.len;
        let empty = || Column { drop_name: true, ..Column::new(steps) };
        let Some((name, values)) = &self.asked[number].label else {
            let mut column = empty();
            answers.iter().for_each(|(step, value)| column.set(*step, *value));
            self.out[number].push((labels.clone(), column.into()));
            return;
        };
        let mut by_value: Vec<(&str, Column)> = Vec::new();
        for (step, value) in answers {
            let text = values[*step].as_str();
            let place = by_value.iter().position(|(known, _)| *known == text).unwrap_or_else(|| {
                by_value.push((text, empty()));
                by_value.len() - 1
            });
            by_value[place].1.set(*step, *value);
        }
        for (text, column) in by_value {
            self.out[number].push((labels.to_builder().set(name, text).build(), column.into()));
        }
    }
}

/// A bucket bound, read as Go reads floats.
fn parse_bound(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.starts_with(['+', '-']) {
        return None;
    }
    text.parse().ok()
}
