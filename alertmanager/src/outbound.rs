//! Messages on their way: what [`crate::notify`] made is sent, and what became of it is told.

mod services;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nightjar_platform::net::guard::Guard;
use nightjar_platform::net::http::{self, Client, HttpError, HttpOptions, Limits, Method};
use nightjar_platform::net::smtp::{self, Login, SmtpLimits, SmtpServer};
use nightjar_platform::net::source::Source;
use nightjar_platform::net::url::Url;
use nightjar_platform::{Clock, Secret};
use parking_lot::Mutex;

use crate::config::Settings;
use crate::config::http::HttpConfig;
use crate::machine::Outcome;
use crate::notify::{Answer, Delivery, Mail, Request, Step, Talk, judge, wechat_token};

/// How many clients and tokens are kept; more than any configuration has, so that reloads do not pile them up.
const KEPT: usize = 512;

/// How long a token of WeChat is used.
const TOKEN: Duration = Duration::from_secs(2 * 3600);

/// The longest conversation, in questions.
const QUESTIONS: usize = 8;

/// Carries messages. Connections and tokens are kept between messages and across reloads. It must be used inside of a
/// tokio runtime.
pub struct Outbound {
    user_agent: String,
    guard: Guard,
    clock: Arc<dyn Clock>,
    clients: Mutex<HashMap<HttpOptions, Client>>,
    tokens: Mutex<HashMap<String, (Secret, Duration)>>,
}

impl Outbound {
    /// Nothing is on its way yet. The guard judges destinations that come from alerts.
    pub fn new(user_agent: impl Into<String>, guard: Guard, clock: Arc<dyn Clock>) -> Outbound {
        Outbound { user_agent: user_agent.into(), guard, clock, clients: Mutex::default(), tokens: Mutex::default() }
    }

    /// Carries one message of an integration, within `timeout`. Relative file names are taken from `folder`.
    pub async fn carry(&self, settings: &Settings, folder: &Path, delivery: Delivery, timeout: Duration) -> Outcome {
        let told = async {
            match delivery {
                Delivery::Mail(mail) => self.mail(settings, folder, &mail, timeout).await,
                other => match self.client(settings, folder) {
                    Ok(client) => self.converse(&client, settings, other, timeout).await,
                    Err(error) => Outcome::Refused { error },
                },
            }
        };
        let late = || Outcome::Retry { after_ms: None, error: format!("not delivered within {timeout:?}") };
        tokio::time::timeout(timeout, told).await.unwrap_or_else(|_| late())
    }

    async fn converse(&self, client: &Client, settings: &Settings, delivery: Delivery, timeout: Duration) -> Outcome {
        let ways = Way { client, settings, timeout };
        match delivery {
            Delivery::Http(requests) => ways.all(requests).await,
            Delivery::Token { ask, tell } => self.with_token(&ways, ask, tell).await,
            Delivery::Talk(talk) => ways.talk(talk).await,
            Delivery::Mail(_) => Outcome::Refused { error: "a mail does not go over HTTP".to_owned() },
        }
    }

    fn client(&self, settings: &Settings, folder: &Path) -> Result<Client, String> {
        let options = match settings.http_config() {
            Some(config) => config.options(folder, &self.user_agent)?,
            None => HttpConfig::default().options(folder, &self.user_agent)?,
        };
        let mut clients = self.clients.lock();
        if let Some(client) = clients.get(&options) {
            return Ok(client.clone());
        }
        let client = Client::new(options.clone(), Limits::default(), self.guard.clone())?;
        if clients.len() >= KEPT {
            clients.clear();
        }
        clients.insert(options, client.clone());
        Ok(client)
    }

    async fn with_token(&self, ways: &Way<'_>, ask: Request, tell: Request) -> Outcome {
        let (account, now) = (ask.url.expose().to_owned(), self.clock.monotonic());
        let known = self.tokens.lock().get(&account).filter(|(_, until)| now < *until).map(|(token, _)| token.clone());
        if known.is_none() {
            self.tokens.lock().remove(&account);
        }
        let token = match known {
            Some(token) => token,
            None => match ways.ask(ask).await.map(|answer| wechat_token(&answer.body)) {
                Ok(Ok(token)) => token,
                Ok(Err(error)) => return Outcome::Refused { error },
                Err(outcome) => return outcome,
            },
        };
        let url = Secret::new(format!("{}{}", tell.url.expose(), token.expose()));
        let outcome = ways.all(vec![Request { url, ..tell }]).await;
        let mut tokens = self.tokens.lock();
        match outcome {
            Outcome::Delivered(_) => {
                if tokens.len() >= KEPT {
                    tokens.clear();
                }
                tokens.entry(account).or_insert((token, now + TOKEN));
            }
            // The service may have taken the token back.
            _ => {
                tokens.remove(&account);
            }
        }
        outcome
    }

    async fn mail(&self, settings: &Settings, folder: &Path, mail: &Mail, timeout: Duration) -> Outcome {
        let tls = match settings {
            Settings::Email(email) => email.tls_config.as_ref().map(|tls| tls.options(folder)).unwrap_or_default(),
            _ => Default::default(),
        };
        let server = services::port(&mail.smarthost.port).map(|port| SmtpServer {
            host: mail.smarthost.host.clone(),
            port,
            hello: mail.hello.clone(),
            tls,
            implicit_tls: mail.implicit_tls,
            require_tls: mail.require_tls,
            login: Login {
                user: mail.username.clone(),
                password: Some(Source::Inline(mail.password.clone())),
                secret: Some(Source::Inline(mail.secret.clone())),
                identity: mail.identity.clone(),
            },
        });
        let (server, envelope) = match (server, mail.envelope()) {
            (Ok(server), Ok(envelope)) => (server, envelope),
            (Err(error), _) | (_, Err(error)) => return Outcome::Refused { error },
        };
        let limits = SmtpLimits { total: timeout, ..SmtpLimits::default() };
        match smtp::deliver(&server, &envelope, &mail.message(self.clock.wall_ms()), limits).await {
            Ok(refused) => {
                for error in refused {
                    tracing::warn!(error = error.to_string(), "a mail reached only some of its recipients");
                }
                Outcome::Delivered(Default::default())
            }
            Err(error) if error.is_final() => Outcome::Refused { error: error.to_string() },
            Err(error) => Outcome::Retry { after_ms: None, error: error.to_string() },
        }
    }
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outbound")
    }
}

/// The way to one service.
struct Way<'a> {
    client: &'a Client,
    settings: &'a Settings,
    timeout: Duration,
}

impl Way<'_> {
    /// These requests, in order; the first that fails decides.
    async fn all(&self, requests: Vec<Request>) -> Outcome {
        let mut last = Outcome::Delivered(Default::default());
        for request in requests {
            last = match self.ask(request).await {
                Ok(answer) => judge(self.settings, answer.status, answer.retry_after_s, &answer.body),
                Err(outcome) => return outcome,
            };
            if !matches!(last, Outcome::Delivered(_)) {
                break;
            }
        }
        last
    }

    async fn talk(&self, mut talk: Box<dyn Talk>) -> Outcome {
        let mut answer = None;
        for _ in 0..QUESTIONS {
            match talk.next(answer.as_ref()) {
                Step::End(outcome) => return outcome,
                Step::Ask(request) => match self.ask(*request).await {
                    Ok(heard) => answer = Some(heard),
                    Err(outcome) => return outcome,
                },
            }
        }
        Outcome::Refused { error: "the conversation has no end".to_owned() }
    }

    async fn ask(&self, request: Request) -> Result<Answer, Outcome> {
        let refused = |error: String| Outcome::Refused { error };
        let url = Url::parse(request.url.expose()).map_err(refused)?;
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|error| refused(error.to_string()))?;
        let headers = request.headers.into_iter().map(|(name, value)| (name.into_owned(), value)).collect();
        let asked = http::Request {
            headers,
            guarded: request.guarded,
            timeout: Some(self.timeout),
            ..http::Request::new(method, url, request.body)
        };
        let answer = self.client.send(asked).await.map_err(|error| self.failed(&error))?;
        let retry_after_s =
            answer.header("retry-after").and_then(|text| services::seconds(text, answer.header("date")));
        Ok(Answer { status: answer.status, retry_after_s, body: answer.text() })
    }

    fn failed(&self, error: &HttpError) -> Outcome {
        let text = error.to_string();
        if error.is_final() { Outcome::Refused { error: text } } else { Outcome::Retry { after_ms: None, error: text } }
    }
}
