//! Amazon SNS.

mod credentials;
mod sign;

use nightjar_platform::net::percent;

use super::talk::{Answer, Step, Talk};
use super::{Job, Request, templated_host};
use crate::config::Secret;
use crate::config::receiver::webhook::Sns;
use credentials::{Keys, assumed, keys, region};
use sign::{Call, signed};

/// The largest message, and the largest that goes to a telephone, in bytes.
const MESSAGE_BYTES: usize = 256 << 10;
const SMS_BYTES: usize = 1600;

/// A conversation that perhaps asks for the keys of a role first.
#[derive(Debug)]
pub(super) struct Publish {
    region: String,
    keys: Keys,
    /// The form that asks for a role's keys, if one is wanted.
    role: Option<String>,
    form: String,
    url: String,
    guarded: bool,
    now_s: i64,
    waits_for_role: bool,
}

pub(super) fn sns(settings: &Sns, job: &Job<'_>) -> Result<Publish, String> {
    let rendering = job.begin();
    let text = |template: &str| rendering.text(template);
    let signing = &settings.sigv4;
    let mut form = vec![("Action".to_owned(), "Publish".to_owned()), ("Version".to_owned(), "2010-03-31".to_owned())];
    let mut put = |name: &str, value: String| form.push((name.to_owned(), value));
    if !settings.topic_arn.is_empty() {
        let topic = text(&settings.topic_arn);
        if topic.ends_with(".fifo") {
            put("MessageDeduplicationId", job.hash());
            put("MessageGroupId", job.hash());
        }
        put("TopicArn", topic);
    }
    for (name, template) in
        [("PhoneNumber", &settings.phone_number), ("TargetArn", &settings.target_arn), ("Subject", &settings.subject)]
    {
        if !template.is_empty() {
            put(name, text(template));
        }
    }
    let (message, most) =
        (text(&settings.message), if settings.phone_number.is_empty() { MESSAGE_BYTES } else { SMS_BYTES });
    let end = (0..=most.min(message.len())).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
    put("Message", message[..end].to_owned());
    let attributes = settings.attributes.iter().map(|(name, value)| (text(name), text(value)));
    let cut = (end < message.len()).then(|| ("truncated".to_owned(), "true".to_owned()));
    for (i, (name, value)) in attributes.chain(cut).enumerate() {
        let entry = format!("MessageAttributes.entry.{}", i + 1);
        put(&format!("{entry}.Name"), name);
        put(&format!("{entry}.Value.DataType"), "String".to_owned());
        put(&format!("{entry}.Value.StringValue"), value);
    }
    let written = text(&settings.api_url);
    rendering.finish()?;
    let region = region(signing)?;
    let url =
        if written.is_empty() { format!("https://sns.{region}.{}/", domain(&region)) } else { with_slash(written) };
    let role = (!signing.role_arn.is_empty()).then(|| {
        let mut form = vec![
            ("Action".to_owned(), "AssumeRole".to_owned()),
            ("Version".to_owned(), "2011-06-15".to_owned()),
            ("RoleArn".to_owned(), signing.role_arn.clone()),
            ("RoleSessionName".to_owned(), format!("nightjar-{}", job.now / 1000)),
            ("DurationSeconds".to_owned(), "900".to_owned()),
        ];
        if !signing.external_id.is_empty() {
            form.push(("ExternalId".to_owned(), signing.external_id.clone()));
        }
        encoded(form)
    });
    Ok(Publish {
        keys: keys(signing, job.read)?,
        region,
        role,
        form: encoded(form),
        url,
        guarded: templated_host(&settings.api_url),
        now_s: job.now.div_euclid(1000),
        waits_for_role: false,
    })
}

/// The service's one resource stands below the address.
fn with_slash(url: String) -> String {
    if url.ends_with('/') { url } else { url + "/" }
}

fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// Sorted, as the service's own libraries send it.
fn encoded(mut form: Vec<(String, String)>) -> String {
    form.sort();
    percent::form(&form)
}

impl Publish {
    fn request(&self, service: &str, url: &str, form: &str, guarded: bool) -> Step {
        let call = Call { service, region: &self.region, url, body: form, now_s: self.now_s };
        match signed(&call, &self.keys) {
            Ok(headers) => {
                let (url, headers) = (Secret::new(url), headers.into_iter().map(|(n, v)| (n.into(), v)).collect());
                Step::ask(Request { method: "POST", url, headers, body: form.as_bytes().to_vec(), guarded })
            }
            Err(error) => Step::refused(error),
        }
    }

    fn publish(&self) -> Step {
        self.request("sns", &self.url, &self.form, self.guarded)
    }
}

impl Talk for Publish {
    fn next(&mut self, answer: Option<&Answer>) -> Step {
        match (answer, &self.role) {
            (None, Some(role)) => {
                self.waits_for_role = true;
                let url = format!("https://sts.{}.{}/", self.region, domain(&self.region));
                self.request("sts", &url, role, false)
            }
            (None, None) => self.publish(),
            (Some(answer), _) if !(200..300).contains(&answer.status) => Step::End(answer.trouble()),
            (Some(answer), _) if self.waits_for_role => {
                self.waits_for_role = false;
                match assumed(&answer.body) {
                    Some(keys) => {
                        self.keys = keys;
                        self.publish()
                    }
                    None => Step::refused("the answer of STS holds no keys"),
                }
            }
            (Some(_), _) => Step::told(),
        }
    }

    fn preview(&self) -> String {
        self.form.clone()
    }
}
