//! Trying things out: another configuration, a message to a receiver, what a message would be.

use nightjar_alertmanager::alert::Alert;
use nightjar_alertmanager::fingerprint::Fingerprint;
use nightjar_alertmanager::machine::{Change, Outcome, Send, SentAlert};
use nightjar_alertmanager::notify;
use nightjar_alertmanager::record::{GroupId, LineId, Reason};
use nightjar_model::Labels;
use nightjar_platform::entropy::{Entropy, RealEntropy};

use super::Alerting;
use crate::alerting::load::Setup;

impl Alerting {
    /// Reads another configuration without putting it into force; the error names the place.
    pub fn parse(&self, text: &str) -> Result<Setup, String> {
        self.source.parse(text)
    }

    /// Tells a receiver of an alert now, whatever routes and filters say, and waits for what becomes of it. `None` when
    /// there is no such receiver.
    pub fn test(&self, receiver: &str, labels: Labels, annotations: Labels) -> Option<Vec<(String, Outcome)>> {
        let setup = self.setup();
        let now = self.now().wall_ms;
        let alert = Alert {
            labels: labels.clone(),
            annotations,
            starts_at: now,
            ends_at: 0,
            updated_at: now,
            timeout: false,
            generator_url: String::new(),
        };
        let fingerprint = Fingerprint::of(&labels);
        let told = setup.config.receiver(receiver)?.integrations.iter().map(|integration| {
            let group = GroupId { route: "test".into(), labels: labels.clone() };
            let kind = integration.kind();
            let line = LineId { group, receiver: receiver.into(), kind: kind.into(), index: integration.index as u32 };
            let send = Send {
                line,
                seq: 0,
                attempt: 1,
                idempotency_key: format!("test-{:016x}", RealEntropy.next_u64()),
                group_key: "test".to_owned(),
                route_labels: Default::default(),
                reason: Reason::First,
                decided_at: now,
                before: Default::default(),
                alerts: vec![SentAlert { alert: alert.clone(), fingerprint, resolved: false, change: Change::New }],
                thread: Default::default(),
                timeout_ms: 10_000,
            };
            (format!("{kind}[{}]", integration.index), self.couriers.tell_now(&send))
        });
        Some(told.collect())
    }

    /// The message an integration would be told, as text: what is sent first, and where to without secrets.
    pub fn render(&self, send: &Send) -> Result<String, String> {
        let setup = self.setup();
        let integration = setup.integration(&send.line).ok_or("the integration was removed")?;
        let read = |name: &str| setup.secret_file(name);
        let delivery = notify::build(&integration.settings, send, &setup.templates, self.clock.wall_ms(), &read)?;
        Ok(delivery.preview())
    }
}
