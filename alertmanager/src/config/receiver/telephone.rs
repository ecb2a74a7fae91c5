//! Short messages and calls through whoever has the lines.
#![expect(missing_docs, reason = "the fields are settings under their own names")]

use std::collections::BTreeMap;

use crate::config::http::HttpConfig;
use crate::config::scalar::{Secret, Url};
use crate::config::settings::{Check, at_most_one, require, settings};

settings! {
    /// One of `sms_configs`.
    Sms {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        provider: String,
        channel: String = "sms",
        to: Vec<String>,
        from: String,
        text: String = r#"{{ template "sms.default.text" . }}"#,
        account: String,
        secret: Secret,
        secret_file: String,
        region: String,
        sign_name: String,
        app_id: String,
        template_id: String,
        template_params: BTreeMap<String, String>,
        api_url: Secret,
        headers: BTreeMap<String, Secret>,
        payload: Option<serde_json::Value>,
        form: BTreeMap<String, String>,
    }
}

/// Provider, and what it cannot do without besides `to`.
const NEEDS: [(&str, &[&str]); 4] = [
    ("aliyun", &["account", "secret", "template_id"]),
    ("tencent", &["account", "secret", "template_id", "app_id"]),
    ("twilio", &["account", "secret", "from"]),
    ("http", &["api_url"]),
];

impl Check for Sms {
    fn check(&mut self) -> Result<(), String> {
        let Some((provider, needs)) = NEEDS.into_iter().find(|(name, _)| *name == self.provider) else {
            return Err("provider on sms_config must be aliyun, tencent, twilio or http".to_owned());
        };
        let channel = matches!(self.channel.as_str(), "sms" | "voice");
        require(channel, "unknown channel on sms_config, must be sms or voice")?;
        require(self.to.iter().any(|to| !to.is_empty()), "missing to on sms_config")?;
        at_most_one("secret & secret_file", &[!self.secret.is_empty(), !self.secret_file.is_empty()])?;
        let given = |name: &str| match name {
            "account" => !self.account.is_empty(),
            "secret" => !self.secret.is_empty() || !self.secret_file.is_empty(),
            "template_id" => !self.template_id.is_empty(),
            "app_id" => !self.app_id.is_empty(),
            "from" => !self.from.is_empty(),
            _ => !self.api_url.is_empty(),
        };
        if let Some(missing) = needs.iter().find(|name| !given(name)) {
            return Err(format!("missing {missing} on sms_config of provider {provider}"));
        }
        let sign = provider == "http" || provider == "twilio" || self.channel == "voice" || !self.sign_name.is_empty();
        require(sign, &format!("missing sign_name on sms_config of provider {provider}"))?;
        at_most_one("payload & form", &[self.payload.is_some(), !self.form.is_empty()])?;
        let own = self.payload.is_some() || !self.form.is_empty() || !self.headers.is_empty();
        require(!own || provider == "http", "headers, payload and form on sms_config need provider: http")?;
        let url = self.api_url.expose();
        if !url.is_empty() && !url.contains("{{") && url != nightjar_platform::secret::HIDDEN {
            Url::parse(url).map_err(|error| format!("api_url on sms_config: {error}"))?;
        }
        Ok(())
    }
}
