//! Tencent Cloud: short messages and calls, signed with TC3-HMAC-SHA256.

use serde_json::{Value as Json, json};

use super::Order;
use crate::notify::Request;
use crate::notify::digest::{hex, hmac_sha256, sha256_hex};

/// What a kind of message is called.
struct Service {
    name: &'static str,
    host: &'static str,
    action: &'static str,
    version: &'static str,
}

const SMS: Service = Service { name: "sms", host: "sms.tencentcloudapi.com", action: "SendSms", version: "2021-01-11" };
const VOICE: Service =
    Service { name: "vms", host: "vms.tencentcloudapi.com", action: "SendTtsVoice", version: "2020-09-02" };

/// One request for all short messages, one for each call.
pub(super) fn requests(order: &Order<'_>) -> Result<Vec<Request>, String> {
    let settings = order.settings;
    let params: Vec<&str> = order.params.iter().map(|(_, value)| value.as_str()).collect();
    match order.voice {
        false => {
            let body = json!({
                "PhoneNumberSet": order.to,
                "SmsSdkAppId": settings.app_id,
                "SignName": settings.sign_name,
                "TemplateId": settings.template_id,
                "TemplateParamSet": params,
            });
            Ok(vec![signed(order, &SMS, &body)?])
        }
        true => {
            let call = |to: &String| {
                let body = json!({
                    "CalledNumber": to,
                    "VoiceSdkAppid": settings.app_id,
                    "TemplateId": settings.template_id,
                    "TemplateParamSet": params,
                });
                signed(order, &VOICE, &body)
            };
            order.to.iter().map(call).collect()
        }
    }
}

fn signed(order: &Order<'_>, service: &Service, body: &Json) -> Result<Request, String> {
    let url = order.url(&format!("https://{}", service.host));
    let host = nightjar_platform::net::url::Url::parse(&url)?.origin().authority();
    let at = jiff::Timestamp::from_second(order.now_s).map_err(|error| error.to_string())?;
    let day = at.strftime("%Y-%m-%d").to_string();
    let (kind, body) = ("application/json; charset=utf-8", body.to_string());
    let listed = "content-type;host";
    let request = format!("POST\n/\n\ncontent-type:{kind}\nhost:{host}\n\n{listed}\n{}", sha256_hex(&body));
    let scope = format!("{day}/{}/tc3_request", service.name);
    let text = format!("TC3-HMAC-SHA256\n{}\n{scope}\n{}", order.now_s, sha256_hex(&request));
    let seed = format!("TC3{}", order.secret.expose()).into_bytes();
    let key =
        [day.as_str(), service.name, "tc3_request"].iter().fold(seed, |key, part| hmac_sha256(&key, part.as_bytes()));
    let signature = hex(&hmac_sha256(&key, text.as_bytes()));
    let line =
        format!("TC3-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={listed}, Signature={signature}", order.account);
    let region = if order.settings.region.is_empty() { "ap-guangzhou" } else { &order.settings.region };
    let out = Request { method: "POST", body: body.into_bytes(), ..Request::get(&url) };
    Ok(out
        .with("Content-Type", kind)
        .with("X-TC-Action", service.action)
        .with("X-TC-Version", service.version)
        .with("X-TC-Timestamp", &order.now_s.to_string())
        .with("X-TC-Region", region)
        .with("Authorization", &line))
}
