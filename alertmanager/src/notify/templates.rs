//! The templates every installation has, by the names Alertmanager gave them.

/// Names that other templates build upon.
const SHARED: &str = r##"
{{ define "__alertmanager" }}Alertmanager{{ end }}
{{ define "__alertmanagerURL" }}{{ .ExternalURL }}/#/alerts?receiver={{ .Receiver | urlquery }}{{ end }}
{{ define "__description" }}{{ end }}
{{ define "__subject" -}}
[{{ toUpper .Status }}{{ if eq .Status "firing" }}:{{ len .Alerts.Firing }}{{ end }}]
{{- " " }}{{ join " " .GroupLabels.SortedPairs.Values }}{{ " " }}
{{- $grouped := .GroupLabels.Names }}
{{- if lt (len .GroupLabels) (len .CommonLabels) }}(
{{- with .CommonLabels.Remove $grouped }}{{ join " " .Values }}{{ end }}){{ end }}
{{- end }}
{{ define "__text_alert_list" }}{{ range $alert := . }}{{ "Labels:\n" }}
{{- range $alert.Labels.SortedPairs }}{{ printf " - %s = %s\n" .Name .Value }}{{ end }}{{ "Annotations:\n" }}
{{- range $alert.Annotations.SortedPairs }}{{ printf " - %s = %s\n" .Name .Value }}{{ end }}
{{- printf "Source: %s\n" $alert.GeneratorURL }}{{ end }}{{ end }}
{{ define "__text_alert_list_markdown" }}{{ range $alert := . }}{{ "\nLabels:\n" }}
{{- range $alert.Labels.SortedPairs }}{{ printf "  - %s = %s\n" .Name .Value }}{{ end }}{{ "\nAnnotations:\n" }}
{{- range $alert.Annotations.SortedPairs }}{{ printf "  - %s = %s\n" .Name .Value }}{{ end }}
{{- printf "\nSource: %s\n" $alert.GeneratorURL }}{{ end }}{{ "\n" }}{{ end }}
{{ define "slack.default.fallback" }}{{ template "__subject" . }} | {{ template "__alertmanagerURL" . }}{{ end }}
{{ define "slack.default.color" }}{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}{{ end }}
{{ define "mattermost.default.fallback" }}{{ template "__subject" . }} | {{ template "__alertmanagerURL" . }}{{ end }}
{{ define "mattermost.default.color" }}{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}{{ end }}
{{ define "pagerduty.default.instances" }}{{ template "__text_alert_list" . }}{{ end }}
{{ define "jira.default.priority" }}{{ $found := "" }}{{ $alerts := .Alerts.Firing }}
{{- range $alerts }}{{ $found = printf "%s %s" $found .Labels.severity }}{{ end }}
{{- if not (match "critical|warning|info" $found) }}{{ range .Alerts.Resolved }}
{{- $found = printf "%s %s" $found .Labels.severity }}{{ end }}{{ end }}
{{- if match "(^| )critical( |$)" $found }}High
{{- else if match "(^| )warning( |$)" $found }}Medium
{{- else if match "(^| )info( |$)" $found }}Low{{ end }}{{ end }}
{{ define "__robot_alerts" }}{{ range . }}**{{ .Labels.alertname }}**{{ with .Annotations.summary }} {{ . }}{{ end }}
{{ if eq .Status "firing" }}{{ printf "since %s (%s)\n" (.StartsAt.Format "2006-01-02 15:04:05 MST") (humanizeDuration (since .StartsAt).Seconds) }}
{{- else }}{{ printf "lasted %s\n" (humanizeDuration (.EndsAt.Sub .StartsAt).Seconds) }}{{ end }}
{{- range (.Labels.Remove (stringSlice "alertname")).SortedPairs }}{{ printf "> %s: %s\n" .Name .Value }}{{ end }}
{{- with .Annotations.description }}{{ printf "%s\n" . }}{{ end }}{{ "\n" }}{{ end }}{{ end }}
{{ define "__robot_text" }}{{ if eq .NotificationKind "repeat" }}{{ printf "Reminder: firing for %s, notification %d\n\n" (humanizeDuration .FiringFor.Seconds) .NotificationNumber }}{{ end }}{{ template "__robot_alerts" .Alerts.Firing }}{{ with .Alerts.Resolved }}{{ "**Resolved**\n\n" }}
{{- template "__robot_alerts" . }}{{ end }}{{ end }}
{{ define "wecom.default.text" }}**{{ template "__subject" . }}**{{ "\n" }}{{ template "__robot_text" . }}
{{- "\n" }}[{{ template "__alertmanager" . }}]({{ template "__alertmanagerURL" . }}){{ end }}
{{ define "sms.default.text" }}{{ template "__subject" . }}{{ with .CommonAnnotations.summary }} {{ . }}{{ end }}{{ end }}
{{ define "email.default.html" }}<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>{{ template "__subject" . }}</title></head>
<body style="font-family: sans-serif; font-size: 14px">
<p style="padding: 12px; color: #fff; background: {{ if eq .Status "firing" }}#b3261e{{ else }}#2e7d32{{ end }}">
{{ len .Alerts }} alert{{ if gt (len .Alerts) 1 }}s{{ end }} for {{ range .GroupLabels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}</p>
<p><a href="{{ template "__alertmanagerURL" . }}">View in {{ template "__alertmanager" . }}</a></p>
{{ if .Alerts.Firing }}<h3>[{{ len .Alerts.Firing }}] Firing</h3>{{ range .Alerts.Firing }}{{ template "__email_alert" . }}{{ end }}{{ end }}
{{ if .Alerts.Resolved }}<h3>[{{ len .Alerts.Resolved }}] Resolved</h3>{{ range .Alerts.Resolved }}{{ template "__email_alert" . }}{{ end }}{{ end }}
<p><a href="{{ .ExternalURL }}">Sent by {{ template "__alertmanager" . }}</a></p>
</body></html>
{{ end }}
{{ define "__email_alert" }}<p><strong>Labels</strong><br>
{{ range .Labels.SortedPairs }}{{ .Name }} = {{ .Value }}<br>{{ end }}
{{ if .Annotations }}<strong>Annotations</strong><br>
{{ range .Annotations.SortedPairs }}{{ .Name }} = {{ .Value }}<br>{{ end }}{{ end }}
<a href="{{ .GeneratorURL }}">Source</a></p>{{ end }}
"##;

/// Names that are the subject line.
const SUBJECTS: [&str; 11] = [
    "slack.default.title",
    "mattermost.default.title",
    "pagerduty.default.description",
    "opsgenie.default.message",
    "victorops.default.entity_display_name",
    "pushover.default.title",
    "sns.default.subject",
    "discord.default.title",
    "msteams.default.title",
    "msteams.default.summary",
    "email.default.subject",
];

/// More of them, and names that are the product, its address, or nothing.
const ALIASES: [(&str, &[&str]); 6] = [
    ("__subject", &["msteamsv2.default.title", "jira.default.summary", "rocketchat.default.title"]),
    ("__subject", &["feishu.default.title", "dingtalk.default.title", "wecom.default.title", "ntfy.default.title"]),
    ("__robot_text", &["feishu.default.text", "dingtalk.default.text", "ntfy.default.message"]),
    (
        "__alertmanager",
        &[
            "slack.default.username",
            "mattermost.default.username",
            "pagerduty.default.client",
            "victorops.default.monitoring_tool",
        ],
    ),
    (
        "__alertmanagerURL",
        &[
            "slack.default.titlelink",
            "mattermost.default.titlelink",
            "pagerduty.default.clientURL",
            "opsgenie.default.source",
            "pushover.default.url",
            "rocketchat.default.titlelink",
        ],
    ),
    (
        "__description",
        &[
            "slack.default.callbackid",
            "slack.default.pretext",
            "slack.default.iconemoji",
            "slack.default.iconurl",
            "slack.default.text",
            "slack.default.footer",
            "wechat.default.to_user",
            "wechat.default.to_party",
            "wechat.default.to_tag",
            "wechat.default.agent_id",
            "discord.default.content",
            "rocketchat.default.emoji",
            "rocketchat.default.iconurl",
            "rocketchat.default.text",
            "mattermost.default.text",
        ],
    ),
];

/// Bodies: name, what stands before the lists, heading, list, and whether they are set close.
const BODIES: [(&str, &str, &str, &str, bool); 10] = [
    ("opsgenie.default.description", COMMON, "", "__text_alert_list", true),
    ("victorops.default.state_message", COMMON, "", "__text_alert_list", true),
    ("wechat.default.message", WECHAT, "", "__text_alert_list", true),
    ("pushover.default.message", COMMON, "", "__text_alert_list", false),
    ("sns.default.message", COMMON, "", "__text_alert_list", false),
    ("webex.default.message", COMMON, "", "__text_alert_list", false),
    ("telegram.default.message", "", "", "__text_alert_list", false),
    ("discord.default.message", "", "", "__text_alert_list", false),
    ("msteams.default.text", "", "# ", "__text_alert_list_markdown", false),
    ("jira.default.description", "", "# ", "__text_alert_list_markdown", false),
];

const COMMON: &str = r#"{{ join " " .CommonAnnotations.SortedPairs.Values }}"#;
const WECHAT: &str = "{{ template \"__subject\" . }}\n{{ join \" \" .CommonAnnotations.SortedPairs.Values }}";

/// All of them as one text.
pub(super) fn text() -> String {
    let mut text = SHARED.to_owned();
    let mut alias = |name: &str, target: &str| {
        text.push_str(&format!("{{{{ define {name:?} }}}}{{{{ template {target:?} . }}}}{{{{ end }}}}\n"));
    };
    SUBJECTS.iter().for_each(|name| alias(name, "__subject"));
    ALIASES.iter().for_each(|(target, names)| names.iter().for_each(|name| alias(name, target)));
    alias("msteamsv2.default.text", "msteams.default.text");
    for (name, before, heading, list, close) in BODIES {
        text.push_str(&format!("{{{{ define {name:?} }}}}{before}\n"));
        for state in ["Firing", "Resolved"] {
            let (open, end) = if close { (" -}}", "{{- end }}") } else { (" }}", "{{ end }}") };
            text.push_str(&format!("{{{{ if gt (len .Alerts.{state}) 0{open}\n{heading}Alerts {state}:\n"));
            text.push_str(&format!("{{{{ template {list:?} .Alerts.{state} }}}}\n{end}\n"));
        }
        if name.starts_with("wechat") {
            text.push_str("AlertmanagerUrl:\n{{ template \"__alertmanagerURL\" . }}\n");
        }
        text.push_str(if close { "{{- end }}\n" } else { "{{ end }}\n" });
    }
    text
}
