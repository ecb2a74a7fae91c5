//! What servers say about themselves in words: ports by name, waits by date.

/// A port by number or by its usual name.
pub(super) fn port(text: &str) -> Result<u16, String> {
    match text {
        "smtp" => Ok(25),
        "smtps" | "submissions" => Ok(465),
        "submission" => Ok(587),
        number => number.parse().map_err(|_| format!("{number:?} is no port of a mail server")),
    }
}

/// `Retry-After` in seconds from now. A date counts from the server's own: clocks differ.
pub(super) fn seconds(text: &str, date: Option<&str>) -> Option<i64> {
    if let Ok(seconds) = text.trim().parse::<i64>() {
        return Some(seconds.max(0));
    }
    let at = |text: &str| jiff::fmt::rfc2822::parse(text.trim()).ok().map(|at| at.timestamp().as_second());
    Some((at(text)? - at(date?)?).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits() {
        let date = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(seconds("120", None), Some(120));
        assert_eq!(seconds("-5", None), Some(0));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:29:30 GMT", date), Some(90));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:27:00 GMT", date), Some(0));
        assert_eq!(seconds("Wed, 21 Oct 2015 07:29:30 GMT", None), None);
        assert_eq!(seconds("soon", date), None);
    }

    #[test]
    fn ports() {
        assert_eq!((port("25"), port("submission")), (Ok(25), Ok(587)));
        assert!(port("post office").is_err());
    }
}
