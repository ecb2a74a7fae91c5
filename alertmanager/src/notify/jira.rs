//! Jira: find the issue of a group, create or update it, and move it when the alerts end or come back.

use serde_json::{Map, Value as Json, json};

use super::talk::{Answer, Step, Talk};
use super::{Job, Request, truncate};
use crate::config::Url;
use crate::config::receiver::incident::Jira;

/// The largest texts Jira takes, in characters.
const SUMMARY: usize = 255;
const DESCRIPTION: usize = 32_767;

/// A conversation about one group.
#[derive(Debug)]
pub(super) struct Ticket {
    base: String,
    search: String,
    jql: String,
    fields: Map<String, Json>,
    /// What of the fields is left alone when the issue is there already.
    kept: Vec<&'static str>,
    firing: bool,
    /// The transition wanted in this state; empty for none.
    transition: String,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Begin,
    Search,
    Write(Option<Issue>),
    Transitions(String),
    Transition,
}

#[derive(Debug)]
struct Issue {
    key: String,
    /// Whether it counts as done; `None` when Jira does not say.
    done: Option<bool>,
}

pub(super) fn jira(settings: &Jira, job: &Job<'_>) -> Result<Ticket, String> {
    let rendering = job.begin();
    let text = |template: &str| rendering.text(template);
    let url = settings.api_url.as_ref().map_or("", Url::as_str);
    let base = url.trim_end_matches('/').to_owned();
    let (project, label) = (text(&settings.project), format!("ALERT{{{}}}", job.hash()));
    let firing = !job.resolved();
    let mut labels: Vec<String> = settings.labels.iter().map(|label| text(label)).chain([label.clone()]).collect();
    labels.sort();
    let mut fields = Map::from_iter([
        ("project".to_owned(), json!({ "key": project })),
        ("issuetype".to_owned(), json!({ "name": text(&settings.issue_type) })),
        ("summary".to_owned(), truncate(&text(&settings.summary.template), SUMMARY).into()),
        ("labels".to_owned(), labels.into()),
    ]);
    let written = truncate(&text(&settings.description.template), DESCRIPTION);
    if let Some(description) = description(&base, &written)? {
        fields.insert("description".to_owned(), description);
    }
    let priority = text(&settings.priority);
    if !priority.is_empty() {
        fields.insert("priority".to_owned(), json!({ "name": priority }));
    }
    fields.extend(settings.fields.iter().map(|(name, value)| (name.clone(), rendering.json(value))));
    rendering.finish()?;
    let kept = [("summary", &settings.summary), ("description", &settings.description)];
    let kept = kept.into_iter().filter(|(_, field)| field.enable_update == Some(false)).map(|(name, _)| name).collect();
    let transition = if firing { &settings.reopen_transition } else { &settings.resolve_transition };
    Ok(Ticket {
        search: search_url(settings, &base),
        jql: jql(settings, firing, &project, &label),
        fields,
        kept,
        firing,
        transition: transition.clone(),
        stage: Stage::Begin,
        base,
    })
}

/// Version 3 of the API wants a document, the others a text.
fn description(base: &str, text: &str) -> Result<Option<Json>, String> {
    if !base.ends_with("/3") {
        return Ok((!text.is_empty()).then(|| text.into()));
    }
    match text.trim() {
        "" => Ok(None),
        document => match serde_json::from_str(document) {
            Ok(document) => Ok(Some(document)),
            Err(error) => Err(format!("description template: invalid JSON for API v3: {error}")),
        },
    }
}

fn jql(settings: &Jira, firing: bool, project: &str, label: &str) -> String {
    let mut jql = String::new();
    if !settings.wont_fix_resolution.is_empty() {
        jql.push_str(&format!("(resolution is EMPTY or resolution != {:?}) and ", settings.wont_fix_resolution));
    }
    let minutes = settings.reopen_duration.0 / 60_000;
    match firing && !settings.reopen_transition.is_empty() && minutes > 0 {
        true => jql.push_str(&format!("(resolutiondate is EMPTY OR resolutiondate >= -{minutes}m) and ")),
        false => jql.push_str("statusCategory != Done and "),
    }
    jql + &format!("project={project:?} and labels={label:?} order by status ASC,resolutiondate DESC")
}

/// The cloud has another search than the product one installs.
fn search_url(settings: &Jira, base: &str) -> String {
    let host = base.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or("");
    match settings.api_type.as_str() {
        "cloud" => {}
        "auto" if host.ends_with("atlassian.net") => {}
        _ => return format!("{base}/search"),
    }
    format!("{base}/search/jql").replacen("/rest/api/2/", "/rest/api/3/", 1)
}

impl Ticket {
    fn request(&self, method: &'static str, url: &str, body: Option<&Json>) -> Step {
        let request = match body {
            Some(body) => Request::json(method, url, body),
            None => Ok(Request::get(url).with("Content-Type", "application/json")),
        };
        match request {
            Ok(request) => Step::ask(request.with("Accept-Language", "en")),
            Err(error) => Step::refused(error),
        }
    }

    fn search(&mut self) -> Step {
        self.stage = Stage::Search;
        let body = json!({ "jql": self.jql, "maxResults": 2, "fields": ["status"] });
        self.request("POST", &self.search, Some(&body))
    }

    /// Writes the issue that was found, or a new one.
    fn write(&mut self, found: Option<Issue>) -> Step {
        let step = match &found {
            None if !self.firing => return Step::told(),
            None => self.request("POST", &format!("{}/issue", self.base), Some(&json!({ "fields": self.fields }))),
            Some(issue) => {
                let fields = self.fields.iter().filter(|(name, _)| !self.kept.contains(&name.as_str()));
                let fields: Map<String, Json> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
                self.request("PUT", &format!("{}/issue/{}", self.base, issue.key), Some(&json!({ "fields": fields })))
            }
        };
        self.stage = Stage::Write(found);
        step
    }

    /// Asks which transitions there are, if one is needed.
    fn look_for_transition(&mut self, found: Option<Issue>) -> Step {
        match found {
            // Alerts fire and the issue is done, or the other way round.
            Some(Issue { key, done: Some(done) }) if done == self.firing && !self.transition.is_empty() => {
                let step = self.request("GET", &format!("{}/issue/{key}/transitions", self.base), None);
                self.stage = Stage::Transitions(key);
                step
            }
            _ => Step::told(),
        }
    }

    fn transition(&mut self, key: &str, answer: &Json) -> Step {
        let all = answer["transitions"].as_array().into_iter().flatten();
        let id = all.into_iter().find(|one| one["name"] == *self.transition).and_then(|one| one["id"].as_str());
        let Some(id) = id else {
            return Step::refused(format!("can't find transition {} for issue {key}", self.transition));
        };
        self.stage = Stage::Transition;
        let url = format!("{}/issue/{key}/transitions", self.base);
        self.request("POST", &url, Some(&json!({ "transition": { "id": id } })))
    }
}

/// The first issue of a search.
fn found(answer: &Json) -> Option<Issue> {
    let issue = answer["issues"].as_array()?.first()?;
    // The key becomes part of an address.
    let key = issue["key"].as_str().filter(|key| key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)))?;
    let category = issue["fields"]["status"]["statusCategory"]["key"].as_str();
    Some(Issue { key: key.to_owned(), done: category.map(|category| category == "done") })
}

impl Talk for Ticket {
    fn next(&mut self, answer: Option<&Answer>) -> Step {
        let Some(answer) = answer else { return self.search() };
        if !(200..300).contains(&answer.status) {
            return Step::End(answer.trouble());
        }
        let json: Result<Json, _> = serde_json::from_str(&answer.body);
        let unreadable = || Step::refused("the answer of Jira is not JSON");
        match std::mem::replace(&mut self.stage, Stage::Begin) {
            Stage::Begin => Step::refused("an answer before a question"),
            Stage::Search => json.map_or_else(|_| unreadable(), |json| self.write(found(&json))),
            Stage::Write(found) => self.look_for_transition(found),
            Stage::Transitions(key) => json.map_or_else(|_| unreadable(), |json| self.transition(&key, &json)),
            Stage::Transition => Step::told(),
        }
    }

    fn preview(&self) -> String {
        json!({ "fields": self.fields }).to_string()
    }
}
