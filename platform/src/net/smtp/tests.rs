//! The dialogue with a real server: a good one, and one that fails at every step in every way.

mod server;

use super::*;
use crate::net::certificates::authority;
use crate::net::source::Source;
use crate::secret::Secret;
use server::{Failure, MailServer, Manner};

fn source(text: &str) -> Option<Source> {
    Some(Source::Inline(Secret::new(text)))
}

fn to(server: &MailServer) -> SmtpServer {
    SmtpServer {
        host: "127.0.0.1".to_owned(),
        port: server.port,
        hello: "me.example".to_owned(),
        tls: TlsOptions { ca: server.ca.as_deref().and_then(source), ..TlsOptions::default() },
        implicit_tls: false,
        require_tls: false,
        login: Login::default(),
    }
}

fn envelope() -> Envelope {
    Envelope { from: "from@x".to_owned(), to: vec!["a@x".to_owned(), "b@x".to_owned()] }
}

const MESSAGE: &[u8] = b"Subject: hi\r\n\r\n.dot\r\nend";

async fn deliver_to(server: &SmtpServer) -> Result<Vec<SmtpError>, SmtpError> {
    let limits = SmtpLimits { step: Duration::from_millis(400), total: Duration::from_secs(2) };
    deliver(server, &envelope(), MESSAGE, limits).await
}

#[tokio::test]
async fn a_mail_is_handed_in() {
    let server = MailServer::start(Manner::default()).await;
    assert_eq!(deliver_to(&to(&server)).await, Ok(vec![]));
    let heard = server.heard();
    assert_eq!(
        heard,
        "EHLO me.example\nMAIL FROM:<from@x> BODY=8BITMIME\nRCPT TO:<a@x>\nRCPT TO:<b@x>\nDATA\n\
         Subject: hi\n\n..dot\nend\n.\nQUIT\n"
    );
}

#[tokio::test]
async fn starttls_and_implicit_tls() {
    for implicit_tls in [false, true] {
        let server =
            MailServer::start(Manner { tls: Some(authority("127.0.0.1")), implicit_tls, ..Manner::default() }).await;
        let secure = SmtpServer { implicit_tls, require_tls: true, ..to(&server) };
        assert_eq!(deliver_to(&secure).await, Ok(vec![]), "{implicit_tls}");
        assert_eq!(server.heard().contains("STARTTLS"), !implicit_tls);
        let stranger = SmtpServer { tls: TlsOptions::default(), ..secure };
        let error = deliver_to(&stranger).await.unwrap_err();
        assert!(matches!(&error, SmtpError::Broken { step: "TLS", .. }), "{error}");
    }
    let server = MailServer::start(Manner::default()).await;
    let error = deliver_to(&SmtpServer { require_tls: true, ..to(&server) }).await.unwrap_err();
    assert!(error.is_final() && error.to_string().contains("does not advertise the STARTTLS"), "{error}");
    assert!(!server.heard().contains("MAIL"));
    let server =
        MailServer::start(Manner { tls: Some(authority("127.0.0.1")), injects: true, ..Manner::default() }).await;
    let error = deliver_to(&SmtpServer { require_tls: true, ..to(&server) }).await.unwrap_err();
    assert!(error.to_string().contains("put words into"), "{error}");
}

#[tokio::test]
async fn who_we_are() {
    let login = Login { user: "u".to_owned(), password: source("p"), secret: source("s"), identity: String::new() };
    for (offer, expected) in [
        ("PLAIN LOGIN", Ok("AUTH PLAIN AHUAcA==")),
        ("LOGIN PLAIN", Ok("AUTH LOGIN\ndQ==\ncA==")),
        ("XOAUTH2 CRAM-MD5", Ok("AUTH CRAM-MD5\ndSA")),
        ("XOAUTH2", Err("find auth mechanism: unknown auth mechanism: XOAUTH2")),
    ] {
        let server = MailServer::start(Manner { auth: offer, ..Manner::default() }).await;
        let told = deliver_to(&SmtpServer { login: login.clone(), ..to(&server) }).await;
        match expected {
            Ok(line) => {
                assert_eq!(told, Ok(vec![]), "{offer}");
                assert!(server.heard().contains(line), "{offer}: {}", server.heard());
            }
            Err(why) => assert_eq!(told.unwrap_err().to_string(), why),
        }
    }
    let nobody = MailServer::start(Manner { auth: "PLAIN", ..Manner::default() }).await;
    assert_eq!(deliver_to(&to(&nobody)).await, Ok(vec![]), "without a name nobody logs in");
    let server = MailServer::start(Manner { auth: "PLAIN", ..Manner::default() }).await;
    let lost = Login { password: Some(Source::File("/nowhere/password".into())), ..login.clone() };
    let error = deliver_to(&SmtpServer { login: lost, ..to(&server) }).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/password"), "{error}");
    let empty = Login { password: None, ..login };
    let error = deliver_to(&SmtpServer { login: empty, ..to(&server) }).await.unwrap_err();
    assert_eq!(error.to_string(), "find auth mechanism: missing password for PLAIN auth mechanism");
}

#[tokio::test]
async fn every_step_may_fail_in_every_way() {
    let steps = ["greeting", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "message"];
    let ways = [
        (Failure::Silence, false),
        (Failure::HangUp, false),
        (Failure::Says("451 later"), false),
        (Failure::Says("554 never"), true),
        (Failure::Says("hello?"), false),
        (Failure::Says("250-and so on"), false),
        (Failure::Endless, false),
    ];
    for at in steps {
        for (way, last) in ways {
            let server =
                MailServer::start(Manner { auth: "PLAIN", failure: Some((at, way)), ..Manner::default() }).await;
            let login = Login { user: "u".to_owned(), password: source("CANARY"), ..Login::default() };
            let begun = tokio::time::Instant::now();
            let error = deliver_to(&SmtpServer { login, ..to(&server) }).await;
            let error = error.expect_err(&format!("{at} {way:?}"));
            assert!(begun.elapsed() < Duration::from_secs(4), "{at} {way:?}: {:?}", begun.elapsed());
            assert_eq!(error.is_final(), last, "{at} {way:?}: {error}");
            assert!(!error.to_string().contains("CANARY"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_bad_good_bye_is_no_failure() {
    for way in [Failure::Silence, Failure::HangUp, Failure::Says("554 never")] {
        let server = MailServer::start(Manner { failure: Some(("QUIT", way)), ..Manner::default() }).await;
        assert_eq!(deliver_to(&to(&server)).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn a_drip_is_over_at_the_total() {
    let server = MailServer::start(Manner { failure: Some(("EHLO", Failure::Drip)), ..Manner::default() }).await;
    let begun = tokio::time::Instant::now();
    let limits = SmtpLimits { step: Duration::from_secs(60), total: Duration::from_millis(500) };
    let error = deliver(&to(&server), &envelope(), MESSAGE, limits).await.unwrap_err();
    assert!(error.to_string().contains("not handed in within 500ms"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn one_bad_address_does_not_keep_the_mail_from_the_others() {
    let server = MailServer::start(Manner { unknown: "b@x", ..Manner::default() }).await;
    let refused = deliver_to(&to(&server)).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].to_string().contains("550"), "{}", refused[0]);
    assert!(server.heard().contains("Subject: hi"));
    let only = Envelope { to: vec!["b@x".to_owned()], ..envelope() };
    assert!(deliver(&to(&server), &only, MESSAGE, SmtpLimits::default()).await.unwrap_err().is_final());
}

#[tokio::test]
async fn an_old_server_and_a_line_break() {
    let server =
        MailServer::start(Manner { failure: Some(("EHLO", Failure::Says("502 what?"))), ..Manner::default() }).await;
    assert_eq!(deliver_to(&to(&server)).await, Ok(vec![]));
    assert!(server.heard().contains("HELO me.example\nMAIL FROM:<from@x>\n"), "{}", server.heard());
    let evil = Envelope { from: "a@x>\r\nRCPT TO:<evil@x".to_owned(), ..envelope() };
    let error = deliver(&to(&server), &evil, MESSAGE, SmtpLimits::default()).await.unwrap_err();
    assert!(error.is_final(), "{error}");
}
