//! Receivers: a name, labels, and the integrations behind it.

pub mod chat;
pub mod incident;
mod inherit;
pub mod robot;
pub mod telephone;
pub mod webhook;

use std::collections::BTreeMap;

use serde::Deserialize;

use chat::{Discord, Mattermost, Msteams, Msteamsv2, Rocketchat, Slack, Telegram, Webex, Wechat};
use incident::{Incidentio, Jira, Opsgenie, Pagerduty, Victorops};
use robot::{Dingtalk, Feishu, Ntfy, Wecom};
use telephone::Sms;
use webhook::{Email, Pushover, Sns, Webhook};

use super::decode::At;
use super::error::ConfigError;
use super::global::Global;
use super::http::HttpConfig;
use super::settings::Check;
use inherit::Inherit;

/// Who is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Receiver {
    /// Unique name.
    pub name: String,
    /// Labels for filters of the API; `name` is always among them.
    pub labels: BTreeMap<String, String>,
    /// The ways to tell, in the order Alertmanager numbers them.
    pub integrations: Vec<Integration>,
}

/// One way to tell a receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Integration {
    /// Position among those of its kind in the receiver, from 0: part of its identity.
    pub index: usize,
    /// What is set, inherited settings included.
    pub settings: Settings,
}

impl Integration {
    /// The kind, as in metrics and the notification log: `webhook`, `email`, ...
    pub fn kind(&self) -> &'static str {
        self.settings.kind()
    }

    /// Whether resolved alerts are told too.
    pub fn send_resolved(&self) -> bool {
        self.settings.send_resolved()
    }
}

macro_rules! kinds {
    ($($variant:ident $list:ident $kind:literal $null:ident),* $(,)?) => {
        /// The settings of an integration.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Settings {
            $(#[doc = concat!("`", stringify!($list), "`")] $variant(Box<$variant>)),*
        }

        impl Settings {
            /// The name of the kind.
            pub fn kind(&self) -> &'static str {
                match self { $(Settings::$variant(_) => $kind),* }
            }

            fn send_resolved(&self) -> bool {
                match self { $(Settings::$variant(settings) => settings.send_resolved),* }
            }

            /// How to talk to the service; `None` for mail, and where the service is reached otherwise.
            pub fn http_config(&self) -> Option<&HttpConfig> {
                match self { $(Settings::$variant(settings) => Inherit::http(&**settings)),* }
            }
        }

        impl Settings {
            /// How long one try may take, in milliseconds; 0 when nothing is configured.
            pub fn timeout_ms(&self) -> i64 {
                match self {
                    Settings::Webhook(settings) => settings.timeout.0,
                    Settings::Slack(settings) => settings.timeout.0,
                    Settings::Pagerduty(settings) => settings.timeout.0,
                    Settings::Incidentio(settings) => settings.timeout.0,
                    _ => 0,
                }
            }
        }

        #[derive(Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct Written {
            name: String,
            labels: BTreeMap<String, String>,
            $($list: Vec<At<Option<$variant>>>),*
        }

        impl Written {
            fn integrations(self, global: &Global) -> Result<Vec<Integration>, ConfigError> {
                let mut all = Vec::new();
                $(for (index, written) in self.$list.into_iter().enumerate() {
                    let at = written.position();
                    let settings = match (written.value, stringify!($null)) {
                        (Some(settings), _) => Ok(settings),
                        (None, "allowed") => Ok($variant::default()),
                        (None, _) => Err(format!(concat!("missing ", $kind, " config"))),
                    };
                    let settings = settings.and_then(|mut settings| {
                        settings.check()?;
                        if let Some(http) = settings.http_mut() {
                            http.check()?;
                        }
                        settings.inherit(global)?;
                        Ok(settings)
                    });
                    let settings = settings.map_err(|message| ConfigError::new(message).at(at))?;
                    all.push(Integration { index, settings: Settings::$variant(Box::new(settings)) });
                })*
                Ok(all)
            }
        }
    };
}

kinds! {
    Webhook webhook_configs "webhook" refused,
    Email email_configs "email" refused,
    Pagerduty pagerduty_configs "pagerduty" refused,
    Opsgenie opsgenie_configs "opsgenie" allowed,
    Wechat wechat_configs "wechat" allowed,
    Slack slack_configs "slack" allowed,
    Victorops victorops_configs "victorops" refused,
    Pushover pushover_configs "pushover" refused,
    Sns sns_configs "sns" refused,
    Telegram telegram_configs "telegram" refused,
    Discord discord_configs "discord" refused,
    Webex webex_configs "webex" refused,
    Msteams msteams_configs "msteams" refused,
    Msteamsv2 msteamsv2_configs "msteamsv2" refused,
    Jira jira_configs "jira" refused,
    Incidentio incidentio_configs "incidentio" refused,
    Rocketchat rocketchat_configs "rocketchat" allowed,
    Mattermost mattermost_configs "mattermost" refused,
    Feishu feishu_configs "feishu" refused,
    Dingtalk dingtalk_configs "dingtalk" refused,
    Wecom wecom_configs "wecom" refused,
    Ntfy ntfy_configs "ntfy" refused,
    Sms sms_configs "sms" refused,
}

/// Checks a receiver and completes it from the global section.
pub(super) fn complete(written: At<Written>, global: &Global) -> Result<Receiver, ConfigError> {
    let at = written.position();
    let mut written = written.value;
    let name = std::mem::take(&mut written.name);
    if name.is_empty() {
        return Err(ConfigError::new("missing name in receiver").at(at));
    }
    let mut labels = std::mem::take(&mut written.labels);
    if let Some(other) = labels.insert("name".to_owned(), name.clone())
        && other != name
    {
        let message = format!("receiver label \"name\" must match receiver name {name:?}, got {other:?}");
        return Err(ConfigError::new(message).at(at));
    }
    Ok(Receiver { name, labels, integrations: written.integrations(global)? })
}
