//! Group robots and push services beyond Alertmanager's own list.
#![expect(missing_docs, reason = "the fields are settings under their own names")]

use crate::config::http::HttpConfig;
use crate::config::scalar::{Secret, SecretUrl, Url};
use crate::config::settings::{Check, at_most_one, require, settings};

settings! {
    /// One of `feishu_configs`: a custom robot of Feishu or Lark.
    Feishu {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        webhook_url: Option<SecretUrl>,
        webhook_url_file: String,
        secret: Secret,
        secret_file: String,
        title: String = r#"{{ template "feishu.default.title" . }}"#,
        text: String = r#"{{ template "feishu.default.text" . }}"#,
    }
}

settings! {
    /// One of `dingtalk_configs`: a custom robot of DingTalk.
    Dingtalk {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        webhook_url: Option<SecretUrl>,
        webhook_url_file: String,
        secret: Secret,
        secret_file: String,
        message_type: String = "actionCard",
        title: String = r#"{{ template "dingtalk.default.title" . }}"#,
        text: String = r#"{{ template "dingtalk.default.text" . }}"#,
        at_mobiles: Vec<String>,
        at_user_ids: Vec<String>,
        at_all: bool,
    }
}

settings! {
    /// One of `wecom_configs`: a group robot of WeCom.
    Wecom {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        webhook_url: Option<SecretUrl>,
        webhook_url_file: String,
        message_type: String = "markdown",
        title: String = r#"{{ template "wecom.default.title" . }}"#,
        text: String = r#"{{ template "wecom.default.text" . }}"#,
    }
}

settings! {
    /// One of `ntfy_configs`.
    Ntfy {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        url: Option<Url> = Url::parse("https://ntfy.sh/").ok(),
        topic: String,
        token: Secret,
        token_file: String,
        title: String = r#"{{ template "ntfy.default.title" . }}"#,
        message: String = r#"{{ template "ntfy.default.message" . }}"#,
        priority: String = r#"{{ if eq .Status "firing" }}4{{ else }}3{{ end }}"#,
        tags: String = r#"{{ if eq .Status "firing" }}rotating_light{{ else }}white_check_mark{{ end }}"#,
        click: String = r#"{{ template "__alertmanagerURL" . }}"#,
        markdown: bool,
    }
}

fn one_webhook(kind: &str, url: &Option<SecretUrl>, file: &str) -> Result<(), String> {
    let missing = format!("missing webhook_url or webhook_url_file on {kind}_config");
    require(url.is_some() || !file.is_empty(), &missing)?;
    at_most_one("webhook_url & webhook_url_file", &[url.is_some(), !file.is_empty()])
}

impl Check for Feishu {
    fn check(&mut self) -> Result<(), String> {
        at_most_one("secret & secret_file", &[!self.secret.is_empty(), !self.secret_file.is_empty()])?;
        one_webhook("feishu", &self.webhook_url, &self.webhook_url_file)
    }
}

impl Check for Dingtalk {
    fn check(&mut self) -> Result<(), String> {
        at_most_one("secret & secret_file", &[!self.secret.is_empty(), !self.secret_file.is_empty()])?;
        let known = matches!(self.message_type.as_str(), "actionCard" | "markdown");
        require(known, "unknown message_type on dingtalk_config, must be actionCard or markdown")?;
        let mentions = self.at_all || !self.at_mobiles.is_empty() || !self.at_user_ids.is_empty();
        require(
            !mentions || self.message_type == "markdown",
            "at_mobiles, at_user_ids and at_all on dingtalk_config need message_type: markdown; a card mentions nobody",
        )?;
        one_webhook("dingtalk", &self.webhook_url, &self.webhook_url_file)
    }
}

impl Check for Wecom {
    fn check(&mut self) -> Result<(), String> {
        let known = matches!(self.message_type.as_str(), "markdown" | "template_card");
        require(known, "unknown message_type on wecom_config, must be markdown or template_card")?;
        one_webhook("wecom", &self.webhook_url, &self.webhook_url_file)
    }
}

impl Check for Ntfy {
    fn check(&mut self) -> Result<(), String> {
        require(!self.topic.is_empty(), "missing topic on ntfy_config")?;
        require(self.url.is_some(), "missing url on ntfy_config")?;
        at_most_one("token & token_file", &[!self.token.is_empty(), !self.token_file.is_empty()])
    }
}
