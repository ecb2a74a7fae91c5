//! Columns put aside: those with few samples take the room of their samples, not of all steps.

use std::sync::Arc;

use nightjar_model::FloatHistogram;

use crate::eval::column::Column;

/// A column put aside.
#[derive(Clone, Debug)]
pub(crate) enum Packed {
    /// As it was.
    Dense(Column),
    /// Only its samples.
    Sparse(Sparse),
}

/// The samples of a column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sparse {
    /// Number of steps.
    pub(crate) len: usize,
    /// Steps with a float, ascending.
    pub(crate) steps: Vec<u32>,
    /// The floats.
    pub(crate) values: Vec<f64>,
    /// Steps with a histogram, ascending.
    pub(crate) histograms: Vec<(u32, Arc<FloatHistogram>)>,
    /// Whether the metric name is to be dropped at the end.
    pub(crate) drop_name: bool,
}

impl Packed {
    /// Puts a column aside, leaving an unspecified one.
    pub(crate) fn take(column: &mut Column) -> Packed {
        let floats = column.present.count();
        if floats * 2 >= column.len() {
            return Packed::Dense(std::mem::take(column));
        }
        let mut sparse = Sparse {
            len: column.len(),
            steps: Vec::with_capacity(floats),
            values: Vec::with_capacity(floats),
            histograms: std::mem::take(&mut column.histograms),
            drop_name: column.drop_name,
        };
        for step in column.present.ones() {
            sparse.steps.push(step as u32);
            sparse.values.push(column.values[step]);
        }
        Packed::Sparse(sparse)
    }

    /// Writes the column to `out`.
    pub(crate) fn unpack(self, out: &mut Column) {
        match self {
            Packed::Dense(column) => *out = column,
            Packed::Sparse(sparse) => {
                sparse.write(out);
                out.histograms = sparse.histograms;
            }
        }
    }

    /// Writes a copy of the column to `out`.
    pub(crate) fn copy_to(&self, out: &mut Column) {
        match self {
            Packed::Dense(column) => {
                out.values.clone_from(&column.values);
                out.present.clone_from(&column.present);
                out.histograms.clone_from(&column.histograms);
                out.drop_name = column.drop_name;
            }
            Packed::Sparse(sparse) => {
                sparse.write(out);
                out.histograms.clone_from(&sparse.histograms);
            }
        }
    }

    /// Number of samples held; a histogram counts for what it weighs.
    pub(crate) fn samples(&self) -> usize {
        let weigh = |histograms: &[(u32, Arc<FloatHistogram>)]| {
            histograms.iter().map(|(_, h)| crate::eval::column::histogram_samples(h)).sum::<usize>()
        };
        match self {
            Packed::Dense(column) => column.samples(),
            Packed::Sparse(sparse) => sparse.values.len() + weigh(&sparse.histograms),
        }
    }
}

impl Sparse {
    fn write(&self, out: &mut Column) {
        out.reset(self.len);
        out.drop_name = self.drop_name;
        self.steps.iter().zip(&self.values).for_each(|(step, value)| out.set(*step as usize, *value));
    }
}

impl Default for Packed {
    fn default() -> Packed {
        Packed::Sparse(Sparse::default())
    }
}

impl From<Column> for Packed {
    fn from(mut column: Column) -> Packed {
        Packed::take(&mut column)
    }
}

impl From<Packed> for Column {
    fn from(packed: Packed) -> Column {
        let mut column = Column::default();
        packed.unpack(&mut column);
        column
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_aside_comes_back() {
        for present in [vec![], vec![3], vec![0, 1, 2, 3, 4, 5, 6, 7], vec![1, 9]] {
            let mut column = Column::new(10);
            column.drop_name = true;
            present.iter().for_each(|step| column.set(*step, *step as f64));
            let mut copy = Column::default();
            let packed = Packed::from(column.clone());
            packed.copy_to(&mut copy);
            let back = Column::from(packed);
            for other in [copy, back] {
                assert_eq!((other.len(), other.drop_name), (10, true));
                assert_eq!(other.present.ones().collect::<Vec<_>>(), present);
                assert!(present.iter().all(|step| other.values[*step] == *step as f64));
            }
        }
    }
}
