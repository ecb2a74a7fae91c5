//! Names of blocks: 48 bits of time and 80 bits of chance in Crockford's base 32.

/// Spells a ULID from milliseconds since the epoch and two random numbers.
pub fn ulid(time_ms: u64, random: [u64; 2]) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let number =
        (u128::from(time_ms) << 80) | ((u128::from(random[0]) << 64 | u128::from(random[1])) & ((1 << 80) - 1));
    (0..26).rev().map(|i| char::from(DIGITS[(number >> (5 * i)) as usize & 31])).collect()
}

/// Whether a name is spelled like one.
pub(super) fn is_ulid(name: &str) -> bool {
    name.len() == 26 && name.bytes().all(|b| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"ILOU".contains(&b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling() {
        assert_eq!(ulid(0, [0, 0]), "00000000000000000000000000");
        assert_eq!(ulid((1 << 48) - 1, [u64::MAX, u64::MAX]), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        // The time of the example in the specification.
        assert_eq!(&ulid(1_469_918_176_385, [1, 2])[..10], "01ARYZ6S41");
        assert!(
            is_ulid("01DXXFZDYD1MQW6079WK0K6EDQ") && !is_ulid("chunks_head") && !is_ulid("01DXXFZDYD1MQW6079WK0K6EDI")
        );
    }
}
