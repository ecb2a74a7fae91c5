//! `rules` and `alerts`: what is evaluated, and what came of it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use nightjar_model::labels::quote;
use nightjar_model::number::format_e;
use nightjar_model::{Matcher, TimestampMs};
use nightjar_ruler::{Alert, AlertingView, GroupView, RuleView, Texts};

use super::error::ApiError;
use super::json;
use super::matchers::matcher_sets;
use super::params::Params;
use super::respond;
use crate::app::App;

/// `GET /api/v1/rules`.
pub(super) async fn rules(State(app): State<Arc<App>>, params: Params) -> Result<Response, ApiError> {
    let filter = Filter::parse(&params, &app)?;
    let page = Page::parse(&params)?;
    let groups = app.rules.view().groups;
    let (chosen, next) = page.cut(&groups, &filter)?;
    Ok(respond::success(|out| {
        out.extend_from_slice(b"{\"groups\":");
        json::array(out, &chosen, |out, (group, rules)| write_group(out, group, rules, filter.exclude_alerts));
        if let Some(token) = next {
            out.extend_from_slice(b",\"groupNextToken\":");
            json::string(out, &token);
        }
        out.push(b'}');
    }))
}

/// `GET /api/v1/alerts`.
pub(super) async fn alerts(State(app): State<Arc<App>>) -> Response {
    let groups = app.rules.view().groups;
    let rules = groups.iter().flat_map(|group| &group.rules);
    let alerts = rules.filter_map(|rule| rule.alerting.as_ref()).flat_map(|alerting| &alerting.alerts);
    respond::success(|out| {
        out.extend_from_slice(b"{\"alerts\":");
        json::array(out, alerts, write_alert);
        out.push(b'}');
    })
}

/// `GET /api/v1/alertmanagers`.
pub(super) async fn alertmanagers(State(app): State<Arc<App>>) -> Response {
    let url = |out: &mut Vec<u8>, url: String| {
        out.extend_from_slice(b"{\"url\":");
        json::string(out, &url);
        out.push(b'}');
    };
    let (active, dropped) = (app.rules.alerts().receivers(), app.rules.alerts().discarded());
    respond::success(|out| {
        out.extend_from_slice(b"{\"activeAlertmanagers\":");
        json::array(out, active, url);
        out.extend_from_slice(b",\"droppedAlertmanagers\":");
        json::array(out, dropped, url);
        out.push(b'}');
    })
}

/// Which rules are asked for.
struct Filter {
    alerts: bool,
    records: bool,
    rules: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    matchers: Vec<Vec<Matcher>>,
    exclude_alerts: bool,
}

impl Filter {
    fn parse(params: &Params, app: &App) -> Result<Filter, ApiError> {
        let matchers = matcher_sets(params, &app.settings.parser).map_err(ApiError::bad_data)?;
        let kind = params.get("type").to_lowercase();
        if !matches!(kind.as_str(), "" | "alert" | "record") {
            return Err(ApiError::parameter("type", format!("not supported value {}", quote(&kind))));
        }
        let all = |name| params.all(name).map(str::to_owned).collect();
        Ok(Filter {
            alerts: kind != "record",
            records: kind != "alert",
            rules: all("rule_name[]"),
            groups: all("rule_group[]"),
            files: all("file[]"),
            matchers,
            exclude_alerts: exclude_alerts(&params.get("exclude_alerts").to_lowercase())?,
        })
    }

    /// The rules of a group that are asked for.
    fn rules<'a>(&self, group: &'a GroupView) -> Vec<&'a RuleView> {
        let listed = |list: &[String], name: &str| list.is_empty() || list.iter().any(|item| item == name);
        if !listed(&self.groups, &group.key.name) || !listed(&self.files, &group.key.file) {
            return Vec::new();
        }
        let rules = group.rules.iter().filter(|rule| if rule.alerting.is_some() { self.alerts } else { self.records });
        rules.filter(|rule| listed(&self.rules, &rule.name) && self.matches(&rule.labels)).collect()
    }

    fn matches(&self, labels: &Texts) -> bool {
        let all = |set: &Vec<Matcher>| set.iter().all(|m| m.matches(labels.get(&m.name).unwrap_or("")));
        self.matchers.is_empty() || self.matchers.iter().any(all)
    }
}

fn exclude_alerts(text: &str) -> Result<bool, ApiError> {
    match text {
        "1" | "t" | "true" => Ok(true),
        "" | "0" | "f" | "false" => Ok(false),
        _ => {
            let reason = format!("strconv.ParseBool: parsing {}: invalid syntax", quote(text));
            Err(ApiError::parameter("exclude_alerts", format!("error converting exclude_alerts: {reason}")))
        }
    }
}

/// Which page of groups is asked for.
struct Page {
    limit: Option<usize>,
    token: String,
}

/// A group and those of its rules that are asked for.
type Chosen<'a> = (&'a GroupView, Vec<&'a RuleView>);

impl Page {
    fn parse(params: &Params) -> Result<Page, ApiError> {
        let (limit, token) = (params.get("group_limit"), params.get("group_next_token"));
        if limit.is_empty() {
            if token.is_empty() {
                return Ok(Page { limit: None, token: String::new() });
            }
            let reason = "group_limit needs to be present in order to paginate over the groups";
            return Err(ApiError::parameter("group_next_token", reason));
        }
        match limit.parse::<i32>() {
            Ok(n) if n > 0 => Ok(Page { limit: usize::try_from(n).ok(), token: token.to_owned() }),
            Ok(_) => Err(ApiError::parameter("group_limit", "group_limit needs to be greater than 0")),
            Err(_) => {
                let reason = format!("strconv.ParseInt: parsing {}: invalid syntax", quote(limit));
                let reason = format!("group_limit needs to be a valid number: {reason}");
                Err(ApiError::parameter("group_limit", reason))
            }
        }
    }

    /// The groups of the page, and the token of the next one.
    fn cut<'a>(
        &self,
        groups: &'a [Arc<GroupView>],
        filter: &Filter,
    ) -> Result<(Vec<Chosen<'a>>, Option<String>), ApiError> {
        let start = match self.token.as_str() {
            "" => 0,
            wanted => groups.iter().position(|group| token(group) == wanted).ok_or_else(|| {
                let reason = format!("invalid group_next_token '{wanted}'. were rule groups changed?");
                ApiError::parameter("group_next_token", reason)
            })?,
        };
        let mut chosen = Vec::new();
        for group in &groups[start..] {
            let rules = filter.rules(group);
            if rules.is_empty() {
                continue;
            }
            if self.limit == Some(chosen.len()) {
                return Ok((chosen, Some(token(group))));
            }
            chosen.push((&**group, rules));
        }
        Ok((chosen, None))
    }
}

/// What names a group in a URL.
fn token(group: &GroupView) -> String {
    let name = format!("{};{}", group.key.file, group.key.name);
    name.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn write_group(out: &mut Vec<u8>, group: &GroupView, rules: &[&RuleView], exclude_alerts: bool) {
    out.extend_from_slice(b"{\"name\":");
    json::string(out, &group.key.name);
    member(out, "file");
    json::string(out, &group.key.file);
    member(out, "rules");
    json::array(out, rules, |out, rule| match &rule.alerting {
        Some(alerting) => write_alerting(out, rule, alerting, exclude_alerts),
        None => write_recording(out, rule),
    });
    member(out, "interval");
    json::number(out, group.interval_ms as f64 / 1000.0);
    member(out, "limit");
    json::integer(out, group.limit);
    member(out, "evaluationTime");
    json::number(out, group.evaluation.as_secs_f64());
    member(out, "lastEvaluation");
    time(out, group.evaluated_at);
    out.push(b'}');
}

fn write_alerting(out: &mut Vec<u8>, rule: &RuleView, alerting: &AlertingView, exclude_alerts: bool) {
    out.extend_from_slice(b"{\"state\":");
    json::string(out, alerting.state.as_str());
    member(out, "name");
    json::string(out, &rule.name);
    member(out, "query");
    json::string(out, &rule.expr.printed);
    member(out, "duration");
    json::number(out, alerting.for_ms as f64 / 1000.0);
    member(out, "keepFiringFor");
    json::number(out, alerting.keep_firing_for_ms as f64 / 1000.0);
    member(out, "labels");
    texts(out, &rule.labels);
    member(out, "annotations");
    texts(out, &alerting.annotations);
    member(out, "alerts");
    match exclude_alerts {
        true => out.extend_from_slice(b"null"),
        false => json::array(out, &alerting.alerts, write_alert),
    }
    write_health(out, rule, "alerting");
}

fn write_recording(out: &mut Vec<u8>, rule: &RuleView) {
    out.extend_from_slice(b"{\"name\":");
    json::string(out, &rule.name);
    member(out, "query");
    json::string(out, &rule.expr.printed);
    member(out, "labels");
    texts(out, &rule.labels);
    write_health(out, rule, "recording");
}

/// The end of both kinds of rules.
fn write_health(out: &mut Vec<u8>, rule: &RuleView, kind: &str) {
    member(out, "health");
    json::string(out, rule.health.as_str());
    if let Some(error) = &rule.last_error {
        member(out, "lastError");
        json::string(out, error);
    }
    member(out, "evaluationTime");
    json::number(out, rule.evaluation.as_secs_f64());
    member(out, "lastEvaluation");
    time(out, rule.evaluated_at);
    member(out, "type");
    json::string(out, kind);
    out.push(b'}');
}

fn write_alert(out: &mut Vec<u8>, alert: &Alert) {
    out.extend_from_slice(b"{\"labels\":");
    json::labels(out, &alert.labels);
    member(out, "annotations");
    texts(out, &alert.annotations);
    member(out, "state");
    json::string(out, alert.state.as_str());
    member(out, "activeAt");
    time(out, Some(alert.active_at));
    if alert.keep_firing_since.is_some() {
        member(out, "keepFiringSince");
        time(out, alert.keep_firing_since);
    }
    member(out, "value");
    json::string(out, &format_e(alert.value));
    out.push(b'}');
}

fn member(out: &mut Vec<u8>, name: &str) {
    out.push(b',');
    json::key(out, name);
}

fn texts(out: &mut Vec<u8>, texts: &Texts) {
    out.push(b'{');
    for (i, (name, text)) in texts.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::key(out, name);
        json::string(out, text);
    }
    out.push(b'}');
}

/// RFC 3339 with as many decimals as needed; Go's zero time for "never".
fn time(out: &mut Vec<u8>, at: Option<TimestampMs>) {
    let time = at.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    json::string(out, &time.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |t| t.to_string()));
}
