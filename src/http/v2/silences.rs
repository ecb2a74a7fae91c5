//! `/api/v2/silences` and `/api/v2/silence/{id}`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use nightjar_alertmanager::matcher::Matcher;
use nightjar_alertmanager::silence::{Condition, Schedule, Silence, SilenceState};
use nightjar_model::TimestampMs;
use serde::Deserialize;

use super::super::params::Params;
use super::super::{json, respond};
use super::filter;
use super::view;
use super::wire::{self, Malformed};
use crate::alerting::service::Alerting;

/// `GET /silences`: active ones that end next first, then pending, then expired ones.
pub(super) async fn list(State(alerting): State<Arc<Alerting>>, params: Params) -> Response {
    let refused = |answer: Response| {
        alerting.refused_silences();
        answer
    };
    let matchers = match filter::matchers(&params, "filter", alerting.mode()) {
        Ok(matchers) => matchers,
        Err(sentence) => return refused(wire::complaint(StatusCode::BAD_REQUEST, &sentence)),
    };
    let asked = match Wanted::read(&params) {
        Ok(asked) => asked,
        Err(malformed) => return refused(malformed.into_response()),
    };
    let wanted = |silence: &Silence, state| asked.state(state) && matchers.iter().all(|matcher| has(silence, matcher));
    let mut found = alerting.silences(wanted);
    found.sort_by_key(|(silence, state)| order(silence, *state));
    let mut out = Vec::new();
    json::array(&mut out, &found, |out, (silence, state)| view::silence(out, silence, *state));
    out.push(b'\n');
    wire::ok(out)
}

/// Which states are asked for.
struct Wanted {
    active: bool,
    pending: bool,
    expired: bool,
}

impl Wanted {
    fn read(params: &Params) -> Result<Wanted, Malformed> {
        let flag = |name| filter::boolean(params, name);
        let wanted = Wanted { active: flag("active")?, pending: flag("pending")?, expired: flag("expired")? };
        // Alertmanager takes "no state" for "any state".
        match wanted {
            Wanted { active: false, pending: false, expired: false } => {
                Ok(Wanted { active: true, pending: true, expired: true })
            }
            wanted => Ok(wanted),
        }
    }

    fn state(&self, state: SilenceState) -> bool {
        match state {
            SilenceState::Active => self.active,
            SilenceState::Pending => self.pending,
            SilenceState::Expired => self.expired,
        }
    }
}

fn has(silence: &Silence, matcher: &Matcher) -> bool {
    silence.matchers.iter().any(|condition| {
        *condition.name == *matcher.name
            && *condition.value == *matcher.value
            && condition.matcher().is_ok_and(|own| own.op == matcher.op)
    })
}

fn order(silence: &Silence, state: SilenceState) -> (SilenceState, TimestampMs, Reverse<TimestampMs>) {
    match state {
        SilenceState::Active => (state, silence.ends_at, Reverse(0)),
        SilenceState::Pending => (state, silence.starts_at, Reverse(0)),
        SilenceState::Expired => (state, 0, Reverse(silence.ends_at)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    id: Option<String>,
    matchers: Option<Vec<PostedMatcher>>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    created_by: Option<String>,
    comment: Option<String>,
    annotations: Option<BTreeMap<String, String>>,
    schedule: Option<PostedSchedule>,
}

/// Ours: when a silence holds. Nobody else sends one, so a word that is not understood is refused.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct PostedSchedule {
    time_intervals: Vec<String>,
    intervals: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostedMatcher {
    name: Option<String>,
    value: Option<String>,
    is_regex: Option<bool>,
    is_equal: Option<bool>,
}

/// `POST /silences`.
pub(super) async fn set(State(alerting): State<Arc<Alerting>>, request: Request) -> Response {
    let silence = match wire::json_body(request).await.and_then(|body| read(&body)) {
        Ok(silence) => silence,
        Err(malformed) => return malformed.into_response(),
    };
    let refuse = |sentence| wire::complaint(StatusCode::BAD_REQUEST, sentence);
    if silence.starts_at >= silence.ends_at {
        return refuse("Failed to create silence: start time must be before end time");
    }
    if silence.ends_at < alerting.now().wall_ms {
        return refuse("Failed to create silence: end time can't be in the past");
    }
    match alerting.set_silence(silence).await {
        Ok(id) => {
            let mut out = b"{\"silenceID\":".to_vec();
            json::string(&mut out, &id);
            out.extend_from_slice(b"}\n");
            wire::ok(out)
        }
        Err(refusal) => wire::refused(&refusal),
    }
}

fn read(body: &[u8]) -> Result<Silence, Malformed> {
    let posted: Posted = serde_json::from_slice(body).map_err(|e| wire::unreadable("silence", &e))?;
    let required = |name: &str| Malformed::value(602, format!("{name} in body is required"));
    let time = |name: &str, text: Option<String>| {
        let text = text.ok_or_else(|| required(name))?;
        let bad = |_| Malformed::value(601, format!("{name} in body must be of type date-time: {text:?}"));
        // Go's zero time lies before everything else.
        wire::read_time(&text).map(|at| at.unwrap_or(GO_ZERO_MS)).map_err(bad)
    };
    let matchers = posted.matchers.ok_or_else(|| required("matchers"))?;
    if matchers.is_empty() {
        return Err(Malformed::value(612, "matchers in body should have at least 1 items"));
    }
    let condition = |(i, matcher): (usize, PostedMatcher)| {
        let required = |name: &str| Malformed::value(602, format!("matchers.{i}.{name} in body is required"));
        Ok(Condition {
            name: matcher.name.ok_or_else(|| required("name"))?,
            value: matcher.value.ok_or_else(|| required("value"))?,
            is_regex: matcher.is_regex.ok_or_else(|| required("isRegex"))?,
            is_equal: matcher.is_equal.unwrap_or(true),
        })
    };
    Ok(Silence {
        id: posted.id.unwrap_or_default(),
        matchers: matchers.into_iter().enumerate().map(condition).collect::<Result<_, Malformed>>()?,
        starts_at: time("startsAt", posted.starts_at)?,
        ends_at: time("endsAt", posted.ends_at)?,
        updated_at: 0,
        created_by: posted.created_by.ok_or_else(|| required("createdBy"))?,
        comment: posted.comment.ok_or_else(|| required("comment"))?,
        annotations: posted.annotations.unwrap_or_default(),
        schedule: posted
            .schedule
            .map(|PostedSchedule { time_intervals, intervals }| Schedule { time_intervals, intervals }),
    })
}

/// Go's zero time.
const GO_ZERO_MS: TimestampMs = -62_135_596_800_000;

/// Only UUIDs name silences.
fn uuid(id: &str) -> Result<(), Malformed> {
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    match groups == [8, 4, 4, 4, 12] && id.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()) {
        true => Ok(()),
        false => Err(Malformed::value(601, format!("silenceID in path must be of type uuid: {id:?}"))),
    }
}

/// `GET /silence/{id}`.
pub(super) async fn one(State(alerting): State<Arc<Alerting>>, Path(id): Path<String>) -> Response {
    if let Err(malformed) = uuid(&id) {
        return malformed.into_response();
    }
    let found = alerting.look(|machine, now| {
        machine.silences().get(&id).map(|silence| (silence.clone(), machine.silence_state(now, silence)))
    });
    let Some((silence, state)) = found else { return respond::empty(StatusCode::NOT_FOUND) };
    let mut out = Vec::new();
    view::silence(&mut out, &silence, state);
    out.push(b'\n');
    wire::ok(out)
}

/// `DELETE /silence/{id}`: ends it now.
pub(super) async fn expire(State(alerting): State<Arc<Alerting>>, Path(id): Path<String>) -> Response {
    if let Err(malformed) = uuid(&id) {
        return malformed.into_response();
    }
    match alerting.expire_silence(id).await {
        Ok(()) => respond::empty(StatusCode::OK),
        Err(refusal) => {
            let mut response = wire::refused(&refusal);
            if response.status() == StatusCode::NOT_FOUND {
                response = respond::empty(StatusCode::NOT_FOUND);
            }
            response
        }
    }
}
