//! `/api/v2/status` and `/api/v2/receivers`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::json;
use super::super::params::Params;
use super::{filter, wire};
use crate::alerting::service::Alerting;
use crate::app::ALERTMANAGER_VERSION;

/// `GET /status`.
pub(super) async fn status(State(alerting): State<Arc<Alerting>>) -> Response {
    let cluster = alerting.cluster();
    let mut out = b"{\"cluster\":{".to_vec();
    if let Some(name) = &cluster.name {
        json::key(&mut out, "name");
        json::string(&mut out, name);
        out.push(b',');
    }
    json::key(&mut out, "peers");
    json::array(&mut out, &cluster.peers, |out, (name, address)| {
        out.extend_from_slice(b"{\"address\":");
        json::string(out, address);
        out.extend_from_slice(b",\"name\":");
        json::string(out, name);
        out.push(b'}');
    });
    out.extend_from_slice(b",\"status\":");
    json::string(&mut out, cluster.status);
    out.extend_from_slice(b"},\"config\":{\"original\":");
    json::string(&mut out, alerting.setup().config.shown());
    out.extend_from_slice(b"},\"uptime\":");
    wire::time(&mut out, alerting.started());
    out.extend_from_slice(b",\"versionInfo\":{\"branch\":\"\",\"buildDate\":\"\",\"buildUser\":\"\",\"goVersion\":\"\",\"revision\":\"\",\"version\":");
    json::string(&mut out, ALERTMANAGER_VERSION);
    out.extend_from_slice(b"}}\n");
    wire::ok(out)
}

/// `GET /receivers`.
pub(super) async fn receivers(State(alerting): State<Arc<Alerting>>, params: Params) -> Response {
    let matchers = match filter::receiver_matchers(&params, alerting.mode()) {
        Ok(matchers) => matchers,
        Err(sentence) => return wire::complaint(StatusCode::BAD_REQUEST, &sentence),
    };
    let setup = alerting.setup();
    let asked = setup.config.receivers.iter().filter(|receiver| filter::all_hold(&matchers, &receiver.labels));
    let mut out = Vec::new();
    json::array(&mut out, asked, |out, receiver| {
        out.extend_from_slice(b"{\"labels\":{");
        for (i, (name, value)) in receiver.labels.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            json::key(out, name);
            json::string(out, value);
        }
        out.extend_from_slice(b"},\"name\":");
        json::string(out, &receiver.name);
        out.push(b'}');
    });
    out.push(b'\n');
    wire::ok(out)
}
