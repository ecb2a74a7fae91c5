//! What to answer a sender.

use nightjar_model::storage::{AppendError, AppendReport};

use crate::body::{BodyError, Protocol};
use crate::error::DecodeError;
use crate::refusal::Refusals;

/// How many float samples were written.
pub const SAMPLES_WRITTEN: &str = "X-Prometheus-Remote-Write-Samples-Written";
/// How many native histograms were written.
pub const HISTOGRAMS_WRITTEN: &str = "X-Prometheus-Remote-Write-Histograms-Written";
/// How many exemplars were written.
pub const EXEMPLARS_WRITTEN: &str = "X-Prometheus-Remote-Write-Exemplars-Written";
/// When to come back, in seconds.
pub const RETRY_AFTER: &str = "Retry-After";

/// How many reasons are told.
const REASONS: usize = 10;

/// An answer, to be turned into HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers beside those every answer has.
    pub headers: Vec<(&'static str, String)>,
    /// Plain text, empty or one line per reason with a line feed at the end.
    pub body: String,
}

impl Reply {
    fn new(protocol: Protocol, status: u16, written: [u64; 3], reasons: String) -> Reply {
        let mut headers = Vec::new();
        if protocol == Protocol::V2 {
            let names = [SAMPLES_WRITTEN, HISTOGRAMS_WRITTEN, EXEMPLARS_WRITTEN];
            headers.extend(names.into_iter().zip(written).map(|(name, n)| (name, n.to_string())));
        }
        let body = if reasons.is_empty() { reasons } else { reasons + "\n" };
        Reply { status, headers, body }
    }
}

/// The answer to a request whose body could not be used. `protocol`: [`Protocol::V1`] if negotiation failed.
pub fn refuse_body(protocol: Protocol, error: &BodyError) -> Reply {
    Reply::new(protocol, error.status(), [0; 3], error.to_string())
}

/// The answer to a request that could not be decoded.
pub fn refuse_message(protocol: Protocol, error: &DecodeError) -> Reply {
    Reply::new(protocol, 400, [0; 3], error.to_string())
}

/// The answer "come back later". Never 429: stock Prometheus drops the data on that.
pub fn unavailable(protocol: Protocol, reason: &str, retry_after_s: u32) -> Reply {
    let mut reply = Reply::new(protocol, 503, [0; 3], reason.to_owned());
    reply.headers.push((RETRY_AFTER, retry_after_s.to_string()));
    reply
}

/// The answer to a request that storage has judged; `refusals` are those of decoding.
pub fn reply(protocol: Protocol, refusals: &Refusals, result: &Result<AppendReport, AppendError>) -> Reply {
    let report = match result {
        Ok(report) => report,
        Err(AppendError::Rejected(report)) => {
            let nothing = AppendReport { samples: 0, histograms: 0, exemplars: 0, ..(**report).clone() };
            return bad_request(protocol, refusals, &nothing);
        }
        Err(AppendError::Unavailable { reason, retry_after_s }) => {
            return unavailable(protocol, reason, *retry_after_s);
        }
    };
    if report.rejected + refusals.count > 0 {
        return bad_request(protocol, refusals, report);
    }
    Reply::new(protocol, 204, [report.samples, report.histograms, report.exemplars], String::new())
}

fn bad_request(protocol: Protocol, refusals: &Refusals, report: &AppendReport) -> Reply {
    let told: Vec<&str> =
        refusals.first.iter().chain(&report.rejections).take(REASONS).map(|r| r.detail.as_str()).collect();
    let mut reasons = told.join("\n");
    let untold = (refusals.count + report.rejected).saturating_sub(told.len() as u64);
    if reasons.is_empty() {
        reasons = "the request was refused".to_owned();
    } else if untold > 0 {
        reasons += &format!("\n(and {untold} more)");
    }
    Reply::new(protocol, 400, [report.samples, report.histograms, report.exemplars], reasons)
}
