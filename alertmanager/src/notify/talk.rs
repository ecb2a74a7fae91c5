//! Conversations with services: what is asked next depends on what was answered.

use std::fmt;

use super::Request;
use crate::machine::Outcome;

/// What a service answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `Retry-After` in seconds.
    pub retry_after_s: Option<i64>,
    /// The body.
    pub body: String,
}

impl Answer {
    /// What an answer without success means: too many requests and failures of the server pass by themselves.
    pub(crate) fn trouble(&self) -> Outcome {
        let body: String = self.body.chars().take(200).collect();
        let error = format!("unexpected status code {}: {body}", self.status);
        match self.status {
            429 | 500.. => Outcome::Retry { after_ms: self.pause_ms(), error },
            _ => Outcome::Refused { error },
        }
    }

    /// How long the service wants us to wait, in milliseconds; an hour at most.
    pub(crate) fn pause_ms(&self) -> Option<i64> {
        self.retry_after_s.map(|seconds| seconds.clamp(0, 3_600) * 1000)
    }
}

/// What comes next in a conversation.
#[derive(Debug)]
pub enum Step {
    /// Ask this.
    Ask(Box<Request>),
    /// It is over.
    End(Outcome),
}

impl Step {
    pub(super) fn ask(request: Request) -> Step {
        Step::Ask(Box::new(request))
    }

    /// The message is told.
    pub(super) fn told() -> Step {
        Step::End(Outcome::Delivered(Default::default()))
    }

    pub(super) fn refused(error: impl Into<String>) -> Step {
        Step::End(Outcome::Refused { error: error.into() })
    }
}

/// A conversation.
pub trait Talk: fmt::Debug + Send {
    /// What comes after this answer; the beginning after `None`.
    fn next(&mut self, answer: Option<&Answer>) -> Step;

    /// What would be told, for people.
    fn preview(&self) -> String;
}
