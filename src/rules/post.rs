//! One JSON body to one Alertmanager.

use nightjar_platform::net::guard::Guard;
use nightjar_platform::net::http::{Client, Limits, Method, Request};
use nightjar_platform::net::url::Url;
use tokio::runtime::Handle;

use crate::config::alerting::Alertmanager;

/// The way to an Alertmanager.
pub(super) struct Post {
    client: Client,
    url: Url,
    runtime: Handle,
}

impl Post {
    /// Prepares the way. Must be called inside of the runtime that its connections live in; the error is a sentence.
    pub(super) fn new(to: &Alertmanager) -> Result<Post, String> {
        let limits = Limits { connect: to.timeout, total: to.timeout, ..Limits::default() };
        let client = Client::new(to.http.clone(), limits, Guard::default())?;
        let runtime = Handle::try_current().map_err(|error| error.to_string())?;
        Ok(Post { client, url: Url::parse(&to.url())?, runtime })
    }

    /// Posts alerts and waits for the answer. Must not be called on a thread of the runtime; the error is a sentence.
    pub(super) fn send(&self, body: Vec<u8>) -> Result<(), String> {
        let request = Request::new(Method::POST, self.url.clone(), body).with("Content-Type", "application/json");
        let answer = self.runtime.block_on(self.client.send(request)).map_err(|error| error.to_string())?;
        match answer.status {
            200..=299 => Ok(()),
            _ => Err(format!("bad response status {}", answer.status_line())),
        }
    }
}
