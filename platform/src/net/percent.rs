//! Percent-encoding of what stands in a path or a query.

use std::fmt::Write;

/// All but unreserved characters (RFC 3986, 2.3) as `%XX`.
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// The same with `+` for a space, as Go's `url.QueryEscape`.
pub fn query_escape(text: &str) -> String {
    percent_encode(text).replace("%20", "+")
}

/// `a=b&c=d` of pairs in their order, names and values escaped as in forms.
pub fn form<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> String {
    let pair = |(name, value): &(N, V)| format!("{}={}", query_escape(name.as_ref()), query_escape(value.as_ref()));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stand_for_themselves() {
        assert_eq!(percent_encode("aZ09-_.~ +*/ä%"), "aZ09-_.~%20%2B%2A%2F%C3%A4%25");
        assert_eq!(query_escape("a b+c%20~*"), "a+b%2Bc%2520~%2A");
        assert_eq!(form(&[("q", "a b"), ("ü", "&")]), "q=a+b&%C3%BC=%26");
    }
}
