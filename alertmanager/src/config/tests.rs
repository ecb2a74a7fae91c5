//! Which configurations are taken, which refused, and what is shown of them.

mod restated;

use super::*;

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/alertmanager/");

/// Files that are refused, and why.
const REFUSED: [(&str, &str); 26] = [
    (
        "conf.mattermost-both-webhook-url-and-file.yml",
        "at most one of mattermost_webhook_url & mattermost_webhook_url_file must be configured",
    ),
    ("conf.mattermost-no-webhook-url.yml", "missing webhook_url or webhook_url_file on mattermost_config"),
    ("conf.nil-match_re-route.yml", "invalid regexp value for \"invalid_label\""),
    ("conf.nil-source_match_re-inhibition.yml", "invalid regexp value for \"invalid_source_label\""),
    ("conf.nil-target_match_re-inhibition.yml", "invalid regexp value for \"invalid_target_label\""),
    (
        "conf.opsgenie-both-file-and-apikey.yml",
        "at most one of opsgenie_api_key & opsgenie_api_key_file must be configured",
    ),
    ("conf.opsgenie-default-apikey-old-team.yml", "field teams not found"),
    ("conf.opsgenie-no-apikey.yml", "no global OpsGenie API Key set either inline or in a file"),
    (
        "conf.rocketchat-both-token-and-tokenfile.yml",
        "at most one of rocketchat_token & rocketchat_token_file must be configured",
    ),
    (
        "conf.rocketchat-both-tokenid-and-tokenidfile.yml",
        "at most one of rocketchat_token_id & rocketchat_token_id_file must be configured",
    ),
    ("conf.rocketchat-no-token.yml", "no global Rocketchat Token set either inline or in a file"),
    ("conf.slack-both-file-and-token.yml", "at most one of slack_app_token & slack_app_token_file must be configured"),
    ("conf.slack-both-file-and-url.yml", "at most one of slack_api_url & slack_api_url_file must be configured"),
    (
        "conf.slack-both-url-and-token.yml",
        "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file must be configured",
    ),
    ("conf.slack-no-api-url-or-token.yml", "no Slack API URL nor App token set either inline or in a file"),
    (
        "conf.slack-update-message-and-webhook.yml",
        "update_message can only be used with bot tokens. api_url must be set to https://slack.com/api/chat.postMessage",
    ),
    (
        "conf.smtp-both-password-and-file.yml",
        "at most one of smtp_auth_password & smtp_auth_password_file must be configured",
    ),
    ("conf.sns-invalid.yml", "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config"),
    (
        "conf.telegram-both-bot-token-and-file.yml",
        "at most one of telegram_bot_token & telegram_bot_token_file must be configured",
    ),
    ("conf.telegram-no-bot-token.yml", "missing bot_token or bot_token_file on telegram_config"),
    (
        "conf.victorops-both-file-and-apikey.yml",
        "at most one of victorops_api_key & victorops_api_key_file must be configured",
    ),
    ("conf.victorops-no-apikey.yml", "no global VictorOps API Key set"),
    (
        "conf.wechat-both-file-and-secret.yml",
        "at most one of wechat_api_secret & wechat_api_secret_file must be configured",
    ),
    ("conf.wechat-no-api-secret.yml", "no global Wechat Api Secret set either inline or in a file"),
    (
        "conf.mattermost-valid-receiver-both-webhook-url-and-file.yml",
        "at most one of mattermost_webhook_url & mattermost_webhook_url_file must be configured",
    ),
    (
        "conf.telegram-valid-receiver-both-bot-token-and-file.yml",
        "at most one of telegram_bot_token & telegram_bot_token_file must be configured",
    ),
];

#[test]
#[expect(clippy::disallowed_methods, reason = "fixtures lie beside the repository")]
fn every_fixture_is_taken_or_refused_as_its_name_says() {
    let Ok(files) = std::fs::read_dir(format!("{SHARED}config")) else {
        eprintln!("SKIPPED: no {SHARED}config");
        return;
    };
    let mut seen = 0;
    for file in files {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let config = Config::parse(&std::fs::read_to_string(&path).unwrap(), MatcherMode::Fallback);
        match (REFUSED.iter().find(|(refused, _)| *refused == name), config) {
            (Some((_, why)), Err(error)) => {
                assert!(error.message.starts_with(why), "{name}: {error}");
                assert!(error.at.is_some(), "{name}: {error}");
            }
            (Some(_), Ok(_)) => panic!("{name} was taken"),
            (None, Err(error)) => panic!("{name} was refused: {error}"),
            (None, Ok(config)) => {
                let again = Config::parse(config.shown(), MatcherMode::Fallback);
                assert!(!config.shown().contains("mysecret"), "{name}: {}", config.shown());
                if let Err(error) = again {
                    assert!(error.message.contains("unsupported scheme"), "{name}: {error}\n{}", config.shown());
                }
            }
        }
        seen += 1;
    }
    assert!(seen >= 46, "{seen}");
}

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, MatcherMode::Fallback)
}

#[test]
fn complaints_have_a_place() {
    let table = [
        ("route:\n  receiver: a\n  foo: 1\nreceivers:\n- name: a\n", "line 3, column 3: field foo not found"),
        ("route:\n  reciever: a\n", "line 2, column 3: field reciever not found"),
        ("route:\n  group_wai: 1s\n", "line 2, column 3: field group_wai not found; did you mean group_wait?"),
        ("route:\n  receiver: a\n", "line 2, column 13: undefined receiver \"a\" used in route"),
        (
            "receivers:\n- name: a\n- name: a\nroute:\n  receiver: a\n",
            "line 3, column 3: notification config name \"a\" is not unique",
        ),
        ("receivers: []\n", "no route provided in config"),
        ("route: {receiver: a, routes: [{matchers: ['a=~(']}]}\nreceivers: [{name: a}]\n", "line 1, column 43: "),
        (
            "route: {receiver: a, group_interval: 0s}\nreceivers: [{name: a}]",
            "line 1, column 38: group_interval cannot be zero",
        ),
        (
            "route: {receiver: a, group_by: [a, '...']}\nreceivers: [{name: a}]",
            "line 1, column 33: cannot have wildcard",
        ),
        ("route: {receiver: a, group_by: [a, a]}\nreceivers: [{name: a}]", "line 1, column 36: duplicated label"),
        (
            "route: {receiver: a, continue: true}\nreceivers: [{name: a}]",
            "line 1, column 8: cannot have continue in root route",
        ),
        (
            "route: {receiver: a, routes: [{mute_time_intervals: [x]}]}\nreceivers: [{name: a}]",
            "line 1, column 54: undefined time interval \"x\"",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{}]}]",
            "line 2, column 41: one of url or url_file must be configured",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'ftp://x'}]}]",
            "line 2, column 41: invalid URL: unsupported scheme \"ftp\" for URL",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://x', timeout: 5}, null]}]",
            "line 2, column 72: missing webhook config",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules: [{source_matchers: [a=1], sources: [{matchers: [b=1]}]}]",
            "line 3, column 51: at most one of sources & source_matchers",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules: [{sources: [{matchers: [b=1]}, {equal: [x]}]}]",
            "line 3, column 47: a condition of sources must have matchers",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules: [{sources: []}]",
            "line 3, column 27: sources must have at least one condition",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules: [{sources: [{matcher: [b=1]}]}]",
            "line 3, column 29: field matcher not found; did you mean matchers?",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\nsilence_expiry_notice: {labels: {a: b}}",
            "line 3, column 24: silence_expiry_notice: before must say how long before its end, such as 1h",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\nsilence_expiry_notice: {before: 0s}",
            "line 3, column 33: silence_expiry_notice: before must say how long",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\nsilence_expiry_notice: {before: 1h, labels: {alertname: b}}",
            "line 3, column 57: silence_expiry_notice: every notice has its own label \"alertname\"",
        ),
        ("global: {resolve_timeout: 5x}\n", "line 1, column 27: unknown unit \"x\" in duration \"5x\""),
        ("global: [1]\n", "line 1, column 9: cannot take a list as a map"),
        ("route: {receiver: a\n", "line 1, column 8: yaml: "),
        ("a: &a [*a]\n", "line 1, column 8: yaml: "),
    ];
    for (text, complaint) in table {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.starts_with(complaint), "{text}\n{error}");
    }
}

const RICH: &str = r#"
global: {smtp_smarthost: 'mail:25', smtp_from: me@x, smtp_auth_password: CANARY, http_config: {basic_auth: {username: u, password: CANARY}}}
route: {receiver: a, group_by: [], routes: [{matchers: ['x=1', '{y!~"2"}'], match: {z: '3'}, continue: true}]}
inhibit_rules:
-
receivers:
- name: a
  labels: {team: db}
  webhook_configs: [{url: 'http://CANARY/{{ .GroupLabels.x }}', timeout: 500ms, payload: {a: [1, '{{ .Status }}']}}]
  pagerduty_configs: [{routing_key: CANARY}]
  slack_configs: [{api_url: 'https://hooks.slack.com/CANARY', channel: 007}]
  email_configs: [{to: you@x, headers: {subject: hi}}]
tracing: {endpoint: CANARY}
"#;

#[test]
fn secrets_show_neither_in_the_status_nor_in_debug_output() {
    let config = parse(RICH).unwrap();
    assert!(!config.shown().contains("CANARY"), "{}", config.shown());
    assert!(!format!("{config:?}").contains("CANARY"));
    assert_eq!(config.ignored, ["tracing"]);
    assert_eq!(config.shown().matches("<secret>").count(), 5);
}

#[test]
fn settings_are_completed() {
    let config = parse(RICH).unwrap();
    let receiver = config.receiver("a").unwrap();
    let kinds: Vec<_> = receiver.integrations.iter().map(Integration::kind).collect();
    assert_eq!(kinds, ["webhook", "email", "pagerduty", "slack"]);
    assert_eq!(
        receiver.integrations.iter().map(Integration::send_resolved).collect::<Vec<_>>(),
        [true, false, true, false]
    );
    let Settings::Email(email) = &receiver.integrations[1].settings else { panic!() };
    assert_eq!((email.from.as_str(), email.headers.keys().next().unwrap().as_str()), ("me@x", "Subject"));
    let Settings::Slack(slack) = &receiver.integrations[3].settings else { panic!() };
    assert_eq!(slack.channel, "007");
    let Settings::Webhook(webhook) = &receiver.integrations[0].settings else { panic!() };
    assert_eq!(webhook.timeout, GoSpan(500));
    assert_eq!(receiver.labels["name"], "a");
    assert_eq!(config.route.group_by, Some(GroupBy::Labels(Vec::new())));
    assert_eq!(config.route.routes[0].matchers.to_string(), r#"{x="1",y!~"2",z="3"}"#);
    assert_eq!(config.inhibit_rules, [InhibitRuleConfig::default()]);
}

#[test]
fn a_rule_may_have_several_conditions() {
    let text = "route: {receiver: a}\nreceivers: [{name: a}]\ninhibit_rules:\n\
        - {sources: [{matchers: [a=1], equal: [zone]}, {matchers: [b=1, c!=1]}], target_matchers: [t=1], equal: [dc]}\n";
    let rules = parse(text).unwrap().inhibit_rules;
    let sources: Vec<_> = rules[0].sources.iter().map(|s| (s.matchers.to_string(), s.equal.concat())).collect();
    let expected = [(r#"{a="1"}"#, "dczone"), (r#"{b="1",c!="1"}"#, "dc")];
    assert_eq!(sources, expected.map(|(matchers, equal)| (matchers.to_owned(), equal.to_owned())));
}

#[test]
fn shared_examples_are_taken() {
    for name in ["alertmanager.yml", "simple.yml", "route_labels.yml"] {
        #[expect(clippy::disallowed_methods, reason = "fixtures lie beside the repository")]
        let Ok(text) = std::fs::read_to_string(format!("{SHARED}{name}")) else {
            eprintln!("SKIPPED: no {SHARED}{name}");
            return;
        };
        parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_taken_or_refused(text in "(route|receivers|global|name|a|\\n|  |:|- |\\[|\\]|\\{|\\}|'|&a|\\*a|<<|,){0,40}") {
        let _ = parse(&text);
    }
}

#[test]
fn ends_of_silences_are_announced_if_somebody_says_so() {
    let text = "route: {receiver: a}\nreceivers: [{name: a}]\nsilence_expiry_notice:";
    let notice = |rest: &str| parse(&format!("{text}{rest}")).unwrap().silence_expiry_notice;
    assert_eq!(
        (notice(""), parse("route: {receiver: a}\nreceivers: [{name: a}]").unwrap().silence_expiry_notice),
        (None, None)
    );
    let labels = [("severity".to_owned(), "info".to_owned())].into();
    let expected = ExpiryNotice { before_ms: 3_600_000, labels };
    assert_eq!(notice(" {before: 1h, labels: {severity: info}}"), Some(expected));
}
