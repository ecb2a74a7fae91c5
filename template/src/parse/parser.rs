//! Tokens to trees.

use std::sync::Arc;

use super::lexer::{Keyword, Kind, Lexer, Token};
use super::tree::{Action, Branch, Call, Command, Expr, ExprKind, Node, Pipe, Text, Tree, Variable};
use super::{MOST_NESTING, MOST_TEXT_BYTES, Number};
use crate::error::{Error, Stage};
use crate::quote::{quote, unquote};

/// The templates of one text, by name: the text itself and what it defines.
pub(crate) type Parsed = Vec<(Arc<str>, Tree)>;

/// Parses `text`, named `name`. `known` says which functions exist.
pub(crate) fn parse(name: &str, text: &str, known: &dyn Fn(&str) -> bool) -> Result<Parsed, Error> {
    if text.len() > MOST_TEXT_BYTES {
        let message = format!("template: {name}: text has {} bytes, more than {MOST_TEXT_BYTES}", text.len());
        return Err(Error::new(Stage::Limit, message));
    }
    let mut lexer = Lexer::new(text);
    lexer.loop_words = (!known("break"), !known("continue"));
    let eof = Token { kind: Kind::Eof, pos: 0, line: 0, text: String::new() };
    let mut parser = Parser {
        source: name.into(),
        text: text.into(),
        known,
        lexer,
        tokens: [eof.clone(), eof.clone(), eof],
        ahead: 0,
        scope: Scope::default(),
        depth: 0,
        done: Vec::new(),
    };
    parser.file()?;
    Ok(parser.done)
}

/// What belongs to the template being parsed, not to the text.
struct Scope {
    variables: Vec<String>,
    loops: usize,
    /// Line of the action being parsed; 0 outside.
    action_line: usize,
}

impl Default for Scope {
    fn default() -> Self {
        Self { variables: vec!["$".to_owned()], loops: 0, action_line: 0 }
    }
}

struct Parser<'a> {
    source: Arc<str>,
    text: Arc<str>,
    known: &'a dyn Fn(&str) -> bool,
    lexer: Lexer<'a>,
    /// Up to three tokens put back; the first slot holds the one read last, which dates messages.
    tokens: [Token; 3],
    ahead: usize,
    scope: Scope,
    depth: usize,
    done: Parsed,
}

/// What ended a list of nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    End,
    Else,
}

impl End {
    fn shown(self) -> &'static str {
        match self {
            End::End => "{{end}}",
            End::Else => "{{else}}",
        }
    }
}

enum Item {
    Node(Node),
    End(End),
}

type Parse<T> = Result<T, Error>;

impl Parser<'_> {
    fn next(&mut self) -> Token {
        if self.ahead > 0 {
            self.ahead -= 1;
        } else {
            self.tokens[0] = self.lexer.next();
        }
        self.tokens[self.ahead].clone()
    }

    fn back(&mut self) {
        self.ahead += 1;
    }

    /// Puts `first` back before the token read last.
    fn back_two(&mut self, first: Token) {
        self.tokens[1] = first;
        self.ahead = 2;
    }

    fn peek(&mut self) -> &Token {
        if self.ahead == 0 {
            self.ahead = 1;
            self.tokens[0] = self.lexer.next();
        }
        &self.tokens[self.ahead - 1]
    }

    fn next_word(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_word(&mut self) -> &Token {
        self.next_word();
        self.back();
        self.peek()
    }

    fn fail<T>(&self, message: impl AsRef<str>) -> Parse<T> {
        let at = format!("template: {}:{}: {}", self.source, self.tokens[0].line, message.as_ref());
        Err(Error::new(Stage::Parse, at))
    }

    fn unexpected<T>(&self, token: &Token, context: &str) -> Parse<T> {
        if token.kind != Kind::Error {
            return self.fail(format!("unexpected {} in {context}", token.shown()));
        }
        let started = self.scope.action_line;
        if started == 0 || started == token.line {
            return self.fail(&token.text);
        }
        let action = if token.text.ends_with(" action") { "" } else { " in action" };
        self.fail(format!("{}{action} started at {}:{started}", token.text, self.source))
    }

    fn expect_close(&mut self, context: &str) -> Parse<Token> {
        let token = self.next_word();
        if token.kind == Kind::RightDelim { Ok(token) } else { self.unexpected(&token, context) }
    }

    /// One level deeper; `leave` undoes it.
    fn enter(&mut self) -> Parse<()> {
        if self.depth >= MOST_NESTING {
            return self.fail("max expression depth exceeded");
        }
        self.depth += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The whole text.
    fn file(&mut self) -> Parse<()> {
        let pos = self.peek().pos;
        let mut root = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                if self.next_word().kind == Kind::Keyword(Keyword::Define) {
                    self.definition()?;
                    continue;
                }
                self.back_two(delim);
            }
            match self.item()? {
                Item::Node(node) => root.push(node),
                Item::End(end) => return self.fail(format!("unexpected {}", end.shown())),
            }
        }
        let name = self.source.clone();
        self.add(name, pos, root)
    }

    fn definition(&mut self) -> Parse<()> {
        let context = "define clause";
        let token = self.next_word();
        let outer = std::mem::take(&mut self.scope);
        let name = self.template_name(&token, context)?;
        self.expect_close(context)?;
        let (pos, root, end) = self.list()?;
        if end != End::End {
            return self.fail(format!("unexpected {} in {context}", end.shown()));
        }
        self.scope = outer;
        self.add(name, pos, root)
    }

    /// A tree takes the place of an empty one of its name; two full ones are an error.
    fn add(&mut self, name: Arc<str>, pos: usize, root: Vec<Node>) -> Parse<()> {
        let tree = Tree { name: name.clone(), source: self.source.clone(), text: self.text.clone(), pos, root };
        match self.done.iter_mut().find(|(known, _)| *known == name) {
            None => self.done.push((name, tree)),
            Some((_, old)) if old.is_empty() => *old = tree,
            Some(_) if tree.is_empty() => {}
            Some(_) => return self.fail(format!("template: multiple definition of template {}", quote(&name))),
        }
        Ok(())
    }

    fn template_name(&mut self, token: &Token, context: &str) -> Parse<Arc<str>> {
        match token.kind {
            Kind::Str | Kind::RawStr => self.string(&token.text),
            _ => self.unexpected(token, context),
        }
    }

    fn string(&self, literal: &str) -> Parse<Arc<str>> {
        match unquote(literal) {
            Some(text) => Ok(text.into()),
            None => self.fail("invalid syntax"),
        }
    }

    /// Nodes up to `{{end}}` or `{{else}}`.
    fn list(&mut self) -> Parse<(usize, Vec<Node>, End)> {
        let pos = self.peek_word().pos;
        let mut nodes = Vec::new();
        while self.peek_word().kind != Kind::Eof {
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => return Ok((pos, nodes, end)),
            }
        }
        self.fail("unexpected EOF")
    }

    fn item(&mut self) -> Parse<Item> {
        let token = self.next_word();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(Text { pos: token.pos, text: token.text.into() }))),
            Kind::LeftDelim => {
                self.scope.action_line = token.line;
                let item = self.action()?;
                self.scope.action_line = 0;
                Ok(item)
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parse<Item> {
        let token = self.next_word();
        let node = match token.kind {
            Kind::Keyword(Keyword::Block) => self.block()?,
            Kind::Keyword(Keyword::Break) => {
                self.loop_word("{{break}}")?;
                Node::Break { pos: token.pos, line: token.line }
            }
            Kind::Keyword(Keyword::Continue) => {
                self.loop_word("{{continue}}")?;
                Node::Continue { pos: token.pos, line: token.line }
            }
            Kind::Keyword(Keyword::Else) => return self.otherwise(),
            Kind::Keyword(Keyword::End) => {
                self.expect_close("end")?;
                return Ok(Item::End(End::End));
            }
            Kind::Keyword(Keyword::If) => Node::If(self.branch("if", token.line)?),
            Kind::Keyword(Keyword::Range) => Node::Range(self.branch("range", token.line)?),
            Kind::Keyword(Keyword::With) => Node::With(self.branch("with", token.line)?),
            Kind::Keyword(Keyword::Template) => self.template()?,
            _ => {
                self.back();
                let pos = self.peek().pos;
                Node::Action(Action { pos, pipe: self.pipeline("command", Kind::RightDelim)? })
            }
        };
        Ok(Item::Node(node))
    }

    fn loop_word(&mut self, word: &str) -> Parse<()> {
        self.expect_close(word)?;
        if self.scope.loops == 0 { self.fail(format!("{word} outside {{{{range}}}}")) } else { Ok(()) }
    }

    /// `{{else}}`; of `{{else if}}` and `{{else with}}` the second word is left for the branch to read.
    fn otherwise(&mut self) -> Parse<Item> {
        if !matches!(self.peek_word().kind, Kind::Keyword(Keyword::If | Keyword::With)) {
            self.expect_close("else")?;
        }
        Ok(Item::End(End::Else))
    }

    fn branch(&mut self, word: &'static str, line: usize) -> Parse<Branch> {
        self.enter()?;
        let visible = self.scope.variables.len();
        let pipe = self.pipeline(word, Kind::RightDelim)?;
        let in_loop = usize::from(word == "range");
        self.scope.loops += in_loop;
        let (_, list, end) = self.list()?;
        self.scope.loops -= in_loop;
        let otherwise = if end == End::Else { Some(self.else_list(word)?) } else { None };
        self.scope.variables.truncate(visible);
        self.leave();
        Ok(Branch { pos: pipe.pos, line, pipe, list, otherwise })
    }

    fn else_list(&mut self, word: &'static str) -> Parse<Vec<Node>> {
        let (kind, line) = (self.peek().kind, self.peek().line);
        match (word, kind) {
            ("if", Kind::Keyword(Keyword::If)) => {
                self.next();
                Ok(vec![Node::If(self.branch("if", line)?)])
            }
            ("with", Kind::Keyword(Keyword::With)) => {
                self.next();
                Ok(vec![Node::With(self.branch("with", line)?)])
            }
            _ => {
                let (_, list, end) = self.list()?;
                if end == End::Else {
                    return self.fail("expected end; found {{else}}");
                }
                Ok(list)
            }
        }
    }

    /// `{{block "name" pipe}}`: a definition and its call in one.
    fn block(&mut self) -> Parse<Node> {
        let context = "block clause";
        let token = self.next_word();
        let name = self.template_name(&token, context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        self.enter()?;
        let outer = std::mem::take(&mut self.scope);
        let (pos, root, end) = self.list()?;
        if end != End::End {
            return self.fail(format!("unexpected {} in {context}", end.shown()));
        }
        self.add(name.clone(), pos, root)?;
        self.scope = outer;
        self.leave();
        Ok(Node::Template(Call { pos: token.pos, name, pipe: Some(pipe) }))
    }

    fn template(&mut self) -> Parse<Node> {
        let context = "template clause";
        let token = self.next_word();
        let name = self.template_name(&token, context)?;
        let pipe = if self.next_word().kind == Kind::RightDelim {
            None
        } else {
            self.back();
            Some(self.pipeline(context, Kind::RightDelim)?)
        };
        Ok(Node::Template(Call { pos: token.pos, name, pipe }))
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Parse<Pipe> {
        let pos = self.peek_word().pos;
        let mut pipe = Pipe { pos, assigns: false, variables: Vec::new(), commands: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.next_word();
            if token.kind == end {
                break;
            }
            match token.kind {
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawStr
                | Kind::Str
                | Kind::Variable
                | Kind::LeftParen => {
                    self.back();
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return self.unexpected(&token, context),
            }
        }
        self.check_pipeline(&pipe, context)?;
        Ok(pipe)
    }

    /// `$x :=`, `$x =`, and in `range` also `$i, $x :=`.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parse<()> {
        while self.peek_word().kind == Kind::Variable {
            let variable = self.next();
            let after = self.peek().clone();
            let next = self.peek_word().clone();
            let comma = next.kind == Kind::Char && next.text == ",";
            if !comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
                if after.kind == Kind::Space {
                    // The space was skipped: put both back.
                    self.tokens[1] = after;
                    self.tokens[2] = variable;
                    self.ahead = 3;
                } else {
                    self.back_two(variable);
                }
                return Ok(());
            }
            self.next_word();
            pipe.variables.push(Variable { name: variable.text.as_str().into() });
            self.scope.variables.push(variable.text);
            if !comma {
                pipe.assigns = next.kind == Kind::Assign;
                return Ok(());
            }
            if context != "range" || pipe.variables.len() >= 2 {
                return self.fail(format!("too many declarations in {context}"));
            }
            if !matches!(self.peek_word().kind, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                return self.fail("range can only initialize variables");
            }
        }
        Ok(())
    }

    fn check_pipeline(&self, pipe: &Pipe, context: &str) -> Parse<()> {
        if pipe.commands.is_empty() {
            return self.fail(format!("missing value for {context}"));
        }
        for (i, command) in pipe.commands.iter().enumerate().skip(1) {
            use ExprKind::{Bool, Dot, Nil, Number, Str};
            if matches!(command.args[0].kind, Bool(_) | Dot | Nil | Number(_) | Str(..)) {
                return self.fail(format!("non executable command in pipeline stage {}", i + 1));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parse<Command> {
        let pos = self.peek_word().pos;
        let mut args = Vec::new();
        loop {
            self.peek_word();
            args.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                Kind::Space => {}
                Kind::RightDelim | Kind::RightParen => {
                    self.back();
                    break;
                }
                Kind::Pipe => break,
                _ => return self.unexpected(&token, "operand"),
            }
        }
        if args.is_empty() { self.fail("empty command") } else { Ok(Command { pos, args }) }
    }

    /// A term and the fields behind it.
    fn operand(&mut self) -> Parse<Option<Expr>> {
        let Some(mut term) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(term));
        }
        let pos = self.peek().pos;
        let mut fields: Vec<Arc<str>> = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(self.next().text[1..].into());
        }
        match &mut term.kind {
            ExprKind::Field(names) | ExprKind::Variable(names) => {
                names.extend(fields);
                term.pos = pos;
            }
            ExprKind::Function(_) | ExprKind::Pipe(_) | ExprKind::Chain(..) => {
                term = Expr { pos, kind: ExprKind::Chain(Box::new(term), fields) };
            }
            _ => return self.fail(format!("unexpected . after term {}", quote(&term.to_string()))),
        }
        Ok(Some(term))
    }

    fn term(&mut self) -> Parse<Option<Expr>> {
        let token = self.next_word();
        let kind = match token.kind {
            Kind::Identifier if !(self.known)(&token.text) => {
                return self.fail(format!("function {} not defined", quote(&token.text)));
            }
            Kind::Identifier => ExprKind::Function(token.text.into()),
            Kind::Dot => ExprKind::Dot,
            Kind::Nil => ExprKind::Nil,
            Kind::Variable if !self.scope.variables.contains(&token.text) => {
                return self.fail(format!("undefined variable {}", quote(&token.text)));
            }
            Kind::Variable => ExprKind::Variable(vec![token.text.into()]),
            Kind::Field => ExprKind::Field(vec![token.text[1..].into()]),
            Kind::Bool => ExprKind::Bool(token.text == "true"),
            Kind::CharConstant => ExprKind::Number(Number::character(&token.text).or_else(|e| self.fail(e))?),
            Kind::Number => ExprKind::Number(Number::parse(&token.text).or_else(|e| self.fail(e))?),
            Kind::Complex => return self.fail(format!("complex constants are not supported: {}", token.text)),
            Kind::LeftParen => {
                self.enter()?;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.leave();
                return Ok(Some(Expr { pos: pipe.pos, kind: ExprKind::Pipe(Box::new(pipe)) }));
            }
            Kind::Str | Kind::RawStr => {
                let text = self.string(&token.text)?;
                ExprKind::Str(token.text.into(), text)
            }
            _ => {
                self.back();
                return Ok(None);
            }
        };
        Ok(Some(Expr { pos: token.pos, kind }))
    }
}
