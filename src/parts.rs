//! The real parts of the server: storage on the machine's disk, the machine's clock.

use std::sync::Arc;

use nightjar_platform::{Clock, RealClock};

use crate::serve::Parts;
use crate::store;

/// The real parts.
pub fn real() -> Parts {
    let clock = Arc::new(RealClock::new());
    let now = clock.wall_ms();
    Parts { open_store: Box::new(move |options, slot| store::db::open(&options, now, slot)), clock }
}
