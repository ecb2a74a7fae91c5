//! `GET /api/v2/alerts/groups`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use nightjar_alertmanager::machine::{GroupNumber, GroupView};

use super::super::json;
use super::super::params::Params;
use super::filter::AlertFilter;
use super::{view, wire};
use crate::alerting::service::Alerting;

/// How many groups are looked at while deciding waits.
const CHUNK: usize = 64;

/// All groups that are asked for, by labels, then receiver.
pub(super) async fn groups(State(alerting): State<Arc<Alerting>>, params: Params) -> Response {
    let filter = match AlertFilter::read(&params, alerting.mode()) {
        Ok(filter) => filter,
        Err(answer) => return answer,
    };
    let write = move || {
        let mut out = vec![b'['];
        let setup = alerting.setup();
        let mut first = true;
        let wanted = |receiver: &str| filter.receiver(receiver, &setup.config);
        let numbers = alerting.look(|machine, _| machine.group_numbers(wanted));
        for chunk in numbers.chunks(CHUNK) {
            let groups: Vec<GroupView> = alerting.look(|machine, now| {
                let view = |number: &GroupNumber| machine.group(now, *number, |alert| filter.labels(&alert.labels));
                chunk.iter().filter_map(view).collect()
            });
            for mut group in groups {
                let muted = !group.muted_by.is_empty();
                group.alerts.retain(|alert| filter.status(&alert.status));
                if group.alerts.is_empty() || (muted && !filter.muted) {
                    continue;
                }
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                write_group(&mut out, &group);
            }
        }
        out.extend_from_slice(b"]\n");
        out
    };
    wire::ok(tokio::task::spawn_blocking(write).await.unwrap_or_default())
}

fn write_group(out: &mut Vec<u8>, group: &GroupView) {
    out.extend_from_slice(b"{\"alerts\":");
    json::array(out, &group.alerts, view::alert);
    out.extend_from_slice(b",\"labels\":");
    json::labels(out, &group.labels);
    out.extend_from_slice(b",\"receiver\":{\"name\":");
    json::string(out, &group.receiver);
    out.extend_from_slice(b"},\"routeLabels\":{");
    for (i, (name, text)) in group.route_labels.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::key(out, name);
        json::string(out, text);
    }
    out.extend_from_slice(b"}}");
}
