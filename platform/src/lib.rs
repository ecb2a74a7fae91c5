//! The doors of Nightjar to the world: disk, clock, threads.
//!
//! Nothing outside this crate touches `std::fs`, reads a clock or starts a thread by itself. That is what lets a test
//! cut the power between any two writes and move time by hand.

pub mod clock;
pub mod disk;

pub use clock::{Clock, RealClock};
pub use disk::{Disk, DiskFile, OpenMode, RealDisk};
