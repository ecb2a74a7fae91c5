//! What an integration takes from the global section, and what is missing then.

use crate::config::global::Global;
use crate::config::http::{Authorization, HttpConfig};
use crate::config::scalar::{SecretUrl, Url};
use crate::config::settings::{inherit, require};

use super::chat::{Discord, Mattermost, Msteams, Msteamsv2, Rocketchat, Slack, Telegram, Webex, Wechat};
use super::incident::{Incidentio, Jira, Opsgenie, Pagerduty, Victorops};
use super::robot::{Dingtalk, Feishu, Ntfy, Wecom};
use super::telephone::Sms;
use super::webhook::{Email, Pushover, Sns, Webhook};

/// Settings that can be completed.
pub(crate) trait Inherit {
    /// The HTTP settings, if the service is reached through HTTP.
    fn http(&self) -> Option<&HttpConfig>;

    /// The same, to be changed.
    fn http_mut(&mut self) -> Option<&mut HttpConfig>;

    /// Takes what is not set from the global section; a complaint when something is missing still.
    fn inherit(&mut self, global: &Global) -> Result<(), String>;
}

macro_rules! inherit_http {
    ($($type:ident |$own:ident, $global:ident| $body:block)*) => {$(
        impl Inherit for $type {
            fn http(&self) -> Option<&HttpConfig> {
                self.http_config.as_ref()
            }

            fn http_mut(&mut self) -> Option<&mut HttpConfig> {
                self.http_config.as_mut()
            }

            fn inherit(&mut self, $global: &Global) -> Result<(), String> {
                let $own = self;
                // A receiver's own HTTP settings replace the global ones as a whole.
                $own.http_config.get_or_insert_with(|| $global.http_config.clone());
                $body
            }
        }
    )*};
}

inherit_http! {
    Webhook |_own, global| { Ok(()) }
    Pushover |_own, global| { Ok(()) }
    Sns |_own, global| { Ok(()) }
    Discord |_own, global| { Ok(()) }
    Msteams |_own, global| { Ok(()) }
    Incidentio |_own, global| { Ok(()) }
    Feishu |_own, global| { Ok(()) }
    Dingtalk |_own, global| { Ok(()) }
    Wecom |_own, global| { Ok(()) }
    Ntfy |_own, global| { Ok(()) }
    Sms |_own, global| { Ok(()) }
    Msteamsv2 |own, global| {
        if let Some(http) = &mut own.http_config {
            inherit(&mut http.proxy_url, &global.http_config.proxy_url);
        }
        Ok(())
    }
    Pagerduty |own, global| {
        inherit(&mut own.url, &global.pagerduty_url);
        require(own.url.is_some(), "no global PagerDuty URL set")
    }
    Opsgenie |own, global| {
        inherit(&mut own.api_url, &global.opsgenie_api_url);
        own.api_url = slash(&own.api_url, "no global OpsGenie URL set")?;
        inherit(&mut own.api_key, &global.opsgenie_api_key);
        inherit(&mut own.api_key_file, &global.opsgenie_api_key_file);
        let key = !own.api_key.is_empty() || !own.api_key_file.is_empty();
        require(key, "no global OpsGenie API Key set either inline or in a file")
    }
    Wechat |own, global| {
        inherit(&mut own.api_url, &global.wechat_api_url);
        own.api_url = slash(&own.api_url, "no global Wechat URL set")?;
        if own.api_secret.is_empty() && own.api_secret_file.is_empty() {
            own.api_secret.clone_from(&global.wechat_api_secret);
            own.api_secret_file.clone_from(&global.wechat_api_secret_file);
        }
        let secret = !own.api_secret.is_empty() || !own.api_secret_file.is_empty();
        require(secret, "no global Wechat Api Secret set either inline or in a file")?;
        inherit(&mut own.corp_id, &global.wechat_api_corp_id);
        require(!own.corp_id.is_empty(), "no global Wechat CorpID set")
    }
    Slack |own, global| {
        inherit(&mut own.app_url, &global.slack_app_url);
        let app = own.app_url.clone().ok_or("no global Slack App URL set")?;
        let no_token = own.app_token.is_empty() && own.app_token_file.is_empty();
        // The HTTP settings are the receiver's own exactly when they differ from the global ones.
        let authorized = own.http_config.as_ref().is_some_and(|http| http.authorization.is_some());
        let global_authorized = global.http_config.authorization.is_some();
        if no_token && (!authorized || global_authorized) && own.api_url.is_none() {
            own.app_token.clone_from(&global.slack_app_token);
            own.app_token_file.clone_from(&global.slack_app_token_file);
        }
        if own.api_url.is_none() && own.api_url_file.is_empty() {
            own.api_url.clone_from(&global.slack_api_url);
            own.api_url_file.clone_from(&global.slack_api_url_file);
        }
        let token = !own.app_token.is_empty() || !own.app_token_file.is_empty();
        let url = own.api_url.is_some() || !own.api_url_file.is_empty();
        require(url || token, "no Slack API URL nor App token set either inline or in a file")?;
        if token {
            require(!authorized, "http authorization can't be set when using Slack App tokens")?;
            let authorization = Authorization {
                credentials: own.app_token.clone(),
                credentials_file: own.app_token_file.clone(),
                ..Authorization::default()
            };
            if let Some(http) = &mut own.http_config {
                http.authorization = Some(authorization);
            }
            own.api_url = Some(SecretUrl::from(app));
        }
        Ok(())
    }
    Victorops |own, global| {
        inherit(&mut own.api_url, &global.victorops_api_url);
        own.api_url = slash(&own.api_url, "no global VictorOps URL set")?;
        inherit(&mut own.api_key, &global.victorops_api_key);
        inherit(&mut own.api_key_file, &global.victorops_api_key_file);
        require(!own.api_key.is_empty() || !own.api_key_file.is_empty(), "no global VictorOps API Key set")
    }
    Telegram |own, global| {
        inherit(&mut own.api_url, &global.telegram_api_url);
        if own.bot_token.is_empty() && own.bot_token_file.is_empty() {
            own.bot_token.clone_from(&global.telegram_bot_token);
            own.bot_token_file.clone_from(&global.telegram_bot_token_file);
        }
        let token = !own.bot_token.is_empty() || !own.bot_token_file.is_empty();
        require(token, "missing bot_token or bot_token_file on telegram_config")
    }
    Webex |own, global| {
        inherit(&mut own.api_url, &global.webex_api_url);
        require(own.api_url.is_some(), "no global Webex URL set")
    }
    Jira |own, global| {
        inherit(&mut own.api_url, &global.jira_api_url);
        require(own.api_url.is_some(), "no global Jira Cloud URL set")
    }
    Rocketchat |own, global| {
        inherit(&mut own.api_url, &global.rocketchat_api_url);
        inherit(&mut own.token_id, &global.rocketchat_token_id);
        inherit(&mut own.token_id_file, &global.rocketchat_token_id_file);
        let id = own.token_id.is_some() || !own.token_id_file.is_empty();
        require(id, "no global Rocketchat TokenID set either inline or in a file")?;
        inherit(&mut own.token, &global.rocketchat_token);
        inherit(&mut own.token_file, &global.rocketchat_token_file);
        let token = own.token.is_some() || !own.token_file.is_empty();
        require(token, "no global Rocketchat Token set either inline or in a file")
    }
    Mattermost |own, global| {
        if own.webhook_url.is_none() && own.webhook_url_file.is_empty() {
            own.webhook_url.clone_from(&global.mattermost_webhook_url);
            own.webhook_url_file.clone_from(&global.mattermost_webhook_url_file);
        }
        let url = own.webhook_url.is_some() || !own.webhook_url_file.is_empty();
        require(url, "missing webhook_url or webhook_url_file on mattermost_config")
    }
}

/// The address with a slash at its end.
fn slash(url: &Option<Url>, missing: &str) -> Result<Option<Url>, String> {
    let url = url.as_ref().ok_or(missing)?;
    Url::parse(&url.with_slash()).map(Some)
}

impl Inherit for Email {
    fn http(&self) -> Option<&HttpConfig> {
        None
    }

    fn http_mut(&mut self) -> Option<&mut HttpConfig> {
        None
    }

    fn inherit(&mut self, global: &Global) -> Result<(), String> {
        self.tls_config.get_or_insert_with(|| global.smtp_tls_config.clone());
        inherit(&mut self.smarthost, &global.smtp_smarthost);
        require(!self.smarthost.is_empty(), "no global SMTP smarthost set")?;
        inherit(&mut self.from, &global.smtp_from);
        require(!self.from.is_empty(), "no global SMTP from set")?;
        inherit(&mut self.hello, &global.smtp_hello);
        inherit(&mut self.auth_username, &global.smtp_auth_username);
        if self.auth_password.is_empty() && self.auth_password_file.is_empty() {
            self.auth_password.clone_from(&global.smtp_auth_password);
            self.auth_password_file.clone_from(&global.smtp_auth_password_file);
        }
        if self.auth_secret.is_empty() && self.auth_secret_file.is_empty() {
            self.auth_secret.clone_from(&global.smtp_auth_secret);
            self.auth_secret_file.clone_from(&global.smtp_auth_secret_file);
        }
        inherit(&mut self.auth_identity, &global.smtp_auth_identity);
        self.require_tls.get_or_insert(global.smtp_require_tls);
        self.force_implicit_tls = self.force_implicit_tls.or(global.smtp_force_implicit_tls);
        Ok(())
    }
}
