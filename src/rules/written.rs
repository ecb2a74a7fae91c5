//! Rule groups written through the API: a file for each namespace, durable before the answer, readable by every tool.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use nightjar_platform::{Disk, DiskFile, OpenMode, RealDisk};
use nightjar_ruler::file::print::print;
use nightjar_ruler::file::{GroupSpec, ReadOptions, RuleFile, parse};

/// Where they lie below the data directory.
const DIRECTORY: &str = "rules/written";

/// Longest name of a namespace in bytes, as file names are limited.
const LONGEST_NAME: usize = 80;

/// Rule groups written through the API.
pub struct Written {
    data: PathBuf,
    read: ReadOptions,
}

/// Why something cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// What was sent makes no sense.
    Invalid(String),
    /// There is no such thing.
    Missing(&'static str),
    /// The disk does not play along.
    Failed(String),
}

impl Written {
    /// Those below a data directory.
    pub fn below(data: &Path, read: ReadOptions) -> Written {
        Written { data: data.to_owned(), read }
    }

    /// All namespaces with their groups.
    pub fn namespaces(&self) -> Result<BTreeMap<String, RuleFile>, String> {
        let failed = |e: io::Error| format!("cannot read {}: {e}", self.data.join(DIRECTORY).display());
        let mut all = BTreeMap::new();
        if !self.data.join(DIRECTORY).is_dir() {
            return Ok(all);
        }
        let disk = self.disk().map_err(failed)?;
        for entry in disk.list(Path::new(DIRECTORY)).map_err(failed)? {
            let Some(name) = entry.name.strip_suffix(".yml").and_then(decoded) else { continue };
            let path = self.data.join(DIRECTORY).join(&entry.name).display().to_string();
            let text = super::read(&path)?;
            let file = parse(&text, &self.read).map_err(|errors| format!("{path}: {}", errors.join("; ")))?;
            all.insert(name, file);
        }
        Ok(all)
    }

    /// Puts a group, given as YAML, in the place of the one of its name. Answers its name.
    pub fn put(&self, namespace: &str, yaml: &str) -> Result<String, Refusal> {
        if namespace.is_empty() || namespace.len() > LONGEST_NAME {
            let reason = format!("the name of a namespace has 1 to {LONGEST_NAME} bytes");
            return Err(Refusal::Invalid(reason));
        }
        let group = self.group(yaml)?;
        let mut file = self.namespaces().map_err(Refusal::Failed)?.remove(namespace).unwrap_or_default();
        let name = group.name.clone();
        match file.groups.iter_mut().find(|old| old.name == name) {
            Some(old) => *old = group,
            None => file.groups.push(group),
        }
        self.write(namespace, &file)?;
        Ok(name)
    }

    /// The group of a text.
    fn group(&self, yaml: &str) -> Result<GroupSpec, Refusal> {
        let body = yaml.trim_start().strip_prefix("---").unwrap_or(yaml);
        let mut text = "groups:\n-\n".to_owned();
        for line in body.lines() {
            text.push_str("  ");
            text.push_str(line);
            text.push('\n');
        }
        let file = parse(&text, &self.read).map_err(|errors| Refusal::Invalid(errors.join("\n")))?;
        let [group] = <[GroupSpec; 1]>::try_from(file.groups)
            .map_err(|_| Refusal::Invalid("exactly one rule group is expected".to_owned()))?;
        match group.rules.is_empty() {
            true => Err(Refusal::Invalid(format!("rule group {:?} has no rules", group.name))),
            false => Ok(group),
        }
    }

    /// Removes a group, or with `None` all groups of a namespace.
    pub fn remove(&self, namespace: &str, group: Option<&str>) -> Result<(), Refusal> {
        let mut all = self.namespaces().map_err(Refusal::Failed)?;
        let mut file = all.remove(namespace).ok_or(Refusal::Missing("namespace does not exist"))?;
        let before = file.groups.len();
        file.groups.retain(|old| group.is_some_and(|name| name != old.name));
        if group.is_some() && file.groups.len() == before {
            return Err(Refusal::Missing("group does not exist"));
        }
        self.write(namespace, &file)
    }

    fn disk(&self) -> io::Result<RealDisk> {
        RealDisk::new(&self.data)
    }

    /// Writes a namespace; one without groups has no file.
    fn write(&self, namespace: &str, file: &RuleFile) -> Result<(), Refusal> {
        let path = Path::new(DIRECTORY).join(format!("{}.yml", encoded(namespace)));
        let written = self.disk().and_then(|disk| replace(&disk, &path, file));
        written.map_err(|e| Refusal::Failed(format!("cannot write {}: {e}", self.data.join(&path).display())))
    }
}

fn replace(disk: &RealDisk, path: &Path, file: &RuleFile) -> io::Result<()> {
    disk.create_dir(Path::new(DIRECTORY))?;
    if file.groups.is_empty() {
        disk.remove_file(path)?;
    } else {
        let part = path.with_extension("tmp");
        match disk.remove_file(&part) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let new = disk.open(&part, OpenMode::CreateNew)?;
        new.write_all_at(print(file).as_bytes(), 0)?;
        new.sync_data()?;
        disk.rename(&part, path)?;
    }
    ["", "rules", DIRECTORY].into_iter().try_for_each(|dir| disk.sync_dir(Path::new(dir)))
}

/// A name as a file name: everything but letters, digits, `-` and `_` as `%` and two hex digits.
fn encoded(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    name.bytes().map(|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}

fn decoded(name: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), name);
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '%' {
            bytes.push(u8::try_from(c).ok()?);
            continue;
        }
        bytes.push(u8::from_str_radix(rest.get(..2)?, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_file_system() {
        for name in ["plain", "../etc/pass wd", "ü%2F", "."] {
            assert_eq!(decoded(&encoded(name)).as_deref(), Some(name));
            assert!(!encoded(name).contains(['/', '.']));
        }
    }

    #[test]
    fn groups_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let written = Written::below(dir.path(), ReadOptions::default());
        assert!(written.namespaces().unwrap().is_empty());
        let group =
            |name: &str, expr: &str| format!("name: {name}\nrules:\n  - record: a\n    expr: |\n      {expr}\n");
        assert_eq!(written.put("team/a", &group("g", "up")), Ok("g".to_owned()));
        assert_eq!(written.put("team/a", &group("h", "up")), Ok("h".to_owned()));
        assert_eq!(
            written.put("team/a", r#"{"name": "g", "rules": [{"record": "a", "expr": "1"}]}"#),
            Ok("g".to_owned())
        );
        let file = written.namespaces().unwrap().remove("team/a").unwrap();
        let groups: Vec<_> = file.groups.iter().map(|g| (g.name.as_str(), g.rules[0].expr.source.as_str())).collect();
        assert_eq!(groups, [("g", "1"), ("h", "up\n")]);
        let refused = written.put("x", &group("g", "up +")).unwrap_err();
        assert!(
            matches!(&refused, Refusal::Invalid(reason) if reason.contains("could not parse expression")),
            "{refused:?}"
        );
        assert!(matches!(written.put("x", "name: g\nnope: 1"), Err(Refusal::Invalid(_))));
        assert_eq!(written.remove("team/a", Some("z")), Err(Refusal::Missing("group does not exist")));
        assert_eq!(written.remove("team/a", Some("g")), Ok(()));
        assert_eq!(written.remove("team/a", None), Ok(()));
        assert_eq!(written.remove("team/a", None), Err(Refusal::Missing("namespace does not exist")));
        assert!(written.namespaces().unwrap().is_empty());
    }
}
