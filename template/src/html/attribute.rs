//! What the values of attributes are.

/// The language an attribute's value is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Plain,
    Url,
    Css,
    Js,
    Srcset,
    Html,
    /// It decides how other things are read or sent; its name must not come from data.
    Unsafe,
}

const URL: &[&str] = &[
    "action",
    "archive",
    "background",
    "cite",
    "classid",
    "codebase",
    "data",
    "formaction",
    "href",
    "icon",
    "longdesc",
    "manifest",
    "poster",
    "profile",
    "src",
    "usemap",
    "xmlns",
];

const UNSAFE: &[&str] = &[
    "accept-charset",
    "async",
    "challenge",
    "charset",
    "content",
    "crossorigin",
    "defer",
    "enctype",
    "form",
    "formenctype",
    "formmethod",
    "formnovalidate",
    "http-equiv",
    "keytype",
    "language",
    "method",
    "novalidate",
    "pattern",
    "rel",
    "sandbox",
    "type",
    "value",
];

/// The language of an attribute, by its name in lower case; when in doubt, the one that escapes most.
pub(super) fn language(name: &str) -> Language {
    let name = match (name.strip_prefix("data-"), name.split_once(':')) {
        (Some(custom), _) => custom,
        (None, Some(("xmlns", _))) => return Language::Url,
        (None, Some((_, local))) => local,
        (None, None) => name,
    };
    match name {
        "style" => Language::Css,
        "srcset" => Language::Srcset,
        "srcdoc" => Language::Html,
        _ if URL.contains(&name) => Language::Url,
        _ if UNSAFE.contains(&name) => Language::Unsafe,
        _ if name.starts_with("on") => Language::Js,
        _ if ["src", "uri", "url"].iter().any(|part| name.contains(part)) && !PLAIN.contains(&name) => Language::Url,
        _ => Language::Plain,
    }
}

/// Standard attributes of plain text whose names look like something else.
const PLAIN: &[&str] = &["srclang"];
