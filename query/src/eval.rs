//! What all operators share: steps, columns, the query they work for, and the operator port.

pub(crate) mod bits;
pub(crate) mod budget;
pub(crate) mod column;
pub(crate) mod context;
pub(crate) mod downsampling;
pub(crate) mod grid;
pub(crate) mod operator;
pub(crate) mod packed;
pub(crate) mod reserved;
pub(crate) mod selection;
pub(crate) mod tally;

pub(crate) use column::{Column, Point};
pub(crate) use context::Context;
pub(crate) use grid::Grid;
pub(crate) use operator::{Operator, Vector};
pub(crate) use packed::Packed;
