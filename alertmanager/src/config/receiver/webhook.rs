//! Webhooks, mail and mobile push.
#![expect(missing_docs, reason = "the fields are Alertmanager's settings under their own names")]

use std::collections::BTreeMap;

use crate::config::http::{HttpConfig, TlsConfig};
use crate::config::scalar::{GoSpan, HostPort, Secret, Url};
use crate::config::settings::{Check, at_most_one, require, settings};

settings! {
    /// One of `webhook_configs`.
    Webhook {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        url: Secret,
        url_file: String,
        max_alerts: u64,
        timeout: GoSpan,
        payload: Option<serde_json::Value>,
        changes: bool,
    }
}

settings! {
    /// One of `email_configs`.
    Email {
        send_resolved: bool,
        to: String,
        from: String,
        hello: String,
        smarthost: HostPort,
        auth_username: String,
        auth_password: Secret,
        auth_password_file: String,
        auth_secret: Secret,
        auth_secret_file: String,
        auth_identity: String,
        headers: BTreeMap<String, String>,
        html: String = r#"{{ template "email.default.html" . }}"#,
        text: String,
        require_tls: Option<bool>,
        tls_config: Option<TlsConfig>,
        force_implicit_tls: Option<bool>,
        threading: Threading,
    }
}

settings! {
    /// How mails of one group are tied together.
    Threading {
        enabled: bool,
        thread_by_date: String,
    }
}

settings! {
    /// One of `pushover_configs`.
    Pushover {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        user_key: Secret,
        user_key_file: String,
        token: Secret,
        token_file: String,
        title: String = r#"{{ template "pushover.default.title" . }}"#,
        message: String = r#"{{ template "pushover.default.message" . }}"#,
        url: String = r#"{{ template "pushover.default.url" . }}"#,
        url_title: String,
        device: String,
        sound: String,
        priority: String = r#"{{ if eq .Status "firing" }}2{{ else }}0{{ end }}"#,
        retry: GoSpan = GoSpan(60_000),
        expire: GoSpan = GoSpan(3_600_000),
        ttl: GoSpan,
        html: bool,
        monospace: bool,
    }
}

settings! {
    /// One of `sns_configs`.
    Sns {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        api_url: String,
        sigv4: Sigv4,
        topic_arn: String,
        phone_number: String,
        target_arn: String,
        subject: String = r#"{{ template "sns.default.subject" . }}"#,
        message: String = r#"{{ template "sns.default.message" . }}"#,
        attributes: BTreeMap<String, String>,
        use_aws_http_client: bool,
    }
}

settings! {
    /// How requests to Amazon are signed.
    Sigv4 {
        region: String,
        access_key: String,
        secret_key: Secret,
        profile: String,
        role_arn: String,
        external_id: String,
        use_fips_sts_endpoint: bool,
    }
}

impl Check for Webhook {
    fn check(&mut self) -> Result<(), String> {
        require(!self.url.is_empty() || !self.url_file.is_empty(), "one of url or url_file must be configured")?;
        at_most_one("url & url_file", &[!self.url.is_empty(), !self.url_file.is_empty()])?;
        if !self.url.is_empty() && !self.url.expose().contains("{{") && self.url.expose() != "<secret>" {
            Url::parse(self.url.expose()).map_err(|error| format!("invalid URL: {error}"))?;
        }
        Ok(())
    }
}

impl Check for Email {
    fn check(&mut self) -> Result<(), String> {
        require(!self.to.is_empty(), "missing to address in email config")?;
        let mut headers = BTreeMap::new();
        for (name, value) in std::mem::take(&mut self.headers) {
            let name = canonical_header(&name);
            if headers.insert(name.clone(), value).is_some() {
                return Err(format!("duplicate header {name:?} in email config"));
            }
        }
        self.headers = headers;
        if self.threading.enabled {
            for header in ["References", "In-Reply-To"] {
                let complaint =
                    format!("conflicting configuration: threading.enabled conflicts with custom {header} header");
                require(!self.headers.contains_key(header), &complaint)?;
            }
            require(
                matches!(self.threading.thread_by_date.as_str(), "none" | "daily"),
                "threading.thread_by_date must be either 'none' or 'daily'",
            )?;
        }
        Ok(())
    }
}

/// `x-my-header` as `X-My-Header`.
fn canonical_header(name: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

impl Check for Pushover {
    fn check(&mut self) -> Result<(), String> {
        let (user, user_file) = (!self.user_key.is_empty(), !self.user_key_file.is_empty());
        require(user || user_file, "one of user_key or user_key_file must be configured")?;
        at_most_one("user_key & user_key_file", &[user, user_file])?;
        let (token, token_file) = (!self.token.is_empty(), !self.token_file.is_empty());
        require(token || token_file, "one of token or token_file must be configured")?;
        at_most_one("token & token_file", &[token, token_file])?;
        at_most_one("monospace & html", &[self.monospace, self.html])
    }
}

impl Check for Sns {
    fn check(&mut self) -> Result<(), String> {
        let set = [&self.target_arn, &self.topic_arn, &self.phone_number].iter().filter(|arn| !arn.is_empty()).count();
        require(set % 2 == 1, "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config")?;
        let signing = &self.sigv4;
        require(
            signing.access_key.is_empty() == signing.secret_key.is_empty(),
            "must provide a AWS SigV4 Access key and Secret Key",
        )
    }
}
