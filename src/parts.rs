//! The real parts of the server: storage on the machine's disk, the PromQL engine, the machine's clock.

use nightjar_platform::{Clock, RealClock};

use crate::serve::Parts;
use crate::store;

/// The real parts.
pub fn real() -> Parts {
    Parts {
        open_store: Box::new(|options, slot| store::db::open(&options, RealClock::new().wall_ms(), slot)),
        make_engine: Box::new(|_| todo_engine()),
        clock: std::sync::Arc::new(RealClock::new()),
    }
}

fn todo_engine() -> crate::app::SharedEngine {
    std::sync::Arc::new(NoEngine)
}

struct NoEngine;

impl nightjar_query::Evaluate for NoEngine {
    fn instant(
        &self,
        _: &dyn nightjar_model::storage::Storage,
        _: &str,
        _: nightjar_model::TimestampMs,
        _: &nightjar_query::QueryOptions,
        _: &dyn nightjar_query::Interrupt,
    ) -> Result<nightjar_query::Answer, nightjar_query::QueryError> {
        Err(nightjar_query::QueryError::Execution("the evaluator is not built in yet".to_owned()))
    }

    fn range(
        &self,
        _: &dyn nightjar_model::storage::Storage,
        _: &str,
        _: nightjar_query::Steps,
        _: &nightjar_query::QueryOptions,
        _: &dyn nightjar_query::Interrupt,
    ) -> Result<nightjar_query::Answer, nightjar_query::QueryError> {
        Err(nightjar_query::QueryError::Execution("the evaluator is not built in yet".to_owned()))
    }
}
