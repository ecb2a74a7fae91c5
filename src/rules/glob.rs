//! File name patterns as Go's `filepath.Glob` reads them: `*`, `?` and `[a-z]` within one name.

use std::path::Path;

use nightjar_platform::{Disk, RealDisk};

/// The files a pattern matches, sorted; a pattern without meta characters matches itself if it exists.
pub fn glob(pattern: &str) -> Result<Vec<String>, String> {
    let (root, rest) = match pattern.strip_prefix('/') {
        Some(rest) => ("/", rest),
        None => ("", pattern),
    };
    let mut found = vec![root.to_owned()];
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    for part in &parts {
        matches(part, "")?;
        let mut next = Vec::new();
        for directory in &found {
            next.extend(step(directory, part));
        }
        found = next;
    }
    Ok(if parts.is_empty() { Vec::new() } else { found })
}

/// The path of `name` below `directory`, without `.` and, where the text tells, without `..`, as Go joins paths.
pub fn join(directory: &str, name: &str) -> String {
    let path = if name.starts_with('/') { name.to_owned() } else { format!("{directory}/{name}") };
    let absolute = name.starts_with('/') || directory.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match parts.last() {
            Some(last) if part == ".." && *last != ".." => {
                parts.pop();
            }
            None if part == ".." && absolute => {}
            _ => parts.push(part),
        }
    }
    format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"))
}

/// The names in a directory that one part of a pattern matches.
fn step(directory: &str, part: &str) -> Vec<String> {
    let join = |name: &str| match directory {
        "" | "/" => format!("{directory}{name}"),
        _ => format!("{directory}/{name}"),
    };
    if !part.contains(['*', '?', '[', '\\']) {
        return Some(join(part)).filter(|path| Path::new(path).exists()).into_iter().collect();
    }
    let path = Path::new(if directory.is_empty() { "." } else { directory });
    let listing =
        if path.is_dir() { RealDisk::new(path).and_then(|disk| disk.list(Path::new(""))) } else { Ok(Vec::new()) };
    let names = listing.unwrap_or_default().into_iter().map(|entry| entry.name);
    names.filter(|name| matches(part, name) == Ok(true)).map(|name| join(&name)).collect()
}

/// Whether a name matches one part of a pattern.
fn matches(pattern: &str, name: &str) -> Result<bool, String> {
    let tokens = tokens(pattern)?;
    let name: Vec<char> = name.chars().collect();
    // `reached[i]`: the tokens so far can have used up `i` characters.
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    for token in &tokens {
        let mut next = vec![false; name.len() + 1];
        for at in (0..=name.len()).filter(|at| reached[*at]) {
            match token {
                Token::Any => next[at..].fill(true),
                Token::One(class) if at < name.len() && class.holds(name[at]) => next[at + 1] = true,
                Token::One(_) => {}
            }
        }
        reached = next;
    }
    Ok(reached[name.len()])
}

enum Token {
    Any,
    One(Class),
}

/// The characters that stand in one place.
struct Class {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Class {
    fn holds(&self, c: char) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != self.negated
    }
}

fn tokens(pattern: &str) -> Result<Vec<Token>, String> {
    let bad = || "syntax error in pattern".to_owned();
    let one = |c| Token::One(Class { negated: false, ranges: vec![(c, c)] });
    let mut chars = pattern.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Any,
            '?' => Token::One(Class { negated: true, ranges: Vec::new() }),
            '\\' => one(chars.next().ok_or_else(bad)?),
            '[' => {
                let negated = chars.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                loop {
                    let low = match chars.next().ok_or_else(bad)? {
                        ']' if !ranges.is_empty() => break,
                        ']' | '-' => return Err(bad()),
                        '\\' => chars.next().ok_or_else(bad)?,
                        c => c,
                    };
                    let high = match chars.next_if_eq(&'-') {
                        Some(_) => chars.next().filter(|c| *c != ']').ok_or_else(bad)?,
                        None => low,
                    };
                    ranges.push((low, high));
                }
                Token::One(Class { negated, ranges })
            }
            c => one(c),
        });
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_paths() {
        let table = [
            ("", "a.yml", "a.yml"),
            ("x/tests", "../a.yml", "x/a.yml"),
            ("x", "../../a.yml", "../a.yml"),
            ("/x", "../../a.yml", "/a.yml"),
            ("x", "/y//./a.yml", "/y/a.yml"),
        ];
        for (directory, name, expected) in table {
            assert_eq!(join(directory, name), expected);
        }
    }

    #[test]
    fn patterns() {
        let table = [
            ("*.yml", "a.yml", true),
            ("*.yml", ".yml", true),
            ("*.yml", "a.yaml", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern, name), Ok(expected), "{pattern} {name}");
        }
        for bad in ["[", "[]", "a\\", "[a-]"] {
            assert!(matches(bad, "a").is_err(), "{bad}");
        }
    }
}
