//! The source files of the workspace.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Folders of all crates; the root package is `.`.
pub fn crates() -> Vec<String> {
    let mut found = vec![".".to_owned()];
    for entry in root().read_dir().expect("the root is a directory") {
        let path = entry.expect("entry").path();
        if path.join("Cargo.toml").is_file() && path.join("src").is_dir() {
            found.push(path.file_name().expect("name").to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

/// Production sources: path relative to the root, text. Test modules in files of their own are left out.
pub fn files() -> Vec<(String, String)> {
    crates().iter().flat_map(|krate| sources(krate)).collect()
}

/// Production sources of one crate.
pub fn sources(krate: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(&root().join(krate).join("src"), &mut found);
    found.sort();
    found
}

fn walk(dir: &Path, found: &mut Vec<(String, String)>) {
    let Ok(entries) = dir.read_dir() else { return };
    for entry in entries {
        let path = entry.expect("entry").path();
        let name = path.file_name().expect("name").to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            walk(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let relative = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
            found.push((relative.trim_start_matches("./").to_owned(), std::fs::read_to_string(&path).expect("UTF-8")));
        }
    }
}
