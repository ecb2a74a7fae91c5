//! One recorded host turned into many.
//!
//! Each host has its own `instance`, starts at another point of the recording and is scraped a few milliseconds off
//! the grid, so that neither values nor timestamps of two hosts agree.

use std::borrow::Cow;
use std::ops::Range;

use nightjar_model::{Labels, Sample, TimestampMs};
use nightjar_platform::SplitMix;
use nightjar_remote_write::Protocol;
use nightjar_remote_write::encode::{SeriesOut, encode_v1, encode_v2, snappy};

use crate::Outcome;
use crate::capture::Capture;
use crate::options::Order;

/// Seconds between scrapes.
pub(crate) const STEP_MS: i64 = 15_000;
const JITTER_MS: u64 = 9;

/// Many hosts with a common recording.
pub(crate) struct Fleet<'a> {
    capture: &'a Capture,
    hosts: usize,
    /// Label sets by host, then by series.
    labels: Vec<Vec<Labels>>,
    /// The time of the first scrape.
    start: TimestampMs,
    scrapes: usize,
    order: Order,
}

/// Requests ready to be sent, by connection, in order.
pub(crate) struct Load {
    pub(crate) requests: Vec<Vec<Vec<u8>>>,
    pub(crate) samples: u64,
    pub(crate) bytes: u64,
}

impl<'a> Fleet<'a> {
    /// `scrapes` scrapes of `hosts` hosts, the last one at `end`.
    pub(crate) fn new(capture: &'a Capture, hosts: usize, scrapes: usize, end: TimestampMs) -> Fleet<'a> {
        let host_labels = |host: usize| capture.series.iter().map(|pairs| labels(pairs, host)).collect();
        let start = end - (scrapes as i64 - 1) * STEP_MS;
        let labels = (0..hosts).map(host_labels).collect();
        Fleet { capture, hosts, labels, start, scrapes, order: Order::default() }
    }

    /// The same hosts in another order, or with other lives.
    pub(crate) fn ordered(self, order: Order) -> Fleet<'a> {
        Fleet { order, ..self }
    }

    /// The labels of a host at a scrape, anew when it was replaced since the beginning.
    fn labels_at(&self, host: usize, scrape: usize) -> Cow<'_, [Labels]> {
        const SCRAPES_A_MINUTE: usize = (60_000 / STEP_MS) as usize;
        // Every host is replaced at a time of its own.
        let lives = (scrape * self.order.churn + host * 61 % 100 * SCRAPES_A_MINUTE) / (100 * SCRAPES_A_MINUTE);
        match lives {
            0 => Cow::Borrowed(&self.labels[host]),
            n => self.capture.series.iter().map(|pairs| labels(pairs, host + n * self.hosts)).collect(),
        }
    }

    pub(crate) fn series(&self) -> usize {
        self.hosts * self.capture.series.len()
    }

    pub(crate) fn hosts(&self) -> usize {
        self.hosts
    }

    pub(crate) fn scrapes(&self) -> usize {
        self.scrapes
    }

    pub(crate) fn end(&self) -> TimestampMs {
        self.start + (self.scrapes as i64 - 1) * STEP_MS
    }

    /// Bytes of labels per series, as 1.0 sends them.
    pub(crate) fn label_bytes(&self) -> f64 {
        let mut spelling = Vec::new();
        self.labels.iter().flatten().for_each(|labels| labels.spell(&mut spelling));
        spelling.len() as f64 / self.series() as f64
    }

    /// Builds the requests of some scrapes: hosts spread over connections, `batch` samples each.
    pub(crate) fn load(
        &self,
        protocol: Protocol,
        connections: usize,
        batch: usize,
        scrapes: Range<usize>,
    ) -> Outcome<Load> {
        let threads: Vec<_> = std::thread::scope(|scope| {
            let build = |c: usize| {
                let scrapes = scrapes.clone();
                scope.spawn(move || self.requests(protocol, (c, connections), batch, scrapes))
            };
            let running: Vec<_> = (0..connections).map(build).collect();
            running.into_iter().map(|thread| thread.join()).collect()
        });
        let mut load = Load { requests: Vec::new(), samples: 0, bytes: 0 };
        for thread in threads {
            let (requests, samples) = thread.map_err(|_| "building requests failed".to_owned())??;
            load.bytes += requests.iter().map(|r| r.len() as u64).sum::<u64>();
            load.samples += samples;
            load.requests.push(requests);
        }
        Ok(load)
    }

    fn requests(
        &self,
        protocol: Protocol,
        (first, step): (usize, usize),
        batch: usize,
        scrapes: Range<usize>,
    ) -> Outcome<(Vec<Vec<u8>>, u64)> {
        let (mut requests, mut total) = (Vec::new(), 0);
        let mut rng = SplitMix::new(((scrapes.start as u64) << 32) | first as u64);
        for scrape in scrapes {
            let mut pending: Vec<(Labels, [Sample; 1])> = Vec::with_capacity(batch);
            for host in (first..self.hosts).step_by(step) {
                let phase = (host * 37 + scrape) % self.capture.scrapes.len();
                let timestamp = self.start + scrape as i64 * STEP_MS + rng.below(JITTER_MS) as i64;
                let labels = self.labels_at(host, scrape);
                let mut places: Vec<usize> = (0..labels.len()).collect();
                if self.order.shuffle {
                    (1..places.len()).for_each(|i| places.swap(i, rng.below(i as u64 + 1) as usize));
                }
                for place in places {
                    let Some(value) = self.capture.scrapes[phase][place] else { continue };
                    pending.push((labels[place].clone(), [Sample { timestamp, start: 0, value }]));
                    if pending.len() == batch {
                        requests.push(request(protocol, &pending)?);
                        total += pending.len() as u64;
                        pending.clear();
                    }
                }
            }
            if !pending.is_empty() {
                requests.push(request(protocol, &pending)?);
                total += pending.len() as u64;
            }
        }
        Ok((requests, total))
    }
}

/// A write request: series with their samples.
pub(crate) fn request(protocol: Protocol, samples: &[(Labels, [Sample; 1])]) -> Outcome<Vec<u8>> {
    let series: Vec<SeriesOut<'_>> = samples
        .iter()
        .map(|(labels, samples)| SeriesOut { labels: Some(labels), samples, ..Default::default() })
        .collect();
    let mut message = Vec::new();
    match protocol {
        Protocol::V1 => encode_v1(&series, &mut message),
        Protocol::V2 => encode_v2(&series, &mut message),
    }
    snappy(&message).map_err(|e| e.to_string())
}

fn labels(pairs: &[(String, String)], host: usize) -> Labels {
    let own = [
        ("cluster", "production-eu-west-1".to_owned()),
        ("job", "node-exporter".to_owned()),
        ("instance", format!("host-{host:05}.example.net:9100")),
    ];
    let recorded = pairs.iter().map(|(name, value)| (name.as_str(), value.clone()));
    Labels::from_pairs(recorded.chain(own))
}
