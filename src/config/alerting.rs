//! `alerting:`: the Alertmanagers alerts are sent to besides our own.

use std::time::Duration;

use serde::Deserialize;

use super::{Ignored, Text};

/// An Alertmanager with a fixed address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Alertmanager {
    /// Host and port as written.
    pub target: String,
    /// Path before `/api/v2/alerts`, without a slash at the end.
    pub path_prefix: String,
    /// How long one delivery may take.
    pub timeout: Duration,
    /// User name and password.
    pub basic_auth: Option<(String, String)>,
}

impl Alertmanager {
    /// Where alerts are posted, as the API and metrics show it.
    pub fn url(&self) -> String {
        format!("http://{}{}/api/v2/alerts", self.target, self.path_prefix)
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    alert_relabel_configs: Ignored,
    alertmanagers: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "keys without effect here are read to tell them from typing mistakes")]
struct Entry {
    static_configs: Option<Vec<Static>>,
    scheme: Option<String>,
    path_prefix: Option<String>,
    timeout: Option<Text<Duration>>,
    api_version: Ignored,
    basic_auth: Option<BasicAuth>,
    relabel_configs: Ignored,
    alert_relabel_configs: Ignored,
    authorization: Ignored,
    bearer_token: Ignored,
    bearer_token_file: Ignored,
    oauth2: Ignored,
    sigv4: Ignored,
    tls_config: Ignored,
    proxy_url: Ignored,
    no_proxy: Ignored,
    proxy_from_environment: Ignored,
    proxy_connect_header: Ignored,
    http_headers: Ignored,
    follow_redirects: Ignored,
    enable_http2: Ignored,
    azure_sd_configs: Ignored,
    consul_sd_configs: Ignored,
    digitalocean_sd_configs: Ignored,
    dns_sd_configs: Ignored,
    docker_sd_configs: Ignored,
    dockerswarm_sd_configs: Ignored,
    ec2_sd_configs: Ignored,
    eureka_sd_configs: Ignored,
    file_sd_configs: Ignored,
    gce_sd_configs: Ignored,
    hetzner_sd_configs: Ignored,
    http_sd_configs: Ignored,
    ionos_sd_configs: Ignored,
    kubernetes_sd_configs: Ignored,
    kuma_sd_configs: Ignored,
    lightsail_sd_configs: Ignored,
    linode_sd_configs: Ignored,
    marathon_sd_configs: Ignored,
    nerve_sd_configs: Ignored,
    nomad_sd_configs: Ignored,
    openstack_sd_configs: Ignored,
    ovhcloud_sd_configs: Ignored,
    puppetdb_sd_configs: Ignored,
    scaleway_sd_configs: Ignored,
    serverset_sd_configs: Ignored,
    stackit_sd_configs: Ignored,
    triton_sd_configs: Ignored,
    uyuni_sd_configs: Ignored,
    vultr_sd_configs: Ignored,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "see Entry")]
struct Static {
    targets: Vec<String>,
    labels: Ignored,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "see Entry")]
struct BasicAuth {
    username: Option<String>,
    password: Option<String>,
    username_file: Ignored,
    password_file: Ignored,
}

impl Section {
    /// The Alertmanagers that can be reached.
    pub(super) fn alertmanagers(&self) -> Vec<Alertmanager> {
        let entries = self.alertmanagers.iter().flatten().filter(|entry| entry.speaks_http());
        entries.flat_map(Entry::alertmanagers).collect()
    }

    /// Parts that have no effect, by name.
    pub(super) fn ignored(&self) -> Vec<&'static str> {
        let entries = || self.alertmanagers.iter().flatten();
        let parts = [
            ("alerting.alert_relabel_configs", self.alert_relabel_configs.is_some()),
            ("alerting.alertmanagers.scheme", entries().any(|entry| !entry.speaks_http())),
            ("alerting.alertmanagers without static_configs", entries().any(|entry| entry.static_configs.is_none())),
            ("alerting.alertmanagers.relabel_configs", entries().any(|entry| entry.relabel_configs.is_some())),
        ];
        parts.into_iter().filter(|(_, present)| *present).map(|(name, _)| name).collect()
    }
}

impl Entry {
    fn speaks_http(&self) -> bool {
        self.scheme.as_deref().is_none_or(|scheme| scheme == "http")
    }

    fn alertmanagers(&self) -> impl Iterator<Item = Alertmanager> {
        let prefix = self.path_prefix.as_deref().unwrap_or("").trim_matches('/');
        let auth = self.basic_auth.as_ref();
        let basic_auth = auth.map(|a| (a.username.clone().unwrap_or_default(), a.password.clone().unwrap_or_default()));
        self.static_configs.iter().flatten().flat_map(|fixed| &fixed.targets).map(move |target| Alertmanager {
            target: target.clone(),
            path_prefix: if prefix.is_empty() { String::new() } else { format!("/{prefix}") },
            timeout: self.timeout.as_ref().map_or(Duration::from_secs(10), |t| t.0),
            basic_auth: basic_auth.clone(),
        })
    }
}
