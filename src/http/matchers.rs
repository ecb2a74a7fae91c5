//! The parameter `match[]`.

use nightjar_model::Matcher;
use nightjar_query::{ParserOptions, parse_selector};

use super::params::Params;

/// Reads all `match[]` parameters: one matcher list each, none that selects everything. The error is only the reason;
/// some routes say it like this, others name the parameter first.
pub(super) fn matcher_sets(params: &Params, options: &ParserOptions) -> Result<Vec<Vec<Matcher>>, String> {
    params.all("match[]").map(|text| matcher_set(text, options)).collect()
}

fn matcher_set(text: &str, options: &ParserOptions) -> Result<Vec<Matcher>, String> {
    let matchers = parse_selector(text, options).map_err(|e| e.to_string())?;
    if matchers.iter().all(Matcher::matches_empty) {
        return Err("match[] must contain at least one non-empty matcher".to_owned());
    }
    Ok(matchers)
}
