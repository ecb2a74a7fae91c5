//! Who we say we are.

use super::*;

fn inline(text: &str) -> Source {
    Source::Inline(Secret::new(text))
}

fn authorization(server: &Server, nth: usize) -> String {
    let asked = server.asked(nth);
    let lines: Vec<_> = asked.lines().filter_map(|line| line.strip_prefix("authorization: ")).collect();
    lines.join(" and ")
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "files of the test")]
async fn credentials_come_from_files_at_each_use() {
    let server = Server::start(|_| ok("x")).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    let bearer = Credentials::Authorization { kind: "Bearer".into(), text: Source::File(path.clone()) };
    let client = client(HttpOptions { credentials: bearer, ..HttpOptions::default() });
    let error = client.send(get(&server.url("/"))).await.unwrap_err();
    assert!(matches!(&error, HttpError::Setting(what) if what.contains("token")), "{error}");
    for token in ["one", "two"] {
        std::fs::write(&path, format!("{token}\n")).unwrap();
        client.send(get(&server.url("/"))).await.unwrap();
    }
    assert_eq!(
        (authorization(&server, 0), authorization(&server, 1)),
        ("Bearer one".to_owned(), "Bearer two".to_owned())
    );
    // What the request says of itself comes first.
    client.send(get(&server.url("/")).with("Authorization", "GenieKey k")).await.unwrap();
    assert_eq!(authorization(&server, 2), "GenieKey k");
}

#[tokio::test]
async fn names_and_passwords_and_headers() {
    let server = Server::start(|_| ok("x")).await;
    let credentials = Credentials::Basic { user: inline("a"), password: inline("b~") };
    let headers = vec![("X-Two".to_owned(), inline("1")), ("X-Two".to_owned(), inline("2"))];
    let basic = client(HttpOptions { credentials, headers, ..HttpOptions::default() });
    basic.send(get(&server.url("/"))).await.unwrap();
    assert_eq!(authorization(&server, 0), "Basic YTpifg==");
    assert_eq!(server.asked(0).matches("x-two: ").count(), 2);
    let url = server.url("/").replace("http://", "http://a:b%7E@");
    client(HttpOptions::default()).send(get(&url)).await.unwrap();
    assert_eq!(authorization(&server, 1), "Basic YTpifg==");
    assert!(
        Client::new(
            HttpOptions { headers: vec![("a b".to_owned(), inline("c"))], ..HttpOptions::default() },
            Limits::default(),
            Guard::default()
        )
        .is_err()
    );
}

fn oauth2(server: &Server, proof: Proof) -> HttpOptions {
    let oauth2 = Oauth2Options {
        client_id: "me&you".to_owned(),
        proof,
        token_url: Url::parse(&server.url("/token")).unwrap(),
        scopes: vec!["a".to_owned(), "b".to_owned()],
        params: vec![("audience".to_owned(), "x y".to_owned())],
        tls: TlsOptions::default(),
        proxy: ProxyOptions::default(),
    };
    HttpOptions { credentials: Credentials::Oauth2(Box::new(oauth2)), ..HttpOptions::default() }
}

/// A token server that is also the service; tokens last this long.
async fn token_server(expires_in: u32, takes_header: bool) -> Server {
    Server::start(move |asked| {
        let body = match asked.split(' ').nth(1) {
            Some("/token") if takes_header || !asked.contains("authorization: ") => {
                format!(r#"{{"access_token":"t{}","token_type":"bearer","expires_in":{expires_in}}}"#, asked.len())
            }
            Some("/token") => return Reply::text("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
            Some("/expired") => return Reply::text("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
            _ => String::new(),
        };
        ok(&body)
    })
    .await
}

/// How often each path was asked for.
fn paths(server: &Server) -> String {
    (0..server.count()).map(|nth| server.asked(nth).split(' ').nth(1).unwrap().to_owned() + " ").collect()
}

#[tokio::test]
async fn a_token_is_kept_while_it_is_good() {
    let server = token_server(3600, true).await;
    let client = client(oauth2(&server, Proof::Secret(inline("pass word"))));
    for path in ["/1", "/2", "/expired", "/3"] {
        client.send(get(&server.url(path))).await.unwrap();
    }
    assert_eq!(paths(&server), "/token /1 /2 /expired /token /3 ");
    let asked = server.asked(0);
    assert!(asked.ends_with("audience=x+y&scope=a+b&grant_type=client_credentials"), "{asked}");
    assert_eq!(authorization(&server, 0), basic("me%26you", &Secret::new("pass+word")).expose());
    assert_eq!(authorization(&server, 1), format!("Bearer t{}", asked.len()));
    // Many at once ask for one token.
    let fresh = super::client(oauth2(&server, Proof::Secret(inline("x"))));
    let before = server.count();
    let all: Vec<_> = (0..8)
        .map(|_| {
            let (c, r) = (fresh.clone(), get(&server.url("/4")));
            tokio::spawn(async move { c.send(r).await.unwrap().status })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), 200);
    }
    assert_eq!(server.count() - before, 9);
}

#[tokio::test]
async fn a_token_that_ends_is_renewed_and_a_server_may_want_the_secret_in_the_body() {
    let server = token_server(5, false).await;
    let client = client(oauth2(&server, Proof::Secret(inline("s"))));
    for _ in 0..2 {
        client.send(get(&server.url("/1"))).await.unwrap();
    }
    assert_eq!(paths(&server), "/token /token /1 /token /1 ");
    assert!(server.asked(1).ends_with("&client_id=me%26you&client_secret=s"), "{}", server.asked(1));
    let error = super::client(oauth2(&Server::start(|_| ok("no json")).await, Proof::Secret(inline("CANARY"))));
    let error = error.send(get(&server.url("/1"))).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot get an OAuth2 token: the answer is not JSON");
}
