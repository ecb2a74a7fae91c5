//! Where an alert names the host, messages go to this machine only if a flag says so.

use std::time::Duration;

use serde_json::json;

use crate::listener::Listener;
use crate::router::Router;
use crate::support::wait_until;

#[test]
fn a_templated_host_may_lead_where_a_flag_allows_it() {
    let dir = tempfile::tempdir().unwrap();
    let listener = Listener::new();
    let config = format!(
        "route: {{receiver: r, group_wait: 0s}}\nreceivers:\n- name: r\n  webhook_configs:\n  \
         - url: 'http://{{{{ .CommonLabels.host }}}}:{}/'\n",
        listener.port
    );
    let alert = json!([{"labels": {"alertname": "A", "host": "127.0.0.1"}}]);
    let refused = Router::start(&dir.path().join("refused"), &config, &[]);
    refused.post(&alert);
    wait_until("it is refused", Duration::from_secs(20), || {
        refused.process.output().contains("127.0.0.1 is a loopback address")
    });
    assert!(listener.taken().is_empty());
    let flags = ["--alertmanager.allow-destination", "10.0.0.0/8,127.0.0.1"];
    let allowed = Router::start(&dir.path().join("allowed"), &config, &flags);
    allowed.post(&alert);
    wait_until("it arrives", Duration::from_secs(20), || !listener.taken().is_empty());
}
