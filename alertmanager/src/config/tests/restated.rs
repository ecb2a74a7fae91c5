//! What Alertmanager's own tests of its receivers say, as a table: settings, and what is wrong with them.

use super::*;

/// Kind, settings, and the complaint; empty for none.
const TABLE: &[(&str, &str, &str)] = &[
    ("email", "{to: ''}", "missing to address in email config"),
    ("email", "{to: a@x, headers: {Subject: a, sUbject: b}}", "duplicate header \"Subject\" in email config"),
    ("email", "{to: 'a@x, ,b@x,c@x'}", ""),
    ("email", "{to: a@x, threading: {enabled: true, thread_by_date: daily}}", ""),
    (
        "email",
        "{to: a@x, threading: {enabled: true, thread_by_date: weekly}}",
        "threading.thread_by_date must be either 'none' or 'daily'",
    ),
    (
        "email",
        "{to: a@x, threading: {enabled: true, thread_by_date: none}, headers: {references: x}}",
        "conflicting configuration: threading.enabled",
    ),
    ("victorops", "{routing_key: test, api_key_file: /f}", ""),
    ("victorops", "{routing_key: ''}", "missing Routing key in VictorOps config"),
    (
        "victorops",
        "{routing_key: test, api_key: x, api_key_file: /f}",
        "at most one of api_key & api_key_file must be configured",
    ),
    (
        "victorops",
        "{routing_key: test, custom_fields: {entity_state: x}}",
        "victorOps config contains custom field entity_state",
    ),
    ("slack", "{api_url: 'https://h', api_url_file: /f}", "at most one of api_url & api_url_file must be configured"),
    ("slack", "{app_token: t, app_token_file: /f}", "at most one of app_token & app_token_file must be configured"),
    ("slack", "{app_token: t, api_url: 'https://h'}", "at most one of"),
    (
        "slack",
        "{fields: [{title: first, value: hello}, {title: second}]}",
        "missing value in Slack field configuration",
    ),
    ("slack", "{fields: [{value: world, short: true}]}", "missing title in Slack field configuration"),
    (
        "slack",
        "{actions: [{type: button, text: hello, url: 'https://localhost'}, {type: button, text: hello, name: n, confirm: {text: sure?}}]}",
        "",
    ),
    ("slack", "{actions: [{type: button, url: 'https://localhost'}]}", "missing text in Slack action configuration"),
    (
        "slack",
        "{actions: [{type: button, text: a, name: n, confirm: {title: t}}]}",
        "missing text in Slack confirmation configuration",
    ),
    ("webex", "{message: xyz}", "missing room_id on webex_config"),
    ("webex", "{room_id: 2}", "missing webex_configs.http_config.authorization"),
    ("webex", "{room_id: 2, http_config: {authorization: {credentials: x}}}", ""),
    ("pagerduty", "{routing_key: ''}", "missing service or routing key in PagerDuty config"),
    (
        "pagerduty",
        "{routing_key: x, routing_key_file: y}",
        "at most one of routing_key & routing_key_file must be configured",
    ),
    (
        "pagerduty",
        "{service_key: x, service_key_file: y}",
        "at most one of service_key & service_key_file must be configured",
    ),
    (
        "opsgenie",
        "{api_key: k, responders: [{id: foo, type: scheDule}, {name: bar, type: teams}, {username: fred, type: USER}]}",
        "",
    ),
    ("opsgenie", "{api_key: k, api_key_file: f}", "at most one of api_key & api_key_file must be configured"),
    (
        "opsgenie",
        "{api_key: k, responders: [{id: foo, type: wrong}]}",
        "opsGenieConfig responder {foo   wrong} type does not match valid options",
    ),
    (
        "opsgenie",
        "{api_key: k, responders: [{type: schedule}]}",
        "opsGenieConfig responder {   schedule} has to have at least one of id, username or name",
    ),
    ("opsgenie", "{api_key: k, responders: [{id: foo, type: '{{/* comment */}}team'}]}", ""),
    ("pushover", "{token: t}", "one of user_key or user_key_file must be configured"),
    (
        "pushover",
        "{token: t, user_key: a, user_key_file: /f}",
        "at most one of user_key & user_key_file must be configured",
    ),
    ("pushover", "{user_key: a}", "one of token or token_file must be configured"),
    ("pushover", "{user_key: a, token: t, token_file: /f}", "at most one of token & token_file must be configured"),
    (
        "pushover",
        "{user_key: a, token: t, html: true, monospace: true}",
        "at most one of monospace & html must be configured",
    ),
    ("sns", "{phone_number: p, sigv4: {access_key: a, secret_key: b}}", ""),
    (
        "sns",
        "{topic_arn: t, target_arn: u}",
        "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config",
    ),
    ("sns", "{topic_arn: t, phone_number: p}", "must provide either"),
    ("sns", "{}", "must provide either"),
    ("sns", "{topic_arn: t, sigv4: {access_key: a}}", "must provide a AWS SigV4 Access key and Secret Key"),
    ("sns", "{topic_arn: t, sigv4: {secret_key: b}}", "must provide a AWS SigV4 Access key and Secret Key"),
    (
        "telegram",
        "{bot_token: x, bot_token_file: /f, chat_id: 1}",
        "at most one of bot_token & bot_token_file must be configured",
    ),
    ("telegram", "{bot_token: x, chat_id: 123, message_thread_id: 456}", ""),
    ("telegram", "{bot_token_file: /f, chat_id_file: /g}", ""),
    ("telegram", "{bot_token: x}", "missing chat_id or chat_id_file on telegram_config"),
    (
        "telegram",
        "{bot_token: x, chat_id: 1, chat_id_file: /f}",
        "at most one of chat_id & chat_id_file must be configured",
    ),
    (
        "telegram",
        "{bot_token: x, chat_id: 1, parse_mode: invalid}",
        "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string",
    ),
    ("webhook", "{}", "one of url or url_file must be configured"),
    ("webhook", "{url: 'http://h', url_file: 'http://h'}", "at most one of url & url_file must be configured"),
    (
        "webhook",
        "{url: 'http://h', http_config: {bearer_token: foo, bearer_token_file: /f}}",
        "at most one of bearer_token & bearer_token_file must be configured",
    ),
    (
        "mattermost",
        "{webhook_url: 'http://h', webhook_url_file: /f}",
        "at most one of webhook_url & webhook_url_file must be configured",
    ),
    (
        "mattermost",
        "{webhook_url: 'http://h', fields: [{title: t}]}",
        "missing value in Mattermost field configuration",
    ),
    (
        "mattermost",
        "{webhook_url: 'http://h', attachments: [{fields: [{value: v}]}]}",
        "missing title in Mattermost field configuration",
    ),
    ("mattermost", "{webhook_url_file: /f, attachments: [{text: t}], props: {card: c}}", ""),
    ("jira", "{api_url: 'http://h', issue_type: Bug}", "missing project in jira_config"),
    ("jira", "{api_url: 'http://h', project: P}", "missing issue_type in jira_config"),
    (
        "jira",
        "{api_url: 'http://h', project: P, issue_type: Bug, api_type: x}",
        "unknown api_type on jira_config, must be auto, cloud or datacenter",
    ),
    ("jira", "{project: P, issue_type: Bug}", "no global Jira Cloud URL set"),
    ("discord", "{}", "one of webhook_url or webhook_url_file must be configured"),
    (
        "msteams",
        "{webhook_url: 'http://h', webhook_url_file: /f}",
        "at most one of webhook_url & webhook_url_file must be configured",
    ),
    ("msteamsv2", "{}", "one of webhook_url or webhook_url_file must be configured"),
    (
        "incidentio",
        "{url: 'http://h', url_file: /f, alert_source_token: t}",
        "at most one of url & url_file must be configured",
    ),
    (
        "incidentio",
        "{url: 'http://h', alert_source_token: t, alert_source_token_file: /f}",
        "at most one of alert_source_token & alert_source_token_file must be configured",
    ),
    (
        "incidentio",
        "{url: 'http://h', http_config: {}}",
        "at least one of alert_source_token, alert_source_token_file or http_config.authorization must be configured",
    ),
    (
        "wechat",
        "{api_secret: s, corp_id: c, message_type: md}",
        "weChat message type \"md\" does not match valid options ^(text|markdown)$",
    ),
    ("feishu", "{}", "missing webhook_url or webhook_url_file on feishu_config"),
    (
        "dingtalk",
        "{webhook_url: 'http://h', at_all: true}",
        "at_mobiles, at_user_ids and at_all on dingtalk_config need message_type: markdown",
    ),
    ("wecom", "{webhook_url: 'http://h', message_type: x}", "unknown message_type on wecom_config"),
    ("ntfy", "{}", "missing topic on ntfy_config"),
    // HTTP settings.
    (
        "webhook",
        "{url: 'http://h', http_config: {basic_auth: {username: a}, bearer_token: b}}",
        "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
    ),
    (
        "webhook",
        "{url: 'http://h', http_config: {authorization: {type: Basic}}}",
        "authorization type cannot be set to \"basic\"",
    ),
    (
        "webhook",
        "{url: 'http://h', http_config: {basic_auth: {password: a, password_file: b}}}",
        "at most one of basic_auth password & password_file must be configured",
    ),
    ("webhook", "{url: 'http://h', http_config: {oauth2: {client_id: a}}}", "oauth2 token_url must be configured"),
    (
        "webhook",
        "{url: 'http://h', http_config: {no_proxy: a}}",
        "if no_proxy is configured, proxy_url must also be configured",
    ),
    (
        "webhook",
        "{url: 'http://h', http_config: {proxy_from_environment: true, proxy_url: 'http://p'}}",
        "if proxy_from_environment is configured, proxy_url must not be configured",
    ),
    (
        "webhook",
        "{url: 'http://h', http_config: {proxy_connect_header: {A: [b]}}}",
        "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
    ),
    ("webhook", "{url: 'http://h', http_config: {proxy_url: 'gopher://p'}}", "invalid proxy URL: unsupported scheme"),
    (
        "webhook",
        "{url: 'http://h', http_config: {http_headers: {authorization: {values: [a]}}}}",
        "setting header \"authorization\" is not allowed",
    ),
    (
        "webhook",
        "{url: 'http://h', http_config: {tls_config: {cert_file: a}}}",
        "exactly one of key or key_file must be configured",
    ),
    (
        "webhook",
        "{url: 'http://h', http_config: {tls_config: {min_version: TLS13, max_version: TLS12}}}",
        "tls_config.max_version must be greater than",
    ),
    (
        "webhook",
        "{url: 'http://h', http_config: {tls_config: {max_version: TLS11}}}",
        "tls_config.max_version: TLS 1.0 and 1.1 are broken",
    ),
    ("webhook", "{url: 'http://h', http_config: {tls_config: {min_version: SSL3}}}", "unknown TLS version: SSL3"),
    (
        "webhook",
        "{url: 'http://h', http_config: {basic_auth: {password_ref: x}}}",
        "password_ref needs a secret manager",
    ),
];

/// A receiver with one integration, and what the global section must say for it to be complete.
fn document(kind: &str, settings: &str) -> String {
    let global = "global: {smtp_smarthost: 'h:25', smtp_from: a@x, slack_api_url: 'https://h', victorops_api_key: k}";
    // A token of one's own and a global address would be a contradiction of another kind.
    let global = if settings.contains("app_token") { "" } else { global };
    format!("{global}\nroute: {{receiver: r}}\nreceivers:\n- name: r\n  {kind}_configs:\n  - {settings}\n")
}

#[test]
fn receivers_are_taken_or_refused_as_upstream_has_it() {
    for (kind, settings, complaint) in TABLE {
        match (parse(&document(kind, settings)), complaint.is_empty()) {
            (Ok(_), true) => {}
            (Ok(_), false) => panic!("{kind} {settings} was taken: {complaint}"),
            (Err(error), true) => panic!("{kind} {settings} was refused: {error}"),
            (Err(error), false) => {
                assert!(error.message.starts_with(complaint), "{kind} {settings}\n{error}\n{complaint}");
                assert!(error.at.is_some_and(|at| at.line >= 5), "{kind} {settings}: {error}");
            }
        }
    }
}

#[test]
fn pagerduty_has_defaults_that_depend_on_each_other() {
    let settings =
        |text: &str| match &parse(&document("pagerduty", text)).unwrap().receivers[0].integrations[0].settings {
            Settings::Pagerduty(settings) => (settings.source.clone(), settings.details.len()),
            other => panic!("{other:?}"),
        };
    assert_eq!(settings("{routing_key: x}").1, 4);
    assert_eq!(settings("{routing_key: x, details: {key1: a, key2: b, firing: c}}").1, 6);
    assert_eq!(settings("{routing_key: x, client: c}").0, "c");
    assert_eq!(settings("{routing_key: x, client: c, source: s}").0, "s");
}
