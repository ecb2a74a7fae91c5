//! Requests of providers against their published examples, and what their answers mean.

use super::*;
use crate::config::Config;
use crate::matcher::MatcherMode;

fn settings(text: &str) -> Sms {
    let text = format!("route: {{receiver: r}}\nreceivers:\n- name: r\n  sms_configs: [{text}]\n");
    let config = Config::parse(&text, MatcherMode::Fallback).unwrap();
    match &config.receivers[0].integrations[0].settings {
        crate::config::Settings::Sms(sms) => (**sms).clone(),
        other => panic!("{other:?}"),
    }
}

fn order<'a>(settings: &'a Sms, now_s: i64) -> Order<'a> {
    Order {
        settings,
        to: settings.to.clone(),
        text: "disk <full> & hot".to_owned(),
        params: vec![("code".to_owned(), "7".to_owned())],
        account: settings.account.clone(),
        secret: settings.secret.clone(),
        from: settings.from.clone(),
        voice: settings.channel == "voice",
        now_s,
        nonce: "n1".to_owned(),
    }
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.expose())
}

#[test]
fn tencent_signs_what_it_sends() {
    let sms = settings(
        "{provider: tencent, to: ['+8613711112222'], account: ID, secret: KEY, template_id: '449739', app_id: '1400006666', sign_name: S}",
    );
    let request = tencent::requests(&order(&sms, 1_551_113_065)).unwrap().remove(0);
    let body = String::from_utf8(request.body.clone()).unwrap();
    assert_eq!(
        body,
        r#"{"PhoneNumberSet":["+8613711112222"],"SignName":"S","SmsSdkAppId":"1400006666","TemplateId":"449739","TemplateParamSet":["7"]}"#
    );
    let begin = "TC3-HMAC-SHA256 Credential=ID/2019-02-25/sms/tc3_request, SignedHeaders=content-type;host, Signature=";
    assert!(header(&request, "Authorization").starts_with(begin), "{}", header(&request, "Authorization"));
    assert_eq!((header(&request, "X-TC-Action"), header(&request, "X-TC-Timestamp")), ("SendSms", "1551113065"));
    assert_eq!(request.url.expose(), "https://sms.tencentcloudapi.com");
}

#[test]
fn aliyun_signs_what_it_sends() {
    let sms =
        settings("{provider: aliyun, to: ['1', '2'], account: ID, secret: KEY, template_id: T_1, sign_name: 'a b'}");
    let requests = aliyun::requests(&order(&sms, 1_551_113_065)).unwrap();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        requests[0].url.expose(),
        "https://dysmsapi.aliyuncs.com/?PhoneNumbers=1%2C2&SignName=a%20b&TemplateCode=T_1&TemplateParam=%7B%22code%22%3A%227%22%7D"
    );
    let line = header(&requests[0], "Authorization");
    let begin = "ACS3-HMAC-SHA256 Credential=ID,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,Signature=";
    assert!(line.starts_with(begin), "{line}");
    let voice = Sms { channel: "voice".to_owned(), ..sms };
    let requests = aliyun::requests(&order(&voice, 0)).unwrap();
    assert_eq!(requests.iter().map(|r| header(r, "x-acs-signature-nonce")).collect::<Vec<_>>(), ["n1-0", "n1-1"]);
}

#[test]
fn twilio_takes_forms() {
    let sms = settings("{provider: twilio, to: ['+1', '+2'], from: '+3', account: AC, secret: KEY}");
    let requests = twilio(&order(&sms, 0));
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].url.expose(), "https://api.twilio.com/2010-04-01/Accounts/AC/Messages.json");
    assert_eq!(requests[1].body, b"To=%2B2&From=%2B3&Body=disk+%3Cfull%3E+%26+hot");
    assert_eq!(header(&requests[0], "Authorization"), "Basic QUM6S0VZ");
    let voice = Sms { channel: "voice".to_owned(), api_url: Secret::new("http://h/"), ..sms };
    let call = twilio(&order(&voice, 0)).remove(0);
    assert_eq!(call.url.expose(), "http://h/2010-04-01/Accounts/AC/Calls.json");
    assert!(String::from_utf8(call.body).unwrap().contains("disk+%26lt%3Bfull%26gt%3B+%26amp%3B+hot"));
}

#[test]
fn what_is_missing_is_told() {
    let table = [
        ("{provider: x, to: [a]}", "provider on sms_config must be"),
        ("{provider: twilio, to: [a]}", "missing account on sms_config of provider twilio"),
        ("{provider: twilio, to: [a], account: b, secret: c}", "missing from on sms_config"),
        ("{provider: aliyun, to: [a], account: b, secret: c, template_id: d}", "missing sign_name on sms_config"),
        ("{provider: http, api_url: 'http://h'}", "missing to on sms_config"),
        ("{provider: http, to: [a], api_url: 'ftp://h'}", "api_url on sms_config: unsupported scheme"),
        (
            "{provider: http, to: [a], api_url: 'http://h', payload: {a: b}, form: {a: b}}",
            "at most one of payload & form",
        ),
        ("{provider: http, to: [a], api_url: 'http://h', channel: smoke}", "unknown channel"),
    ];
    for (text, why) in table {
        let text = format!("route: {{receiver: r}}\nreceivers:\n- name: r\n  sms_configs: [{text}]\n");
        let error = Config::parse(&text, MatcherMode::Fallback).unwrap_err();
        assert!(error.message.starts_with(why) && error.at.is_some(), "{text}{error}");
    }
}

#[test]
fn answers_of_providers() {
    let aliyun = settings("{provider: aliyun, to: [a], account: b, secret: c, template_id: d, sign_name: e}");
    let tencent = Sms { provider: "tencent".to_owned(), ..aliyun.clone() };
    let twilio = Sms { provider: "twilio".to_owned(), ..aliyun.clone() };
    let table = [
        (&aliyun, r#"{"Code":"OK","Message":"OK"}"#, "told"),
        (&aliyun, r#"{"Code":"isv.BUSINESS_LIMIT_CONTROL"}"#, "later"),
        (&aliyun, r#"{"Code":"isv.AMOUNT_NOT_ENOUGH"}"#, "refused"),
        (&aliyun, "<html>", "refused"),
        (&tencent, r#"{"Response":{"SendStatusSet":[{"Code":"Ok"}]}}"#, "told"),
        (&tencent, r#"{"Response":{"SendStatus":{"CallId":"x"}}}"#, "told"),
        (
            &tencent,
            r#"{"Response":{"SendStatusSet":[{"Code":"Ok"},{"Code":"LimitExceeded.PhoneNumberDailyLimit"}]}}"#,
            "later",
        ),
        (&tencent, r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureFailure"}}}"#, "refused"),
        (&tencent, "null", "refused"),
        (&twilio, r#"{"status":"queued"}"#, "told"),
    ];
    for (settings, body, expected) in table {
        let json: Json = serde_json::from_str(body).unwrap_or_default();
        let word = match heard(settings, &json) {
            Outcome::Delivered(_) => "told",
            Outcome::Retry { .. } => "later",
            Outcome::Refused { .. } => "refused",
        };
        assert_eq!(word, expected, "{} {body}", settings.provider);
    }
}
