//! `/config/v1/rules`: rule groups written through the API, in the shapes of Mimir, which Grafana's editor speaks.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use nightjar_ruler::file::RuleFile;
use nightjar_ruler::file::print::{print_group, print_groups, scalar};
use tokio::sync::oneshot;

use super::respond;
use crate::app::{App, Control};
use crate::rules::written::{Refusal, Written};

const YAML: &str = "application/yaml";

/// What an edit answers when it is in force.
const ACCEPTED: &str = "{\"status\":\"success\",\"data\":null,\"errorType\":\"\",\"error\":\"\"}";

/// `GET /config/v1/rules`: all namespaces.
pub(super) async fn all(State(app): State<Arc<App>>) -> Response {
    read(&app, |namespaces| {
        let texts = namespaces.iter().map(|(name, file)| namespace(name, file));
        let text: String = texts.collect();
        Ok(if text.is_empty() { "{}\n".to_owned() } else { text })
    })
    .await
}

/// `GET /config/v1/rules/{namespace}`.
pub(super) async fn one_namespace(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    read(&app, move |namespaces| {
        let file = namespaces.get(&name).ok_or(Refusal::Missing("namespace does not exist"))?;
        Ok(namespace(&name, file))
    })
    .await
}

/// `GET /config/v1/rules/{namespace}/{group}`.
pub(super) async fn one_group(State(app): State<Arc<App>>, Path((name, group)): Path<(String, String)>) -> Response {
    read(&app, move |namespaces| {
        let groups = namespaces.get(&name).map(|file| &file.groups);
        let found = groups.into_iter().flatten().find(|g| g.name == group);
        found.map(print_group).ok_or(Refusal::Missing("group does not exist"))
    })
    .await
}

/// `POST /config/v1/rules/{namespace}`: a group as YAML.
pub(super) async fn put(State(app): State<Arc<App>>, Path(name): Path<String>, yaml: String) -> Response {
    edit(&app, move |written| written.put(&name, &yaml).map(drop)).await
}

/// `DELETE /config/v1/rules/{namespace}`.
pub(super) async fn remove_namespace(State(app): State<Arc<App>>, Path(name): Path<String>) -> Response {
    edit(&app, move |written| written.remove(&name, None)).await
}

/// `DELETE /config/v1/rules/{namespace}/{group}`.
pub(super) async fn remove_group(State(app): State<Arc<App>>, Path((name, group)): Path<(String, String)>) -> Response {
    edit(&app, move |written| written.remove(&name, Some(&group))).await
}

/// All groups of a namespace, as Mimir answers them.
fn namespace(name: &str, file: &RuleFile) -> String {
    format!("{}:\n{}", scalar(name), print_groups(&file.groups, "    "))
}

async fn read(
    app: &Arc<App>,
    show: impl FnOnce(&std::collections::BTreeMap<String, RuleFile>) -> Result<String, Refusal> + Send + 'static,
) -> Response {
    let Some(written) = app.written.clone() else { return off() };
    let ask = move || {
        let written = written.lock();
        show(&written.namespaces().map_err(Refusal::Failed)?)
    };
    match tokio::task::spawn_blocking(ask).await {
        Ok(Ok(text)) => respond::with_type(StatusCode::OK, YAML, text.into()),
        Ok(Err(refusal)) => refused(refusal),
        Err(_) => refused(Refusal::Failed("a bug; the log has details".to_owned())),
    }
}

/// Writes, then puts into force; when the answer comes, both are done.
async fn edit(app: &Arc<App>, act: impl FnOnce(&Written) -> Result<(), Refusal> + Send + 'static) -> Response {
    let Some(written) = app.written.clone() else { return off() };
    match tokio::task::spawn_blocking(move || act(&written.lock())).await {
        Ok(Ok(())) => {}
        Ok(Err(refusal)) => return refused(refusal),
        Err(_) => return refused(Refusal::Failed("a bug; the log has details".to_owned())),
    }
    let (done, outcome) = oneshot::channel();
    let sent = app.control.send(Control::ReloadRules(done)).await.is_ok();
    match (sent, outcome.await) {
        (true, Ok(Ok(()))) => respond::json(StatusCode::ACCEPTED, ACCEPTED),
        (true, Ok(Err(reason))) => {
            refused(Refusal::Failed(format!("the group is stored, but the rules cannot be put into force: {reason}")))
        }
        _ => refused(Refusal::Failed("the server is stopping; the group is stored".to_owned())),
    }
}

fn off() -> Response {
    respond::text(StatusCode::NOT_FOUND, "the ruler's configuration API is off; --ruler.api turns it on\n")
}

fn refused(refusal: Refusal) -> Response {
    match refusal {
        Refusal::Invalid(reason) => respond::text(StatusCode::BAD_REQUEST, format!("{reason}\n")),
        Refusal::Missing(what) => respond::text(StatusCode::NOT_FOUND, format!("{what}\n")),
        Refusal::Failed(reason) => respond::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{reason}\n")),
    }
}
