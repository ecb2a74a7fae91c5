//! Alibaba Cloud: short messages and calls, signed with ACS3-HMAC-SHA256.

use nightjar_platform::net::percent::percent_encode;
use serde_json::{Map, Value as Json};

use super::Order;
use crate::config::Secret;
use crate::notify::Request;
use crate::notify::digest::{hex, hmac_sha256, sha256_hex};

const VERSION: &str = "2017-05-25";

/// One request for all short messages, one for each call.
pub(super) fn requests(order: &Order<'_>) -> Result<Vec<Request>, String> {
    let params: Map<String, Json> =
        order.params.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let params = Json::from(params).to_string();
    let settings = order.settings;
    match order.voice {
        false => {
            let query = [
                ("PhoneNumbers", order.to.join(",")),
                ("SignName", settings.sign_name.clone()),
                ("TemplateCode", settings.template_id.clone()),
                ("TemplateParam", params),
            ];
            Ok(vec![signed(order, "https://dysmsapi.aliyuncs.com/", "SendSms", &query, &order.nonce)?])
        }
        true => {
            let call = |(i, to): (usize, &String)| {
                let query = [
                    ("CalledNumber", to.clone()),
                    ("CalledShowNumber", order.from.clone()),
                    ("TtsCode", settings.template_id.clone()),
                    ("TtsParam", params.clone()),
                ];
                signed(
                    order,
                    "https://dyvmsapi.aliyuncs.com/",
                    "SingleCallByTts",
                    &query,
                    &format!("{}-{i}", order.nonce),
                )
            };
            order.to.iter().enumerate().map(call).collect()
        }
    }
}

fn signed(
    order: &Order<'_>,
    usual: &str,
    action: &str,
    query: &[(&str, String)],
    nonce: &str,
) -> Result<Request, String> {
    let url = order.url(usual);
    let host = nightjar_platform::net::url::Url::parse(&url)?.origin().authority();
    let at = jiff::Timestamp::from_second(order.now_s).map_err(|error| error.to_string())?;
    let (date, content) = (at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), sha256_hex(""));
    let mut pairs: Vec<String> = query
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
        .collect();
    pairs.sort();
    let query = pairs.join("&");
    let headers = [
        ("x-acs-action", action.to_owned()),
        ("x-acs-content-sha256", content.clone()),
        ("x-acs-date", date),
        ("x-acs-signature-nonce", nonce.to_owned()),
        ("x-acs-version", VERSION.to_owned()),
    ];
    let listed: Vec<&str> = std::iter::once("host").chain(headers.iter().map(|(name, _)| *name)).collect();
    let listed = listed.join(";");
    let shown: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let request = format!("POST\n/\n{query}\nhost:{host}\n{shown}\n{listed}\n{content}");
    let text = format!("ACS3-HMAC-SHA256\n{}", sha256_hex(&request));
    let signature = hex(&hmac_sha256(order.secret.expose().as_bytes(), text.as_bytes()));
    let line = format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={listed},Signature={signature}", order.account);
    let mut out = Request { method: "POST", ..Request::get(&format!("{}/?{query}", url.trim_end_matches('/'))) };
    out.headers = headers.into_iter().map(|(name, value)| (name.into(), Secret::new(value))).collect();
    Ok(out.with("Authorization", &line))
}
