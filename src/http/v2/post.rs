//! `POST /api/v2/alerts`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use nightjar_alertmanager::alert::PostedAlert;
use nightjar_model::Labels;
use serde::Deserialize;

use super::super::respond;
use super::wire::{self, Malformed};
use crate::alerting::service::Alerting;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    labels: Option<Pairs>,
    annotations: Option<Pairs>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
}

#[derive(Default, Deserialize)]
struct Pairs(#[serde(with = "nightjar_alertmanager::record::pairs")] Labels);

/// Takes alerts. What makes sense is taken even if others do not.
pub(super) async fn alerts(State(alerting): State<Arc<Alerting>>, request: Request) -> Response {
    let body = match wire::json_body(request).await {
        Ok(body) => body,
        Err(malformed) => return malformed.into_response(),
    };
    let posted = match read(&body) {
        Ok(posted) => posted,
        Err(malformed) => return malformed.into_response(),
    };
    drop(body);
    match alerting.post(posted).await {
        (Err(refusal), _) => wire::refused(&refusal),
        (Ok(()), complaints) if complaints.is_empty() => respond::empty(StatusCode::OK),
        (Ok(()), complaints) => {
            tracing::error!(error = complaints.join("; "), "Failed to validate alerts");
            wire::complaint(StatusCode::BAD_REQUEST, &complaints.join("\n"))
        }
    }
}

fn read(body: &[u8]) -> Result<Vec<PostedAlert>, Malformed> {
    let posted: Vec<Posted> = serde_json::from_slice(body).map_err(|e| wire::unreadable("alerts", &e))?;
    posted.into_iter().enumerate().map(|(i, posted)| posted.check(i)).collect()
}

impl Posted {
    fn check(self, i: usize) -> Result<PostedAlert, Malformed> {
        let labels = self.labels.ok_or_else(|| Malformed::value(602, format!("{i}.labels in body is required")))?;
        let time = |name: &str, text: Option<String>| {
            let bad = |_| Malformed::value(601, format!("{i}.{name} in body must be of type date-time"));
            text.map_or(Ok(None), |text| wire::read_time(&text)).map_err(bad)
        };
        Ok(PostedAlert {
            labels: labels.0,
            annotations: self.annotations.unwrap_or_default().0,
            starts_at: time("startsAt", self.starts_at)?,
            ends_at: time("endsAt", self.ends_at)?,
            generator_url: self.generator_url.unwrap_or_default(),
        })
    }
}
