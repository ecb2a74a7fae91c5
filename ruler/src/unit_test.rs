//! Unit tests of rules, as `promtool test rules` runs them.

mod compare;
mod diff;
mod file;
mod junit;
mod run;
mod series;
mod time;

use nightjar_query::Features;

pub use file::TestFile;
pub use junit::junit;

use crate::file::{ReadOptions, RuleFile};

/// How tests are run.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// Feature switches of the engine.
    pub features: Features,
    /// Alerts that are not as expected are told as one coloured text.
    pub diff: bool,
}

/// How one test went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestOutcome {
    /// Its name, or `unnamed#3` by its place in the file.
    pub name: String,
    /// What is not as expected, in promtool's words; empty if the test passed.
    pub errors: Vec<String>,
}

/// Runs the tests of a file whose names `chosen` accepts. `rules` are the rule files it names, by path and text.
pub fn run(
    file: &TestFile,
    rules: &[(String, String)],
    read: &ReadOptions,
    options: &RunOptions,
    chosen: &dyn Fn(&str) -> bool,
) -> Vec<TestOutcome> {
    let rules = rules.iter().map(|(path, text)| match crate::file::parse(text, read) {
        Ok(file) => Ok((path.clone(), file)),
        Err(errors) => Err(errors.into_iter().map(|error| format!("{path}: {error}")).collect::<Vec<_>>()),
    });
    let rules: Result<Vec<(String, RuleFile)>, _> = rules.collect();
    let tests = file.tests.iter().enumerate().filter(|(_, test)| chosen(&test.name));
    tests
        .map(|(i, test)| TestOutcome {
            name: if test.name.is_empty() { format!("unnamed#{i}") } else { test.name.clone() },
            errors: match &rules {
                Ok(rules) => run::Run { file, test, rules, options }.errors(),
                Err(errors) => errors.clone(),
            },
        })
        .collect()
}

#[cfg(test)]
mod tests;
