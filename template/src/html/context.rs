//! Where in a document a piece of text ends.

use std::fmt;

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    #[default]
    Text,
    Tag,
    AttrName,
    AfterName,
    BeforeValue,
    HtmlCmt,
    Rcdata,
    Attr,
    Url,
    Srcset,
    Js,
    JsDqStr,
    JsSqStr,
    JsTmplLit,
    JsRegexp,
    JsBlockCmt,
    JsLineCmt,
    JsHtmlOpenCmt,
    JsHtmlCloseCmt,
    Css,
    CssDqStr,
    CssSqStr,
    CssDqUrl,
    CssSqUrl,
    CssUrl,
    CssBlockCmt,
    CssLineCmt,
    Error,
    MetaContent,
    MetaContentUrl,
    /// After `break` or `continue`.
    Dead,
}

impl State {
    /// Content for authors only; it is dropped.
    pub(super) fn is_comment(self) -> bool {
        use State::{CssBlockCmt, CssLineCmt, HtmlCmt, JsBlockCmt, JsHtmlCloseCmt, JsHtmlOpenCmt, JsLineCmt};
        matches!(self, HtmlCmt | JsBlockCmt | JsLineCmt | JsHtmlOpenCmt | JsHtmlCloseCmt | CssBlockCmt | CssLineCmt)
    }

    pub(super) fn is_in_tag(self) -> bool {
        matches!(self, State::Tag | State::AttrName | State::AfterName | State::BeforeValue | State::Attr)
    }

    /// Inside a literal of a script, where `</script` does not end it for the author.
    pub(super) fn is_in_script_literal(self) -> bool {
        matches!(self, State::JsDqStr | State::JsSqStr | State::JsTmplLit | State::JsRegexp)
    }

    fn name(self) -> &'static str {
        match self {
            State::Text => "stateText",
            State::Tag => "stateTag",
            State::AttrName => "stateAttrName",
            State::AfterName => "stateAfterName",
            State::BeforeValue => "stateBeforeValue",
            State::HtmlCmt => "stateHTMLCmt",
            State::Rcdata => "stateRCDATA",
            State::Attr => "stateAttr",
            State::Url => "stateURL",
            State::Srcset => "stateSrcset",
            State::Js => "stateJS",
            State::JsDqStr => "stateJSDqStr",
            State::JsSqStr => "stateJSSqStr",
            State::JsTmplLit => "stateJSTmplLit",
            State::JsRegexp => "stateJSRegexp",
            State::JsBlockCmt => "stateJSBlockCmt",
            State::JsLineCmt => "stateJSLineCmt",
            State::JsHtmlOpenCmt => "stateJSHTMLOpenCmt",
            State::JsHtmlCloseCmt => "stateJSHTMLCloseCmt",
            State::Css => "stateCSS",
            State::CssDqStr => "stateCSSDqStr",
            State::CssSqStr => "stateCSSSqStr",
            State::CssDqUrl => "stateCSSDqURL",
            State::CssSqUrl => "stateCSSSqURL",
            State::CssUrl => "stateCSSURL",
            State::CssBlockCmt => "stateCSSBlockCmt",
            State::CssLineCmt => "stateCSSLineCmt",
            State::Error => "stateError",
            State::MetaContent => "stateMetaContent",
            State::MetaContentUrl => "stateMetaContentURL",
            State::Dead => "stateDead",
        }
    }
}

/// What ends the attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Delim {
    /// Not in an attribute.
    #[default]
    None,
    DoubleQuote,
    SingleQuote,
    SpaceOrTagEnd,
}

impl Delim {
    pub(super) fn ends(self) -> &'static [u8] {
        match self {
            Delim::None => b"",
            Delim::DoubleQuote => b"\"",
            Delim::SingleQuote => b"'",
            Delim::SpaceOrTagEnd => b" \t\n\x0c\r>",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Delim::None => "delimNone",
            Delim::DoubleQuote => "delimDoubleQuote",
            Delim::SingleQuote => "delimSingleQuote",
            Delim::SpaceOrTagEnd => "delimSpaceOrTagEnd",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum UrlPart {
    /// At the start, or not in a URL.
    #[default]
    None,
    PreQuery,
    QueryOrFrag,
    /// Different branches ended in different parts.
    Unknown,
}

impl UrlPart {
    fn name(self) -> &'static str {
        match self {
            UrlPart::None => "urlPartNone",
            UrlPart::PreQuery => "urlPartPreQuery",
            UrlPart::QueryOrFrag => "urlPartQueryOrFrag",
            UrlPart::Unknown => "urlPartUnknown",
        }
    }
}

/// What a slash would begin in a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Slash {
    #[default]
    Regexp,
    DivOp,
    Unknown,
}

impl Slash {
    fn name(self) -> &'static str {
        match self {
            Slash::Regexp => "jsCtxRegexp",
            Slash::DivOp => "jsCtxDivOp",
            Slash::Unknown => "jsCtxUnknown",
        }
    }
}

/// The kind of attribute, from its name on to the end of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Attr {
    #[default]
    None,
    Script,
    ScriptType,
    Style,
    Url,
    Srcset,
    MetaContent,
}

impl Attr {
    /// The state at the start of its value.
    pub(super) fn start(self) -> State {
        match self {
            Attr::None | Attr::ScriptType => State::Attr,
            Attr::Script => State::Js,
            Attr::Style => State::Css,
            Attr::Url => State::Url,
            Attr::Srcset => State::Srcset,
            Attr::MetaContent => State::MetaContent,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Attr::None => "attrNone",
            Attr::Script => "attrScript",
            Attr::ScriptType => "attrScriptType",
            Attr::Style => "attrStyle",
            Attr::Url => "attrURL",
            Attr::Srcset => "attrSrcset",
            Attr::MetaContent => "attrMetaContent",
        }
    }
}

/// Elements whose bodies are not plain markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Element {
    #[default]
    None,
    Script,
    Style,
    Textarea,
    Title,
    Meta,
}

impl Element {
    /// By its name in lower case.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "script" => Element::Script,
            "style" => Element::Style,
            "textarea" => Element::Textarea,
            "title" => Element::Title,
            "meta" => Element::Meta,
            _ => Element::None,
        }
    }

    /// What ends its body, after `</`.
    pub(super) fn end(self) -> &'static [u8] {
        match self {
            Element::None | Element::Meta => b"",
            Element::Script => b"script",
            Element::Style => b"style",
            Element::Textarea => b"textarea",
            Element::Title => b"title",
        }
    }

    /// The state of its body.
    pub(super) fn content(self) -> State {
        match self {
            Element::None | Element::Meta => State::Text,
            Element::Script => State::Js,
            Element::Style => State::Css,
            Element::Textarea | Element::Title => State::Rcdata,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Element::None => "elementNone",
            Element::Script => "elementScript",
            Element::Style => "elementStyle",
            Element::Textarea => "elementTextarea",
            Element::Title => "elementTitle",
            Element::Meta => "elementMeta",
        }
    }
}

/// Why a template cannot be escaped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fault {
    /// `name:line:column`, if a node is to blame.
    pub(super) location: Option<String>,
    /// A line alone; 0 if unknown.
    pub(super) line: usize,
    pub(super) description: String,
}

impl Fault {
    pub(super) fn new(description: impl Into<String>) -> Box<Self> {
        Box::new(Self { description: description.into(), ..Self::default() })
    }

    pub(super) fn at(location: String, description: impl Into<String>) -> Box<Self> {
        Box::new(Self { location: Some(location), line: 0, description: description.into() })
    }

    /// Go's message, for the template of this name.
    pub(super) fn message(&self, name: &str) -> String {
        match (&self.location, self.line) {
            (Some(location), _) => format!("html/template:{location}: {}", self.description),
            (None, 0) if name.is_empty() => format!("html/template: {}", self.description),
            (None, 0) => format!("html/template:{name}: {}", self.description),
            (None, line) => format!("html/template:{name}:{line}: {}", self.description),
        }
    }
}

/// A position in a document, as far as escaping needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Context {
    pub(super) state: State,
    pub(super) delim: Delim,
    pub(super) url_part: UrlPart,
    pub(super) slash: Slash,
    /// Braces open in each `${...}` of template literals, outermost first.
    pub(super) braces: Vec<u32>,
    pub(super) attr: Attr,
    pub(super) element: Element,
    pub(super) fault: Option<Box<Fault>>,
}

impl Context {
    pub(super) fn of(state: State) -> Self {
        Self { state, ..Self::default() }
    }

    pub(super) fn with_element(state: State, element: Element) -> Self {
        Self { state, element, ..Self::default() }
    }

    pub(super) fn error(fault: Box<Fault>) -> Self {
        Self { state: State::Error, fault: Some(fault), ..Self::default() }
    }

    pub(super) fn is_error(&self) -> bool {
        self.state == State::Error
    }

    /// The name of the copy of a template that is called in this context.
    pub(super) fn mangle(&self, name: &str) -> String {
        if self.state == State::Text {
            return name.to_owned();
        }
        let mut mangled = format!("{name}$htmltemplate_{}", self.state.name());
        let mut add = |differs: bool, part: &str| {
            if differs {
                mangled.push('_');
                mangled.push_str(part);
            }
        };
        add(self.delim != Delim::None, self.delim.name());
        add(self.url_part != UrlPart::None, self.url_part.name());
        add(self.slash != Slash::Regexp, self.slash.name());
        add(!self.braces.is_empty(), &format!("jsBraceDepth({})", self.shown_braces()));
        add(self.attr != Attr::None, self.attr.name());
        add(self.element != Element::None, self.element.name());
        mangled
    }

    fn shown_braces(&self) -> String {
        let shown: Vec<String> = self.braces.iter().map(u32::to_string).collect();
        format!("[{}]", shown.join(" "))
    }

    /// The context in which a value would stand here: `<a href=` and then a value is already in the URL.
    pub(super) fn nudge(mut self) -> Self {
        match self.state {
            State::Tag => self.state = State::AttrName,
            State::BeforeValue => {
                (self.state, self.delim, self.attr) = (self.attr.start(), Delim::SpaceOrTagEnd, Attr::None);
            }
            State::AfterName => (self.state, self.attr) = (State::AttrName, Attr::None),
            _ => {}
        }
        self
    }

    /// The context after two branches that end in these ones.
    pub(super) fn join(self, other: Self, location: &dyn Fn() -> String, word: &str) -> Self {
        if self.is_error() || other.state == State::Dead {
            return self;
        }
        if other.is_error() || self.state == State::Dead || self == other {
            return other;
        }
        let alike = |part: fn(&mut Context, &Context)| {
            let mut copy = self.clone();
            part(&mut copy, &other);
            (copy == other).then_some(copy)
        };
        if let Some(mut joined) = alike(|copy, other| copy.url_part = other.url_part) {
            joined.url_part = UrlPart::Unknown;
            return joined;
        }
        if let Some(mut joined) = alike(|copy, other| copy.slash = other.slash) {
            joined.slash = Slash::Unknown;
            return joined;
        }
        let (a, b) = (self.clone().nudge(), other.clone().nudge());
        if a != self || b != other {
            let joined = a.join(b, location, word);
            if !joined.is_error() {
                return joined;
            }
        }
        let what = format!("{{{{{word}}}}} branches end in different contexts: {self}, {other}");
        Self::error(Fault::at(location(), what))
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = self.fault.as_ref().map_or("<nil>".to_owned(), |fault| fault.message(""));
        write!(
            f,
            "{{{} {} {} {} {} {} {} {fault}}}",
            self.state.name(),
            self.delim.name(),
            self.url_part.name(),
            self.slash.name(),
            self.shown_braces(),
            self.attr.name(),
            self.element.name()
        )
    }
}
