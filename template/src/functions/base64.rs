//! Base 64 in the alphabet for URLs, padded.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * i)) as usize & 63];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

/// Line ends are skipped, as Go does. Bytes that are not UTF-8 become U+FFFD.
pub(super) fn decode(text: &str) -> Result<String, String> {
    let fail = |at: usize| format!("illegal base64 data at input byte {at}");
    let digits: Vec<(usize, u8)> = text.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n')).collect();
    let mut out = Vec::with_capacity(digits.len() / 4 * 3);
    for (i, group) in digits.chunks(4).enumerate() {
        let (mut bits, mut count) = (0u32, 0);
        for (at, byte) in group {
            match ALPHABET.iter().position(|d| d == byte) {
                Some(digit) => bits = bits << 6 | digit as u32,
                None if *byte == b'=' && count >= 2 => break,
                None => return Err(fail(*at)),
            }
            count += 1;
        }
        let padding = &group[count..];
        if group.len() < 4 {
            let padded = count < group.len();
            return Err(fail(if padded { text.len() } else { text.len() - count }));
        }
        if let Some((at, _)) = padding.iter().find(|(_, b)| *b != b'=') {
            return Err(fail(*at));
        }
        if let (false, Some((at, _))) = (padding.is_empty(), digits.get(4 * i + 4)) {
            return Err(fail(*at));
        }
        bits <<= 6 * (4 - count);
        out.extend_from_slice(&bits.to_be_bytes()[1..count]);
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[test]
fn bytes_survive() {
    for text in ["", "a", "ab", "abc", "a?b>c~é"] {
        assert_eq!(decode(&encode(text.as_bytes())).as_deref(), Ok(text));
    }
    assert_eq!(encode(b"\xfb\xff"), "-_8=");
    assert_eq!(decode("a"), Err("illegal base64 data at input byte 0".to_owned()));
    assert_eq!(decode("YQ=a"), Err("illegal base64 data at input byte 3".to_owned()));
}
