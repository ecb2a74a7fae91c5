//! Integers in any base.

/// Magnitude in base 2, 8, 10 or 16, lower or upper case.
pub(super) fn digits(magnitude: u64, verb: char) -> String {
    match verb {
        'b' => format!("{magnitude:b}"),
        'o' | 'O' => format!("{magnitude:o}"),
        'x' => format!("{magnitude:x}"),
        'X' => format!("{magnitude:X}"),
        _ => magnitude.to_string(),
    }
}

/// What `#`, or the verb itself, puts before the digits.
pub(super) fn prefix(digits: &str, verb: char, sharp: bool) -> &'static str {
    match verb {
        'O' => "0o",
        'b' if sharp => "0b",
        'o' if sharp && !digits.starts_with('0') => "0",
        'x' if sharp => "0x",
        'X' if sharp => "0X",
        _ => "",
    }
}
