//! `GET /api/v2/alerts`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use nightjar_alertmanager::machine::AlertView;

use super::super::params::Params;
use super::filter::AlertFilter;
use super::{view, wire};
use crate::alerting::service::Alerting;

/// How many alerts are looked at while deciding waits.
const CHUNK: usize = 1_000;

/// All alerts that fire and are asked for, by fingerprint.
pub(super) async fn alerts(State(alerting): State<Arc<Alerting>>, params: Params) -> Response {
    let filter = match AlertFilter::read(&params, alerting.mode()) {
        Ok(filter) => filter,
        Err(answer) => return answer,
    };
    let write = move || {
        let mut out = vec![b'['];
        let mut first = true;
        let setup = alerting.setup();
        let found = alerting.look(|machine, _| machine.firing(filter.matchers(), |alert| filter.labels(&alert.labels)));
        for chunk in found.chunks(CHUNK) {
            let views: Vec<AlertView> = alerting
                .look(|machine, now| chunk.iter().filter_map(|fingerprint| machine.alert(now, *fingerprint)).collect());
            let asked = |v: &&AlertView| {
                filter.receivers(v.receivers.iter().map(String::as_str), &setup.config) && filter.status(&v.status)
            };
            for alert in views.iter().filter(asked) {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                view::alert(&mut out, alert);
            }
        }
        out.extend_from_slice(b"]\n");
        out
    };
    wire::ok(tokio::task::spawn_blocking(write).await.unwrap_or_default())
}
