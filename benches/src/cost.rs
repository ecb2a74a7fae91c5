//! What one question costs a server: CPU of its process per call.

use std::time::{Duration, Instant};

use crate::Outcome;
use crate::http::escape;
use crate::report::Report;
use crate::server::Server;

/// CPU is told in steps of 10 ms, so a cheap question is asked often,
const MOST_ROUNDS: u32 = 4000;
/// and a dear one a few times at least.
const FEWEST_ROUNDS: u32 = 3;

/// What a call took, on average.
pub(crate) struct Cost {
    pub(crate) cpu_ms: f64,
    pub(crate) wall_ms: f64,
    /// The answer to the first call, which is not measured.
    pub(crate) answer: String,
}

impl Cost {
    /// Asks `path` again and again for about `limit`.
    pub(crate) fn of(server: &Server, path: &str, limit: Duration) -> Outcome<Cost> {
        let mut client = server.client()?;
        let answer = client.get(path)?;
        if answer.status != 200 {
            let text = answer.text();
            return Err(format!("{} {}", answer.status, text.trim().chars().take(120).collect::<String>()));
        }
        let (begin, before) = (Instant::now(), server.usage()?.cpu_seconds);
        let mut rounds = 0;
        while rounds < FEWEST_ROUNDS || (rounds < MOST_ROUNDS && begin.elapsed() < limit) {
            client.get(path)?;
            rounds += 1;
        }
        let wall = begin.elapsed().as_secs_f64();
        let cpu = server.usage()?.cpu_seconds - before;
        let per_call = |seconds: f64| seconds / f64::from(rounds) * 1e3;
        Ok(Cost { cpu_ms: per_call(cpu), wall_ms: per_call(wall), answer: answer.text() })
    }
}

/// Asks a server a query and notes what it cost and what the answer was.
pub(crate) fn ask(report: &mut Report, server: &Server, table: &str, name: &str, path: &str, limit: Duration) {
    let path = format!("{path}{}", server.kind.no_cache());
    match Cost::of(server, &path, limit) {
        Ok(cost) => {
            report.cost(table, name, &server.kind.name, cost.cpu_ms, cost.wall_ms);
            report.compare(&format!("{name}, answer"), &server.kind.name, numbers(&cost.answer));
        }
        Err(problem) => report.add(&format!("{name}, CPU ms (wall ms)"), &server.kind.name, problem),
    }
}

/// The path of a range query; times in milliseconds.
pub(crate) fn range(query: &str, start: i64, end: i64, step_s: i64) -> String {
    let (start, end) = (start as f64 / 1e3, end as f64 / 1e3);
    format!("/api/v1/query_range?query={}&start={start:.3}&end={end:.3}&step={step_s}", escape(query))
}

/// The path of an instant query.
pub(crate) fn instant(query: &str, at: i64) -> String {
    format!("/api/v1/query?query={}&time={:.3}", escape(query), at as f64 / 1e3)
}

/// All values of an answer, in order.
fn numbers(answer: &str) -> Vec<f64> {
    let result = answer.split_once("\"result\":").map_or("", |(_, result)| result);
    let values = result.split(",\"").skip(1).filter_map(|part| part.split_once("\"]"));
    values.filter_map(|(value, _)| value.parse().ok()).collect()
}
