//! Groups by what they write, send and say, on a clock moved by hand.

mod alert_generator;
mod alerts;
mod day;
mod records;
mod reload;
mod restart;
