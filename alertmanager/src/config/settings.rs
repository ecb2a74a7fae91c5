//! The form in which settings are declared: name, type, default.

/// Declares a struct of settings that refuses unknown names; settings without a default start empty.
macro_rules! settings {
    ($(#[$doc:meta])* $name:ident { $($(#[$attr:meta])* $field:ident : $type:ty $(= $default:expr)?),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $($(#[$attr])* pub $field: $type),* }

        impl Default for $name {
            fn default() -> $name {
                $name { $($field: $crate::config::settings::settings!(@default $($default)?)),* }
            }
        }
    };
    (@default) => { Default::default() };
    (@default $default:expr) => { $default.into() };
}

pub(crate) use settings;

/// Settings that can contradict each other.
pub(crate) trait Check {
    /// What is wrong, if anything.
    fn check(&mut self) -> Result<(), String>;
}

/// Complains unless at most one of the conditions holds.
pub(crate) fn at_most_one(names: &str, set: &[bool]) -> Result<(), String> {
    match set.iter().filter(|set| **set).count() {
        0 | 1 => Ok(()),
        _ => Err(format!("at most one of {names} must be configured")),
    }
}

/// Complains unless the condition holds.
pub(crate) fn require(holds: bool, complaint: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(complaint.to_owned()) }
}

/// Takes over another value unless there is one.
pub(crate) fn inherit<T: Clone + Default + PartialEq>(own: &mut T, other: &T) {
    if *own == T::default() {
        own.clone_from(other);
    }
}
