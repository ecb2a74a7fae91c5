//! With which keys a request is signed: those of the settings, of the environment, of a profile, or of a role.

use std::fmt;

use crate::config::Secret;
use crate::config::receiver::webhook::Sigv4;
use crate::notify::ReadFile;

/// Keys of an account.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: Secret,
    /// Belongs to keys that end; empty otherwise.
    pub(super) session: Secret,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

pub(super) fn region(signing: &Sigv4) -> Result<String, String> {
    let own = Some(signing.region.clone()).filter(|region| !region.is_empty());
    let region = own.or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
    let region = region.ok_or("region not configured in sns.sigv4.region or in AWS_REGION")?;
    match region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        true => Ok(region),
        false => Err(format!("{region:?} is no region")),
    }
}

pub(super) fn keys(signing: &Sigv4, read: ReadFile<'_>) -> Result<Keys, String> {
    if !signing.access_key.is_empty() {
        let (id, secret) = (signing.access_key.clone(), signing.secret_key.clone());
        return Ok(Keys { id, secret, session: Secret::default() });
    }
    if signing.profile.is_empty()
        && let (Some(id), Some(secret)) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"))
    {
        let session = Secret::new(variable("AWS_SESSION_TOKEN").unwrap_or_default());
        return Ok(Keys { id, secret: Secret::new(secret), session });
    }
    let home = || variable("HOME").map(|home| format!("{home}/.aws/credentials"));
    let file = variable("AWS_SHARED_CREDENTIALS_FILE").or_else(home);
    let file =
        file.ok_or("no keys: set sns.sigv4.access_key and secret_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")?;
    let own = Some(signing.profile.clone()).filter(|profile| !profile.is_empty());
    let profile = own.or_else(|| variable("AWS_PROFILE")).unwrap_or_else(|| "default".to_owned());
    let found = profile_keys(&read(&file)?, &profile);
    found.ok_or_else(|| format!("no keys of profile {profile:?} in {file}"))
}

/// The keys below `[profile]`.
fn profile_keys(text: &str, profile: &str) -> Option<Keys> {
    let mut inside = false;
    let mut keys = Keys { id: String::new(), secret: Secret::default(), session: Secret::default() };
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = name.trim() == profile;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| inside) else { continue };
        match name.trim() {
            "aws_access_key_id" => keys.id = value.trim().to_owned(),
            "aws_secret_access_key" => keys.secret = Secret::new(value.trim()),
            "aws_session_token" => keys.session = Secret::new(value.trim()),
            _ => {}
        }
    }
    (!keys.id.is_empty() && !keys.secret.is_empty()).then_some(keys)
}

/// The keys in the answer to `AssumeRole`.
pub(super) fn assumed(xml: &str) -> Option<Keys> {
    let element = |name: &str| {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let begin = xml.find(&open)? + open.len();
        Some(xml[begin..].split_once(&close)?.0.trim().to_owned())
    };
    let (secret, session) = (Secret::new(element("SecretAccessKey")?), Secret::new(element("SessionToken")?));
    Some(Keys { id: element("AccessKeyId")?, secret, session })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_profile_and_of_a_role() {
        let file = "[default]\naws_access_key_id=A\naws_secret_access_key = B\n[other]\naws_access_key_id = C\n\
                    aws_secret_access_key=D\naws_session_token = E\n[broken]\naws_access_key_id=F\n";
        let shown = |keys: Option<Keys>| keys.map(|k| format!("{} {} {}", k.id, k.secret.expose(), k.session.expose()));
        assert_eq!(shown(profile_keys(file, "default")).as_deref(), Some("A B "));
        assert_eq!(shown(profile_keys(file, "other")).as_deref(), Some("C D E"));
        assert_eq!(shown(profile_keys(file, "broken")), None);
        let xml = "<R><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>B</SecretAccessKey>\
                   <SessionToken>C</SessionToken></Credentials></R>";
        assert_eq!(shown(assumed(xml)).as_deref(), Some("A B C"));
        assert_eq!(shown(assumed("<AccessKeyId>A")), None);
    }
}
