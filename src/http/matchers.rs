//! The parameter `match[]`.

use nightjar_model::Matcher;
use nightjar_query::{ParserOptions, parse_selector};

use super::error::ApiError;
use super::params::Params;

/// Reads all `match[]` parameters: one matcher list each, none that selects everything.
pub(super) fn matcher_sets(params: &Params, options: &ParserOptions) -> Result<Vec<Vec<Matcher>>, ApiError> {
    params.all("match[]").map(|text| matcher_set(text, options)).collect()
}

fn matcher_set(text: &str, options: &ParserOptions) -> Result<Vec<Matcher>, ApiError> {
    let matchers = parse_selector(text, options).map_err(|e| ApiError::parameter("match[]", e))?;
    if matchers.iter().all(Matcher::matches_empty) {
        return Err(ApiError::parameter("match[]", "match[] must contain at least one non-empty matcher"));
    }
    Ok(matchers)
}
