//! Series made up for a question, and their samples.

use nightjar_model::{Labels, Sample, TimestampMs};
use nightjar_remote_write::Protocol;

use crate::Outcome;
use crate::fleet::{Load, request};
use crate::load::send;
use crate::server::Server;

/// Samples in one request.
const BATCH: usize = 2000;
/// Requests built before they are sent.
const AHEAD: usize = 200;

/// Series that are scraped together.
pub(crate) struct Synthetic {
    pub(crate) series: Vec<Labels>,
    /// The time of the last scrape.
    pub(crate) end: TimestampMs,
    pub(crate) step_ms: i64,
    pub(crate) scrapes: usize,
}

impl Synthetic {
    /// Sends all samples over one connection, scrape by scrape; `value` by series and scrape.
    pub(crate) fn send(&self, server: &Server, value: impl Fn(usize, usize) -> Option<f64>) -> Outcome<()> {
        let mut load = Load { requests: vec![Vec::new()], samples: 0, bytes: 0 };
        for scrape in 0..self.scrapes {
            let timestamp = self.end - (self.scrapes - 1 - scrape) as i64 * self.step_ms;
            let sample = |(series, labels)| {
                Some((Labels::clone(labels), [Sample { timestamp, start: 0, value: value(series, scrape)? }]))
            };
            let samples: Vec<(Labels, [Sample; 1])> = self.series.iter().enumerate().filter_map(sample).collect();
            for batch in samples.chunks(BATCH) {
                load.requests[0].push(request(Protocol::V1, batch)?);
            }
            if load.requests[0].len() >= AHEAD {
                send(&load, server.port, Protocol::V1)?.checked()?;
                load.requests[0].clear();
            }
        }
        send(&load, server.port, Protocol::V1)?.checked().map(|_| ())
    }
}
