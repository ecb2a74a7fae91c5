//! The doors of Nightjar to the world: disk, clock, threads, network, randomness.
//!
//! Nothing outside this crate touches `std::fs`, reads a clock or starts a thread by itself. That is what lets a test
//! cut the power between any two writes and move time by hand.

pub mod clock;
pub mod disk;
pub mod entropy;
pub mod journal;
pub mod net;
pub mod process;
pub mod secret;
pub mod spawn;

pub use clock::{Clock, ManualClock, RealClock};
pub use disk::{Disk, DiskFile, OpenMode, Overlay, RealDisk, SimDisk};
pub use entropy::{Entropy, RealEntropy, SeededEntropy, SplitMix};
pub use secret::Secret;
pub use spawn::{PanicPolicy, Thread, both, spawn, spawn_background};
