//! A block answers like the list of series it was made from.

mod crashing;
mod damage;
mod golden;
mod model;
mod reading;
mod selecting;
