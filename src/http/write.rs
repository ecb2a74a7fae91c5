//! Remote write: a body in, a verdict out once everything is on stable storage.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::body::Body as HttpBody;
use nightjar_model::TimestampMs;
use nightjar_model::labels::{METRIC_NAME, spell_pair};
use nightjar_model::metadata::Metadata;
use nightjar_model::storage::{AppendError, AppendReport, WriteBatch, WriteEntry};
use nightjar_remote_write::body::Headers;
use nightjar_remote_write::response::{self, Reply};
use nightjar_remote_write::{BodyError, Format, Limits, Protocol, Refusals, Request as Decoded};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::params::Params;
use super::respond;
use crate::app::App;
use crate::ingest::{Buffer, Worker};
use crate::metrics::Metrics;
use crate::store::{Phase, Store};

/// The longest pause between two pieces of a body.
const PIECE_PATIENCE: Duration = Duration::from_secs(10);

/// The longest time for a whole body.
const BODY_PATIENCE: Duration = Duration::from_secs(120);

/// `GET /api/v1/write?get_vm_proto_version=1`: vmagent asks whether we read its compression. We do.
pub(super) async fn probe(params: Params) -> Response {
    if params.get("get_vm_proto_version").is_empty() {
        let mut response = respond::text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    respond::text(StatusCode::OK, "1")
}

/// `POST /api/v1/write`.
pub(super) async fn write(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let format = match Format::negotiate(&headers(&parts.headers)) {
        Ok(format) => format,
        Err(error) => return counted(&app, Protocol::V1, response::refuse_body(Protocol::V1, &error)),
    };
    let protocol = format.protocol;
    let Some(store) = app.store.get().filter(|_| app.store.phase() == Phase::Ready).cloned() else {
        let reason = if app.store.phase() == Phase::Stopping {
            "the server is stopping"
        } else {
            "the database is being opened"
        };
        return counted(&app, protocol, response::unavailable(protocol, reason, RETRY_AFTER_S));
    };
    let (buffer, room) = match collect(&app, protocol, body).await {
        Ok(collected) => collected,
        Err(reply) => return counted(&app, protocol, reply),
    };
    // Not before the body is read: a sender that is still writing would see a broken connection instead of the answer.
    let resident = || nightjar_platform::process::resident_bytes().ok();
    if app.memory.refuses(app.clock.monotonic(), resident) {
        return counted(&app, protocol, response::unavailable(protocol, NO_MEMORY, RETRY_AFTER_S));
    }
    app.metrics.write.bytes.add(buffer.bytes.len() as u64);
    app.metrics.write.in_flight_bytes.add(buffer.bytes.len() as i64);
    let (answer, answered) = oneshot::channel();
    let (metrics, clock) = (Arc::clone(&app.metrics), Arc::clone(&app.clock));
    let finish = Finish { answer: Some(answer), metrics, protocol, _room: room, bytes: buffer.bytes.len() as i64 };
    let job = move |worker: &mut Worker| append(worker, &*store, format, &buffer.bytes, clock.wall_ms(), finish);
    if app.ingest.submit(job).is_err() {
        app.metrics.write.overloaded.add(1);
        return counted(&app, protocol, response::unavailable(protocol, OVERLOADED, RETRY_AFTER_S));
    }
    let lost = |_| response::unavailable(protocol, "the request was lost inside the server", RETRY_AFTER_S);
    counted(&app, protocol, answered.await.unwrap_or_else(lost))
}

const NO_MEMORY: &str = "memory is short (--memory-limit); data is being moved to the disk";
const OVERLOADED: &str = "too many writes are in flight";

/// When a sender shall come back.
const RETRY_AFTER_S: u32 = 5;

fn headers(map: &HeaderMap) -> Headers<'_> {
    let text = |name: &str| map.get(name).and_then(|value| value.to_str().ok());
    Headers {
        content_type: text("content-type"),
        content_encoding: text("content-encoding"),
        version: text("x-prometheus-remote-write-version"),
        vm_version: text("x-victoriametrics-remote-write-version"),
    }
}

fn counted(app: &App, protocol: Protocol, reply: Reply) -> Response {
    let name = match protocol {
        Protocol::V1 => "remote_write_1",
        Protocol::V2 => "remote_write_2",
    };
    app.metrics.write.answered(name, reply.status);
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if reply.body.is_empty() { respond::empty(status) } else { respond::text(status, reply.body) };
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// What remains to be done when the fate of a batch is certain.
struct Finish {
    answer: Option<oneshot::Sender<Reply>>,
    metrics: Arc<Metrics>,
    protocol: Protocol,
    /// The body's memory counts until then.
    _room: OwnedSemaphorePermit,
    bytes: i64,
}

impl Drop for Finish {
    fn drop(&mut self) {
        self.metrics.write.in_flight_bytes.add(-self.bytes);
    }
}

impl Finish {
    fn reply(mut self, reply: Reply) {
        // The sender may have gone; its data is stored all the same.
        let _ = self.answer.take().map(|answer| answer.send(reply));
    }

    fn appended(self, refusals: &Refusals, result: &Result<AppendReport, AppendError>) {
        let write = &self.metrics.write;
        write.rejected.add(refusals.count);
        match result {
            Ok(report) => {
                write.items.add(report.samples + report.histograms + report.exemplars);
                write.rejected.add(report.rejected);
            }
            Err(AppendError::Rejected(report)) => write.rejected.add(report.rejected),
            Err(AppendError::Unavailable { .. }) => {}
        }
        let reply = response::reply(self.protocol, refusals, result);
        self.reply(reply);
    }
}

/// Decompresses, decodes and hands the batch to storage.
fn append(worker: &mut Worker, store: &dyn Store, format: Format, body: &[u8], now: TimestampMs, finish: Finish) {
    let limits = Limits::default();
    if let Err(error) = worker.inflater.inflate(format.encoding, body, &limits, &mut worker.body) {
        return finish.reply(response::refuse_body(format.protocol, &error));
    }
    match worker.scratch.decode(format.protocol, &worker.body, &limits) {
        Err(error) => finish.reply(response::refuse_message(format.protocol, &error)),
        Ok(request) => {
            let refusals = request.refusals().clone();
            let done = move |result| finish.appended(&refusals, &result);
            store.append(&Batch::new(&request), request.atomicity(), now, Box::new(done));
        }
    }
}

/// A request, and after it an entry for the metadata of each metric family, which 1.0 sends apart from the series.
struct Batch<'a> {
    request: &'a Decoded<'a>,
    spellings: Vec<Vec<u8>>,
}

impl<'a> Batch<'a> {
    fn new(request: &'a Decoded<'a>) -> Batch<'a> {
        let spelled = |(metric, _): &(String, Metadata)| {
            let mut spelling = Vec::with_capacity(metric.len() + 16);
            spell_pair(METRIC_NAME, metric, &mut spelling);
            spelling
        };
        Batch { request, spellings: request.families().iter().map(spelled).collect() }
    }
}

impl WriteBatch for Batch<'_> {
    fn len(&self) -> usize {
        self.request.len() + self.spellings.len()
    }

    fn entry(&self, index: usize) -> WriteEntry<'_> {
        match index.checked_sub(self.request.len()) {
            None => self.request.entry(index),
            Some(family) => WriteEntry {
                spelling: &self.spellings[family],
                samples: &[],
                histograms: &[],
                exemplars: &[],
                metadata: Some(&self.request.families()[family].1),
            },
        }
    }
}

/// Reads a body into a pooled buffer, neither more than the limit nor slower than is reasonable.
async fn collect(app: &App, protocol: Protocol, body: Body) -> Result<(Buffer, OwnedSemaphorePermit), Reply> {
    let limit = app.settings.max_write_bytes;
    let too_large = || response::refuse_body(protocol, &BodyError::TooLarge { what: "the body", limit });
    let size = body.size_hint();
    if size.lower() > limit as u64 {
        return Err(too_large());
    }
    let room = app.ingest.reserve(size.exact().map_or(limit, |n| n as usize)).await.map_err(|_| {
        app.metrics.write.overloaded.add(1);
        response::unavailable(protocol, OVERLOADED, RETRY_AFTER_S)
    })?;
    let mut buffer = app.ingest.buffer();
    buffer.bytes.reserve(size.exact().unwrap_or(0) as usize);
    let read = read(body, &mut buffer.bytes, limit);
    match tokio::time::timeout(BODY_PATIENCE, read).await.unwrap_or(Err(Unread::Slow)) {
        Ok(()) => Ok((buffer, room)),
        Err(Unread::TooLarge) => Err(too_large()),
        Err(Unread::Slow) => Err(Reply { status: 408, headers: Vec::new(), body: "the body came too slowly\n".into() }),
        Err(Unread::Broken(error)) => {
            let corrupt = BodyError::Corrupt(format!("the body could not be read: {error}"));
            Err(response::refuse_body(protocol, &corrupt))
        }
    }
}

/// Why a body was not read to its end.
enum Unread {
    TooLarge,
    Slow,
    Broken(axum::Error),
}

async fn read(mut body: Body, out: &mut Vec<u8>, limit: usize) -> Result<(), Unread> {
    loop {
        let frame = tokio::time::timeout(PIECE_PATIENCE, body.frame()).await.map_err(|_| Unread::Slow)?;
        let Some(frame) = frame else { return Ok(()) };
        let Ok(data) = frame.map_err(Unread::Broken)?.into_data() else { continue };
        if out.len() + data.len() > limit {
            return Err(Unread::TooLarge);
        }
        out.extend_from_slice(&data);
    }
}
