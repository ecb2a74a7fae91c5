//! The Alertmanager inside: its configuration on disk, the thread that decides, and the couriers that carry messages.

pub mod carrier;
mod counters;
mod couriers;
pub mod history;
mod import;
mod inbox;
pub mod load;
mod metrics;
pub mod peers;
pub mod service;
mod sink;
