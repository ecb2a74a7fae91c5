//! `global`: what receivers inherit.
#![expect(missing_docs, reason = "the fields are Alertmanager's settings under their own names")]

use super::http::{HttpConfig, TlsConfig};
use super::scalar::{HostPort, Secret, SecretUrl, Span, Url};
use super::settings::{Check, at_most_one, settings};

settings! {
    /// The `global` section.
    Global {
        resolve_timeout: Span = Span(300_000),
        http_config: HttpConfig,
        jira_api_url: Option<Url>,
        smtp_from: String,
        smtp_hello: String = "localhost",
        smtp_smarthost: HostPort,
        smtp_auth_username: String,
        smtp_auth_password: Secret,
        smtp_auth_password_file: String,
        smtp_auth_secret: Secret,
        smtp_auth_secret_file: String,
        smtp_auth_identity: String,
        smtp_require_tls: bool = true,
        smtp_tls_config: TlsConfig,
        smtp_force_implicit_tls: Option<bool>,
        slack_api_url: Option<SecretUrl>,
        slack_api_url_file: String,
        slack_app_token: Secret,
        slack_app_token_file: String,
        slack_app_url: Option<Url> = known("https://slack.com/api/chat.postMessage"),
        pagerduty_url: Option<Url> = known("https://events.pagerduty.com/v2/enqueue"),
        opsgenie_api_url: Option<Url> = known("https://api.opsgenie.com/"),
        opsgenie_api_key: Secret,
        opsgenie_api_key_file: String,
        wechat_api_url: Option<Url> = known("https://qyapi.weixin.qq.com/cgi-bin/"),
        wechat_api_secret: Secret,
        wechat_api_secret_file: String,
        wechat_api_corp_id: String,
        victorops_api_url: Option<Url> = known("https://alert.victorops.com/integrations/generic/20131114/alert/"),
        victorops_api_key: Secret,
        victorops_api_key_file: String,
        telegram_api_url: Option<Url> = known("https://api.telegram.org"),
        telegram_bot_token: Secret,
        telegram_bot_token_file: String,
        webex_api_url: Option<Url> = known("https://webexapis.com/v1/messages"),
        rocketchat_api_url: Option<Url> = known("https://open.rocket.chat/"),
        rocketchat_token: Option<Secret>,
        rocketchat_token_file: String,
        rocketchat_token_id: Option<Secret>,
        rocketchat_token_id_file: String,
        mattermost_webhook_url: Option<SecretUrl>,
        mattermost_webhook_url_file: String,
    }
}

/// An address that is known to be one.
fn known(text: &str) -> Option<Url> {
    Url::parse(text).ok()
}

impl Check for Global {
    fn check(&mut self) -> Result<(), String> {
        let pairs: [(&str, bool, &str); 11] = [
            ("slack_app_token", !self.slack_app_token.is_empty(), &self.slack_app_token_file),
            ("slack_api_url", self.slack_api_url.is_some(), &self.slack_api_url_file),
            ("opsgenie_api_key", !self.opsgenie_api_key.is_empty(), &self.opsgenie_api_key_file),
            ("victorops_api_key", !self.victorops_api_key.is_empty(), &self.victorops_api_key_file),
            ("telegram_bot_token", !self.telegram_bot_token.is_empty(), &self.telegram_bot_token_file),
            ("smtp_auth_password", !self.smtp_auth_password.is_empty(), &self.smtp_auth_password_file),
            ("rocketchat_token", self.rocketchat_token.is_some(), &self.rocketchat_token_file),
            ("rocketchat_token_id", self.rocketchat_token_id.is_some(), &self.rocketchat_token_id_file),
            ("smtp_auth_secret", !self.smtp_auth_secret.is_empty(), &self.smtp_auth_secret_file),
            ("wechat_api_secret", !self.wechat_api_secret.is_empty(), &self.wechat_api_secret_file),
            ("mattermost_webhook_url", self.mattermost_webhook_url.is_some(), &self.mattermost_webhook_url_file),
        ];
        for (name, value, file) in pairs {
            at_most_one(&format!("{name} & {name}_file"), &[value, !file.is_empty()])?;
        }
        let token = !self.slack_app_token.is_empty() || !self.slack_app_token_file.is_empty();
        let url = self.slack_api_url.is_some() || !self.slack_api_url_file.is_empty();
        // The address of the app itself is no contradiction: it was the way to use tokens before they had a setting.
        let same = self.slack_api_url.as_ref().map(SecretUrl::expose) == self.slack_app_url.as_ref().map(Url::as_str);
        if !same {
            at_most_one("slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file", &[token, url])?;
        }
        self.http_config.check()?;
        self.smtp_tls_config.check()
    }
}
