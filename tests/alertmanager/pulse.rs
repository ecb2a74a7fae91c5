//! How late the machine is. Others may want it beside the tests, and a look at a clock that stood still proves nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::http::Client;

/// How often servers are asked.
const BEAT: Duration = Duration::from_millis(100);

/// Asks servers for nothing again and again, and measures by how much an answer comes too late.
pub struct Pulse {
    stop: Arc<AtomicBool>,
    worst: JoinHandle<Duration>,
}

impl Pulse {
    pub fn of(ports: Vec<u16>) -> Pulse {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let worst = std::thread::spawn(move || {
            let mut worst = Duration::ZERO;
            while !stopped.load(Ordering::SeqCst) {
                for port in &ports {
                    let due = Instant::now() + BEAT / ports.len() as u32;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let _ = Client::new(*port).get("/-/healthy");
                    worst = worst.max(due.elapsed());
                }
            }
            worst
        });
        Pulse { stop, worst }
    }

    /// The longest delay so far; ends the questions.
    pub fn worst(self) -> Duration {
        self.stop.store(true, Ordering::SeqCst);
        self.worst.join().unwrap_or(Duration::ZERO)
    }
}
