//! What Nightjar's notifications know beside Alertmanager's: which one this is, and how long the trouble lasts.

use crate::time::{Duration, Time};
use crate::value::Value;

/// Fields that stand beside Alertmanager's. They are asked for by name; `toJson` and `printf "%v"` do not show them, so
/// templates that were written for Alertmanager print what they printed there.
#[derive(Debug, Clone)]
pub struct News {
    /// `.NotificationKind`: `first`, `changed`, `repeat` or `resolved`.
    pub kind: Value,
    /// `.NotificationNumber`: 1 for the first since nothing fired in this group.
    pub number: u64,
    /// `.FirstNotifiedAt`: when the first of them was delivered; the zero time before that.
    pub first_at: Time,
    /// `.LastNotifiedAt`: when the last one was.
    pub last_at: Time,
    /// `.FiringFor`: how long the alert that began first has been firing.
    pub firing_for: Duration,
}

impl News {
    pub(super) fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "NotificationKind" => self.kind.clone(),
            "NotificationNumber" => Value::Int(i64::try_from(self.number).unwrap_or(i64::MAX)),
            "FirstNotifiedAt" => Value::Time(self.first_at.clone()),
            "LastNotifiedAt" => Value::Time(self.last_at.clone()),
            "FiringFor" => Value::Duration(self.firing_for),
            _ => return None,
        })
    }
}

impl Default for News {
    fn default() -> News {
        let never = Time::zero();
        News {
            kind: "first".into(),
            number: 1,
            first_at: never.clone(),
            last_at: never,
            firing_for: Duration::from_nanos(0),
        }
    }
}
