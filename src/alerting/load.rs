//! From `alertmanager.yml` and its template files to what routing and rendering need.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nightjar_alertmanager::config::{Config, Integration};
use nightjar_alertmanager::matcher::MatcherMode;
use nightjar_alertmanager::notify::Templates;
use nightjar_alertmanager::record::LineId;

use crate::files;
use crate::rules::glob;

/// Largest configuration or template file.
const MAX_BYTES: u64 = 16 << 20;

/// Largest file with a secret.
const MAX_SECRET_BYTES: u64 = 1 << 20;

/// What holds without a file: alerts are kept and shown, nobody is told.
const NOBODY: &str = "route:\n  receiver: nobody\nreceivers:\n- name: nobody\n";

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file; without one nobody is told.
    pub path: Option<PathBuf>,
    /// The address people reach this server at, for links.
    pub external_url: String,
    /// Which grammars of matchers are allowed.
    pub mode: MatcherMode,
}

/// A configuration in force.
pub struct Setup {
    /// The checked file.
    pub config: Arc<Config>,
    /// Its templates.
    pub templates: Templates,
    /// What relative paths in it are relative to.
    pub directory: PathBuf,
    /// A hash of the file.
    pub hash: u32,
}

impl Source {
    /// Reads the file and its templates; the error names the place.
    pub fn load(&self) -> Result<Setup, String> {
        let text = match &self.path {
            Some(path) => files::read_text(path, MAX_BYTES).map_err(|e| format!("cannot read {}: {e}", path.display())),
            None => Ok(NOBODY.to_owned()),
        }?;
        self.parse(&text)
    }

    /// Reads the text of the file.
    pub fn parse(&self, text: &str) -> Result<Setup, String> {
        let path = self.path.clone().unwrap_or_default();
        let config = Config::parse(text, self.mode).map_err(|error| match error.at {
            Some(at) => format!("{}:{}:{}: {}", path.display(), at.line, at.column, error.message),
            None => format!("{}: {}", path.display(), error.message),
        })?;
        let directory = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let texts = template_files(&config, &directory)?;
        let texts = texts.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        let templates = Templates::new(&self.external_url, texts)?;
        Ok(Setup { config: Arc::new(config), templates, directory, hash: hash(text) })
    }
}

impl Setup {
    /// The integration a line leads to, if it still exists.
    pub fn integration(&self, line: &LineId) -> Option<&Integration> {
        let receiver = self.config.receiver(&line.receiver)?;
        receiver.integrations.iter().find(|i| *i.kind() == *line.kind && i.index == line.index as usize)
    }

    /// Reads a `*_file` setting.
    pub fn secret_file(&self, name: &str) -> Result<String, String> {
        let path = self.directory.join(name);
        files::read_text(&path, MAX_SECRET_BYTES).map_err(|e| format!("cannot read {}: {e}", path.display()))
    }
}

/// The files the globs of `templates` name, in the order of the globs.
fn template_files(config: &Config, directory: &Path) -> Result<Vec<(String, String)>, String> {
    let mut texts = Vec::new();
    for pattern in &config.templates {
        let pattern = directory.join(pattern).display().to_string();
        for path in glob::glob(&pattern).map_err(|e| format!("templates: {pattern}: {e}"))? {
            let text = files::read_text(Path::new(&path), MAX_BYTES).map_err(|e| format!("cannot read {path}: {e}"))?;
            texts.push((path, text));
        }
    }
    Ok(texts)
}

/// FNV-1a: two configurations that differ shall show different numbers.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
