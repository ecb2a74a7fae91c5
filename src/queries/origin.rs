//! Who asked a query.

use std::fmt;

/// Longest text of one header that is kept, in bytes.
const MAX_HEADER_BYTES: usize = 128;

/// Headers that tell who asks, and what they are called here.
const HEADERS: [(&str, &str); 14] = [
    ("x-dashboard-uid", "dashboardUid"),
    ("x-panel-id", "panelId"),
    ("x-grafana-org-id", "orgId"),
    ("x-grafana-user", "user"),
    ("fromalert", "fromAlert"),
    ("x-rule-name", "ruleName"),
    ("x-rule-uid", "ruleUid"),
    ("x-rule-folder", "ruleFolder"),
    ("x-rule-type", "ruleType"),
    ("x-rule-version", "ruleVersion"),
    ("x-rule-source", "ruleSource"),
    ("x-rule-org-id", "ruleOrgId"),
    ("x-scope-orgid", "tenant"),
    ("user-agent", "userAgent"),
];

/// Who asked a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An HTTP request.
    Request(RequestOrigin),
    /// A rule.
    Rule(RuleOrigin),
}

/// The request that brought a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestOrigin {
    /// Address of the client, without the port.
    pub client: String,
    /// `GET` or `POST`.
    pub method: String,
    /// Path of the URL.
    pub path: String,
    /// What headers tell: name here, and value, cut.
    pub told: Vec<(&'static str, String)>,
}

/// The rule that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleOrigin {
    /// The rule file.
    pub file: String,
    /// The group.
    pub group: String,
    /// The rule; empty when it is not known which one of the group.
    pub rule: String,
}

impl RequestOrigin {
    /// What a request tells; `header` answers the bytes of a header by its name in small letters.
    pub fn new<'a>(
        client: String,
        method: &str,
        path: &str,
        header: impl Fn(&str) -> Option<&'a [u8]>,
    ) -> RequestOrigin {
        let told = HEADERS.iter().filter_map(|(name, ours)| {
            let text = String::from_utf8_lossy(header(name)?).into_owned();
            Some((*ours, cut(&text, MAX_HEADER_BYTES)))
        });
        let told = told.filter(|(_, value)| !value.is_empty()).collect();
        RequestOrigin { client, method: cut(method, 16), path: cut(path, MAX_HEADER_BYTES), told }
    }

    /// What a header told, by its name here.
    pub fn told(&self, name: &str) -> Option<&str> {
        self.told.iter().find(|(ours, _)| *ours == name).map(|(_, value)| value.as_str())
    }
}

/// At most `max` bytes of a text, and a sign that there was more.
pub(super) fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = (0..=max).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    format!("{}…", &text[..end])
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Rule(RuleOrigin { file, group, rule }) => write!(f, "rule {rule} of group {group} in {file}"),
            Origin::Request(request) => {
                write!(f, "{}", if request.client.is_empty() { "unknown" } else { &request.client })?;
                for (name, value) in &request.told {
                    write!(f, " {name}={value}")?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_kept_and_cut() {
        let long = vec![b'x'; 5000];
        let headers: [(&str, &[u8]); 4] = [
            ("x-dashboard-uid", b"abc"),
            ("x-panel-id", &long),
            ("x-grafana-user", b"\xff\x1b[31m"),
            ("x-other", b"y"),
        ];
        let header = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        let origin = RequestOrigin::new("10.0.0.1".into(), "POST", "/api/v1/query", header);
        assert_eq!(origin.told("dashboardUid"), Some("abc"));
        assert_eq!(origin.told("user"), Some("\u{fffd}\u{1b}[31m"));
        assert!(origin.told("panelId").unwrap().len() < 140);
        assert_eq!(origin.told.len(), 3);
    }

    #[test]
    fn cuts_stay_texts() {
        assert_eq!(cut("añb", 2), "a…");
        assert_eq!(cut("añb", 4), "añb");
    }
}
