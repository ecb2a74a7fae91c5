//! Chat services.
#![expect(missing_docs, reason = "the fields are Alertmanager's settings under their own names")]

use crate::config::http::HttpConfig;
use crate::config::scalar::{GoSpan, Secret, SecretUrl, Url};
use crate::config::settings::{Check, at_most_one, require, settings};

settings! {
    /// One of `slack_configs`.
    Slack {
        send_resolved: bool,
        http_config: Option<HttpConfig>,
        api_url: Option<SecretUrl>,
        api_url_file: String,
        app_token: Secret,
        app_token_file: String,
        app_url: Option<Url>,
        channel: String,
        username: String = r#"{{ template "slack.default.username" . }}"#,
        color: String = r#"{{ template "slack.default.color" . }}"#,
        title: String = r#"{{ template "slack.default.title" . }}"#,
        title_link: String = r#"{{ template "slack.default.titlelink" . }}"#,
        pretext: String = r#"{{ template "slack.default.pretext" . }}"#,
        text: String = r#"{{ template "slack.default.text" . }}"#,
        message_text: String,
        fields: Vec<Field>,
        short_fields: bool,
        footer: String = r#"{{ template "slack.default.footer" . }}"#,
        fallback: String = r#"{{ template "slack.default.fallback" . }}"#,
        callback_id: String = r#"{{ template "slack.default.callbackid" . }}"#,
        icon_emoji: String = r#"{{ template "slack.default.iconemoji" . }}"#,
        icon_url: String = r#"{{ template "slack.default.iconurl" . }}"#,
        image_url: String,
        thumb_url: String,
        link_names: bool,
        mrkdwn_in: Vec<String>,
        actions: Vec<SlackAction>,
        update_message: bool,
        timeout: GoSpan,
    }
}

settings! {
    /// A title and a value of an attachment.
    Field {
        title: String,
        value: String,
        short: Option<bool>,
    }
}

settings! {
    /// A button of a Slack attachment.
    SlackAction {
        #[serde(rename = "type")]
        kind: String,
        text: String,
        url: String,
        style: String,
        name: String,
        value: String,
        confirm: Option<SlackConfirmation>,
    }
}

settings! {
    /// The question behind a button.
    SlackConfirmation {
        text: String,
        title: String,
        ok_text: String,
        dismiss_text: String,
    }
}

settings! {
    /// One of `mattermost_configs`.
    Mattermost {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        webhook_url: Option<SecretUrl>,
        webhook_url_file: String,
        channel: String,
        username: String = r#"{{ template "mattermost.default.username" . }}"#,
        text: String = r#"{{ template "mattermost.default.text" . }}"#,
        fallback: String = r#"{{ template "mattermost.default.fallback" . }}"#,
        color: String = r#"{{ template "mattermost.default.color" . }}"#,
        pretext: String,
        author_name: String,
        author_link: String,
        author_icon: String,
        title: String = r#"{{ template "mattermost.default.title" . }}"#,
        title_link: String = r#"{{ template "mattermost.default.titlelink" . }}"#,
        fields: Vec<Field>,
        thumb_url: String,
        footer: String,
        footer_icon: String,
        image_url: String,
        icon_url: String,
        icon_emoji: String,
        attachments: Vec<MattermostAttachment>,
        #[serde(rename = "type")]
        kind: String,
        props: Option<MattermostProps>,
        priority: Option<MattermostPriority>,
    }
}

settings! {
    /// An attachment of a Mattermost message.
    MattermostAttachment {
        fallback: String,
        color: String,
        pretext: String,
        text: String,
        author_name: String,
        author_link: String,
        author_icon: String,
        title: String,
        title_link: String,
        fields: Vec<Field>,
        thumb_url: String,
        footer: String,
        footer_icon: String,
        image_url: String,
    }
}

settings! {
    /// What stands beside a Mattermost message.
    MattermostProps { card: String }
}

settings! {
    /// How loudly Mattermost shows a message.
    MattermostPriority {
        priority: String,
        requested_ack: bool,
        persistent_notifications: bool,
    }
}

settings! {
    /// One of `rocketchat_configs`.
    Rocketchat {
        send_resolved: bool,
        http_config: Option<HttpConfig>,
        api_url: Option<Url>,
        token_id: Option<Secret>,
        token_id_file: String,
        token: Option<Secret>,
        token_file: String,
        channel: String,
        color: String = r#"{{ if eq .Status "firing" }}red{{ else }}green{{ end }}"#,
        title: String = r#"{{ template "rocketchat.default.title" . }}"#,
        title_link: String = r#"{{ template "rocketchat.default.titlelink" . }}"#,
        text: String = r#"{{ template "rocketchat.default.text" . }}"#,
        fields: Vec<Field>,
        short_fields: bool,
        emoji: String = r#"{{ template "rocketchat.default.emoji" . }}"#,
        icon_url: String = r#"{{ template "rocketchat.default.iconurl" . }}"#,
        image_url: String,
        thumb_url: String,
        link_names: bool,
        actions: Vec<RocketchatAction>,
    }
}

settings! {
    /// A button of a Rocket.Chat attachment.
    RocketchatAction {
        #[serde(rename = "type")]
        kind: String,
        text: String,
        url: String,
        #[serde(rename = "imageurl", alias = "image_url")]
        image_url: String,
        #[serde(rename = "iswebview", alias = "is_webview")]
        is_webview: bool,
        #[serde(rename = "webviewheightratio", alias = "webview_height_ratio")]
        webview_height_ratio: String,
        msg: String,
        #[serde(rename = "msginchatwindow", alias = "msg_in_chat_window")]
        msg_in_chat_window: bool,
        #[serde(rename = "msgprocessingtype", alias = "msg_processing_type")]
        msg_processing_type: String,
    }
}

settings! {
    /// One of `discord_configs`.
    Discord {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        webhook_url: Option<SecretUrl>,
        webhook_url_file: String,
        content: String,
        title: String = r#"{{ template "discord.default.title" . }}"#,
        message: String = r#"{{ template "discord.default.message" . }}"#,
        username: String,
        avatar_url: String,
    }
}

settings! {
    /// One of `msteams_configs`.
    Msteams {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        webhook_url: Option<SecretUrl>,
        webhook_url_file: String,
        title: String = r#"{{ template "msteams.default.title" . }}"#,
        summary: String = r#"{{ template "msteams.default.summary" . }}"#,
        text: String = r#"{{ template "msteams.default.text" . }}"#,
    }
}

settings! {
    /// One of `msteamsv2_configs`.
    Msteamsv2 {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        webhook_url: Option<SecretUrl>,
        webhook_url_file: String,
        title: String = r#"{{ template "msteamsv2.default.title" . }}"#,
        text: String = r#"{{ template "msteamsv2.default.text" . }}"#,
    }
}

settings! {
    /// One of `telegram_configs`.
    Telegram {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        api_url: Option<Url>,
        bot_token: Secret,
        bot_token_file: String,
        chat_id: i64,
        chat_id_file: String,
        message_thread_id: i64,
        message: String = r#"{{ template "telegram.default.message" . }}"#,
        disable_notifications: bool,
        parse_mode: String = "HTML",
    }
}

settings! {
    /// One of `wechat_configs`.
    Wechat {
        send_resolved: bool,
        http_config: Option<HttpConfig>,
        api_secret: Secret,
        api_secret_file: String,
        corp_id: String,
        message: String = r#"{{ template "wechat.default.message" . }}"#,
        api_url: Option<Url>,
        to_user: String = r#"{{ template "wechat.default.to_user" . }}"#,
        to_party: String = r#"{{ template "wechat.default.to_party" . }}"#,
        to_tag: String = r#"{{ template "wechat.default.to_tag" . }}"#,
        agent_id: String = r#"{{ template "wechat.default.agent_id" . }}"#,
        message_type: String,
    }
}

settings! {
    /// One of `webex_configs`.
    Webex {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        api_url: Option<Url>,
        message: String = r#"{{ template "webex.default.message" . }}"#,
        room_id: String,
    }
}

impl Check for Slack {
    fn check(&mut self) -> Result<(), String> {
        let (url, url_file) = (self.api_url.is_some(), !self.api_url_file.is_empty());
        let (token, token_file) = (!self.app_token.is_empty(), !self.app_token_file.is_empty());
        at_most_one("api_url & api_url_file", &[url, url_file])?;
        at_most_one("app_token & app_token_file", &[token, token_file])?;
        at_most_one("api_url/api_url_file & app_token/app_token_file", &[url || url_file, token || token_file])?;
        let api = "https://slack.com/api/chat.postMessage";
        require(
            !self.update_message || self.api_url.as_ref().is_some_and(|url| url.expose() == api),
            &format!("update_message can only be used with bot tokens. api_url must be set to {api}"),
        )?;
        self.fields.iter().try_for_each(|field| field.check("Slack"))?;
        self.actions.iter_mut().try_for_each(SlackAction::check)
    }
}

impl Field {
    fn check(&self, service: &str) -> Result<(), String> {
        require(!self.title.is_empty(), &format!("missing title in {service} field configuration"))?;
        require(!self.value.is_empty(), &format!("missing value in {service} field configuration"))
    }
}

impl Check for SlackAction {
    fn check(&mut self) -> Result<(), String> {
        require(!self.kind.is_empty(), "missing type in Slack action configuration")?;
        require(!self.text.is_empty(), "missing text in Slack action configuration")?;
        if !self.url.is_empty() {
            (self.name, self.value, self.confirm) = Default::default();
        }
        require(!self.url.is_empty() || !self.name.is_empty(), "missing name or url in Slack action configuration")?;
        let confirm = self.confirm.as_ref().is_none_or(|confirm| !confirm.text.is_empty());
        require(confirm, "missing text in Slack confirmation configuration")
    }
}

impl Check for Mattermost {
    fn check(&mut self) -> Result<(), String> {
        at_most_one(
            "webhook_url & webhook_url_file",
            &[self.webhook_url.is_some(), !self.webhook_url_file.is_empty()],
        )?;
        let attached = self.attachments.iter().flat_map(|attachment| &attachment.fields);
        self.fields.iter().chain(attached).try_for_each(|field| field.check("Mattermost"))
    }
}

impl Check for Rocketchat {
    fn check(&mut self) -> Result<(), String> {
        at_most_one("token & token_file", &[self.token.is_some(), !self.token_file.is_empty()])?;
        at_most_one("token_id & token_id_file", &[self.token_id.is_some(), !self.token_id_file.is_empty()])
    }
}

/// Exactly one of `webhook_url` and `webhook_url_file`.
fn one_webhook(url: &Option<SecretUrl>, file: &str) -> Result<(), String> {
    require(url.is_some() || !file.is_empty(), "one of webhook_url or webhook_url_file must be configured")?;
    at_most_one("webhook_url & webhook_url_file", &[url.is_some(), !file.is_empty()])
}

impl Check for Discord {
    fn check(&mut self) -> Result<(), String> {
        one_webhook(&self.webhook_url, &self.webhook_url_file)
    }
}

impl Check for Msteams {
    fn check(&mut self) -> Result<(), String> {
        one_webhook(&self.webhook_url, &self.webhook_url_file)
    }
}

impl Check for Msteamsv2 {
    fn check(&mut self) -> Result<(), String> {
        one_webhook(&self.webhook_url, &self.webhook_url_file)
    }
}

impl Check for Telegram {
    fn check(&mut self) -> Result<(), String> {
        at_most_one("bot_token & bot_token_file", &[!self.bot_token.is_empty(), !self.bot_token_file.is_empty()])?;
        let (id, file) = (self.chat_id != 0, !self.chat_id_file.is_empty());
        require(id || file, "missing chat_id or chat_id_file on telegram_config")?;
        at_most_one("chat_id & chat_id_file", &[id, file])?;
        require(
            matches!(self.parse_mode.as_str(), "" | "Markdown" | "MarkdownV2" | "HTML"),
            "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string",
        )
    }
}

impl Check for Wechat {
    fn check(&mut self) -> Result<(), String> {
        if self.message_type.is_empty() {
            self.message_type = "text".to_owned();
        }
        let complaint =
            format!("weChat message type {:?} does not match valid options ^(text|markdown)$", self.message_type);
        require(matches!(self.message_type.as_str(), "text" | "markdown"), &complaint)?;
        at_most_one("api_secret & api_secret_file", &[!self.api_secret.is_empty(), !self.api_secret_file.is_empty()])
    }
}

impl Check for Webex {
    fn check(&mut self) -> Result<(), String> {
        require(!self.room_id.is_empty(), "missing room_id on webex_config")?;
        let authorized = self.http_config.as_ref().is_some_and(|http| http.authorization.is_some());
        require(authorized, "missing webex_configs.http_config.authorization")
    }
}
