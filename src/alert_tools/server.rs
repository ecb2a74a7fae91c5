//! Asking a server.

use nightjar_platform::net::percent::percent_encode;
use serde_json::Value;

use super::arguments::ServerArguments;
use crate::client::connection::{Content, Url, exchange};

/// Sends a request; answers JSON, null where there is none. The error is what the server, or the network, said.
pub(super) fn ask(server: &ServerArguments, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
    let url = Url::parse(&server.server)?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let content = Content { headers: &[("Content-Type", "application/json")], bytes: body.as_bytes() };
    let (status, answer) = exchange(&url, method, path, content)?;
    let text = String::from_utf8_lossy(&answer);
    let json = serde_json::from_str::<Value>(&text);
    match (status, json) {
        (200..=299, Ok(json)) => Ok(json),
        (200..=299, Err(_)) if text.trim().is_empty() => Ok(Value::Null),
        (200..=299, Err(_)) => Err("the answer is not understood; is this an Alertmanager API?".to_owned()),
        (404, _) if text.trim().is_empty() => Err("there is no such thing (404)".to_owned()),
        (_, Ok(Value::String(sentence))) => Err(sentence),
        (_, Ok(json)) => {
            let said = json["message"].as_str().or(json["error"].as_str());
            Err(said.map_or_else(|| json.to_string(), str::to_owned))
        }
        (status, Err(_)) => Err(format!("status {status}: {}", text.trim())),
    }
}

/// `a=b&a=c` from pairs.
pub(super) fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = pairs.into_iter().map(|(name, value)| format!("{name}={}", percent_encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}
