//! `sort` and its like. They order the answer of an instant query; of a range query they change nothing but to lose
//! histograms (`sort`, `sort_desc`).

use std::cmp::Ordering;

use nightjar_model::Labels;

use crate::error::QueryError;
use crate::eval::{Column, Context, Vector};
use crate::operators::buffered::{Buffered, collect};

/// By what to sort.
#[derive(Clone, Debug)]
pub(crate) enum By {
    /// Value, NaN last.
    Value,
    /// These labels, digits in them by their numeric value, then all labels.
    Labels(Vec<String>),
}

/// `inner` in order.
pub(crate) fn sort<'q>(
    context: &'q Context<'q>,
    inner: Vector<'q>,
    by: &By,
    descending: bool,
) -> Result<Vector<'q>, QueryError> {
    let (series, held) = collect(context, inner)?;
    let mut series: Vec<(Labels, Column)> =
        series.into_iter().map(|(labels, packed)| (labels, packed.into())).collect();
    if matches!(by, By::Value) {
        series.iter_mut().for_each(|(_, column)| column.histograms.clear());
        series.retain(|(_, column)| !column.is_empty());
    }
    let instant = series.first().is_some_and(|(_, column)| column.len() == 1);
    if instant {
        match by {
            By::Value => series.sort_by(|a, b| by_value(&a.1, &b.1, descending)),
            By::Labels(names) => series.sort_by(|a, b| {
                let order = by_labels(names, &a.0, &b.0);
                if descending { order.reverse() } else { order }
            }),
        }
    }
    drop(held);
    let series = series.into_iter().map(|(labels, column)| (labels, column.into())).collect();
    Ok(Box::new(Buffered::new(context, series)?))
}

fn by_value(a: &Column, b: &Column, descending: bool) -> Ordering {
    let (a, b) = (a.values[0], b.values[0]);
    match (a.is_nan(), b.is_nan()) {
        (false, false) if descending => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (a, b) => a.cmp(&b),
    }
}

fn by_labels(names: &[String], a: &Labels, b: &Labels) -> Ordering {
    names
        .iter()
        .map(|name| natural(a.value(name), b.value(name)))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.cmp(b))
}

/// Text order with runs of digits compared as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a.as_bytes(), b.as_bytes());
    while let (Some(p), Some(q)) = (x.first(), y.first()) {
        if p.is_ascii_digit() && q.is_ascii_digit() {
            let order = number(&mut x).cmp(&number(&mut y));
            if order.is_ne() {
                return order;
            }
        } else if p != q {
            return p.cmp(q);
        } else {
            (x, y) = (&x[1..], &y[1..]);
        }
    }
    x.len().cmp(&y.len()).then_with(|| a.cmp(b))
}

/// Takes a run of digits; longer ones without leading zeros are greater.
fn number<'a>(text: &mut &'a [u8]) -> (usize, &'a [u8]) {
    let len = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(len);
    *text = rest;
    let zeros = digits.iter().take_while(|b| **b == b'0').count();
    (digits.len() - zeros, &digits[zeros..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_count_as_numbers() {
        let mut names = ["node10", "node2", "node1", "4m5", "4m600", "4m1000"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["4m5", "4m600", "4m1000", "node1", "node2", "node10"]);
    }
}
