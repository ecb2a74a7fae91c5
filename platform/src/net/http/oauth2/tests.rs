//! Answers of token servers, and signed statements.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey};

use super::assertion::{Assertion, SignatureAlgorithm, key_pair};
use super::{LONGEST, read};
use crate::net::source::Source;
use crate::net::url::Url;
use crate::secret::Secret;

/// Made for this test and used nowhere.
const KEY: &str = "\
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC5YazJr3Ts6yGc
qe7v4VNX7d8mj8o2SGC9+17Rp7ApynKCQF25si5AjDP7P0GxQJqGd29xbQlz9ans
dSrF2+RPEJFBHQzS8sNcPCxkxK1LxeWX4Cy+TdlH1QFbpFb3HWTK3g9dW9syiuqb
j6cwkxer++bq3kp3BWr8e+mTkvJshCCxBdO86t0vt54CsbmDlkgXojMsI5Kr/cDV
DCrX5PKW215s7OP1LEN33uuyWzaanfNle+ywrgQ8Afqr7qaUUIwxNB4CtWlvbstt
ppiO2K4ZDaFjhJ5CYl8cmWotBHnvuVMdlfQf3c35IwApcKSQgGxOneQXFno4wwae
SFpuWTwDAgMBAAECggEAHwSCSi6y1C9VbOacBYQAk25ID6YwcduzYCZOi6rQlXV7
qmKFrBvtlDxBOFExtyw1jrkuKt7RHZdlqpxCH1/29+mwPCJVsngPCwBAd03XJx4C
F+LY6bCR4ex4cTJyoJ9I7Y6xKHBFoVPQBF5JXZ3G8K5RyUuPTxHXgE5lWx1Ttacu
u/7Ji7RtFwqql8MilYJQ+gW7igTffUhgA/N4Kf8hQq84nm/Mt1LJshpIHxifARA5
/8kbYaRs2VcNPex0MOYe4inoWUJUJmtnCJAhO8hn7cHiue3SmgB/lwlVDxA4ZnrP
mVcZ/ZVVyNNbpzesuvzPxF7PzlfrJ51D5CP+S2JTMQKBgQDtVjMwem7su6sifJ3u
cti4LNSPpQYeOgzYNahwN4q7+FWCq+FsuPzuoMexfXtsWJbbLTQJP3ZwDXRXjKRw
jR0O3g2ZeogTHcGAqUFl5X78pUA45kzDDDW8TXB4x3Nndrs637EJNKG0MpO7AttQ
BP5YHGCgwymTIROlJony1jSDEQKBgQDH9ZInv4aUAQ1jzlDnozEi+iL9eU7X0EAL
Y4fpnGNt0zcSB5wdGu2xnpsRgXdxaR14YauzPR0L3s5KuS6LHaoRlpoOd7PP3Srw
6M+pARHLXM+aYj2lN27F3MLBaV2VYV+J8dcQ1w5ncZ+uzRE6ebSy2d+AZa+5hTzh
YeUINKPl0wKBgFtYugsGlHr5IDz9yatk+JSqbIV89oXbweXVgSbvua3vPro0fWbj
LDaMG0/tA/wHfMiO9WA51NP72bN4pjHLnkuCm6lex9DTuw5SFqGpWt7Sm41K1nCb
2nLHO2rBGWHRCO73+aOZZkN80+8+gjqiMWKoSWiWtQGz0WPXGXElkMCBAoGAJwt3
n5VRdQMDl1KJD8IY7SiEvpP6Zj++0bp8powoCiDtJvMfc7t3YHCE/RUXuqh43bHM
sjIjwtad149zXCzNsaODr4GGNfeM0//R1MFltR0JWK8INIOveKlTyiqF4I5j9m6n
vR0RLffM43gdfhqXwzix4MN6XbJ7odLYwxJsUosCgYEAhP1F0hb4XwTbpr7iw6eN
RIkTPIEud4GBTp583buE8Ku/8doRwpflKVJLjUQ3QkAEoBKyF/ognEF2dKe3ARie
TrC+X/F9azdmG7T7gnhea/ZjHKNihEvVIJYz90qaOetAncHfahoqpF9EH9zOmBT4
0XNUJKLBeiZRqYGZxYjmDFs=
-----END PRIVATE KEY-----";

#[test]
fn a_statement_is_signed() {
    let table = [
        (SignatureAlgorithm::Rs256, "RS256", &RSA_PKCS1_2048_8192_SHA256),
        (SignatureAlgorithm::Rs512, "RS512", &RSA_PKCS1_2048_8192_SHA512),
    ];
    let key = Secret::new(KEY);
    let url = Url::parse("https://t/token").unwrap();
    for (algorithm, name, verify) in table {
        let assertion = Assertion {
            key: Source::Inline(key.clone()),
            key_id: "k1".to_owned(),
            algorithm,
            issuer: String::new(),
            audience: String::new(),
            claims: r#"{"scope":"a"}"#.to_owned(),
        };
        let statement = assertion.statement("me", &url, &key, 7, 1_000).unwrap();
        let (signed, signature) = statement.rsplit_once('.').unwrap();
        let public = key_pair(&key).unwrap().public().as_ref().to_vec();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        UnparsedPublicKey::new(verify, public).verify(signed.as_bytes(), &signature).unwrap();
        let part = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        let (head, claims) = signed.split_once('.').unwrap();
        assert_eq!(part(head), format!(r#"{{"alg":"{name}","kid":"k1","typ":"JWT"}}"#));
        assert_eq!(
            part(claims),
            r#"{"aud":"https://t/token","exp":4600,"iat":1000,"iss":"me","jti":"0000000000000007","scope":"a","sub":"me"}"#
        );
    }
    assert!(key_pair(&Secret::new("CANARY")).unwrap_err().contains("not a private RSA key"));
}

#[test]
fn answers_of_token_servers() {
    let table = [
        (r#"{"access_token":"t"}"#, Ok(("Bearer t", None))),
        (r#"{"access_token":"t","token_type":"bearer","expires_in":60}"#, Ok(("Bearer t", Some(60)))),
        (r#"{"access_token":"t","token_type":"Custom","expires_in":"60"}"#, Ok(("Custom t", Some(60)))),
        (r#"{"access_token":"t","expires_in":1e300}"#, Ok(("Bearer t", Some(LONGEST.as_secs())))),
        (r#"{"access_token":""}"#, Err("the answer holds no access_token")),
        ("<html>", Err("the answer is not JSON")),
    ];
    for (body, expected) in table {
        let got = read(body.as_bytes());
        let got = got.as_ref().map(|(h, l)| (h.expose(), l.map(|l| l.as_secs()))).map_err(String::as_str);
        assert_eq!(got, expected, "{body}");
    }
}
