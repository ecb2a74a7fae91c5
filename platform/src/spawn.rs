//! Threads with names, whose panics somebody hears about.

use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

/// What happens when a thread panics. It is called on the panicking thread with the thread's name and the message.
#[derive(Clone)]
pub struct PanicPolicy(Arc<PanicHandler>);

type PanicHandler = dyn Fn(&str, &str) + Send + Sync;

impl PanicPolicy {
    /// Calls `handler(thread, message)`. A server logs and aborts here: half a server is worse than a restart.
    pub fn new(handler: impl Fn(&str, &str) + Send + Sync + 'static) -> PanicPolicy {
        PanicPolicy(Arc::new(handler))
    }

    /// Only [`Thread::join`] tells of the panic.
    pub fn quiet() -> PanicPolicy {
        PanicPolicy::new(|_, _| {})
    }
}

impl fmt::Debug for PanicPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PanicPolicy")
    }
}

/// Runs both closures at once and waits for both; one after the other when the system has no thread left. A panic of
/// either goes on here.
pub fn both<A: Send, B>(name: &str, a: impl Fn() -> A + Sync, b: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, &a);
        let second = b();
        let first = match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(first)) => first,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => a(),
        };
        (first, second)
    })
}

/// Runs `own` here and `help` on `threads` other threads at once, and waits for all; on fewer when the system has none
/// left. A panic of either goes on here.
pub fn beside<T>(name: &str, threads: usize, help: impl Fn() + Sync, own: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        let start = |_| std::thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, &help).ok();
        let running: Vec<_> = (0..threads).map_while(start).collect();
        let done = own();
        for thread in running {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
        done
    })
}

/// Niceness of background threads: about a tenth of the share of others.
const BACKGROUND_NICE: i32 = 10;

/// A running thread. Dropping it lets the thread run on.
#[derive(Debug)]
pub struct Thread<T>(JoinHandle<Result<T, String>>);

impl<T> Thread<T> {
    /// Waits for the end; the error is the message of a panic.
    pub fn join(self) -> Result<T, String> {
        self.0.join().unwrap_or_else(|payload| Err(message(&*payload)))
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// Starts a thread. Linux shows the first 15 bytes of `name`. Fails when the system has no thread left.
pub fn spawn<T: Send + 'static>(
    name: &str,
    on_panic: &PanicPolicy,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Thread<T>> {
    let policy = on_panic.clone();
    let thread = name.to_owned();
    let run = move || {
        catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
            let message = message(&*payload);
            (policy.0)(&thread, &message);
            message
        })
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(Thread)
}

/// The same for work that can wait: the system lets other threads go first.
pub fn spawn_background<T: Send + 'static>(
    name: &str,
    on_panic: &PanicPolicy,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Thread<T>> {
    spawn(name, on_panic, move || {
        // On Linux this concerns the calling thread alone. Refused, the work is done all the same.
        let _ = rustix::process::setpriority_process(None, BACKGROUND_NICE);
        body()
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn a_thread_returns_its_value_under_its_name() {
        let name = || std::thread::current().name().map(str::to_owned);
        let thread = spawn("wal-sync", &PanicPolicy::quiet(), name).unwrap();
        assert_eq!(thread.join(), Ok(Some("wal-sync".to_owned())));
    }

    #[test]
    fn helpers_work_beside_their_caller() {
        let names = Mutex::new(Vec::new());
        let enter = || names.lock().push(std::thread::current().name().map(str::to_owned));
        assert_eq!(beside("help", 3, enter, || 7), 7);
        assert_eq!(names.into_inner(), vec![Some("help".to_owned()); 3]);
        let panics = std::panic::catch_unwind(|| beside("help", 1, || panic!("bad rule"), || ()));
        assert_eq!(message(&*panics.unwrap_err()), "bad rule");
    }

    #[test]
    fn a_panic_reaches_the_policy_and_the_joiner() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        let policy = PanicPolicy::new(move |name, message| log.lock().push(format!("{name}: {message}")));
        let frame = 7;
        let thread = spawn("wal-sync", &policy, move || panic!("bad frame {frame}")).unwrap();
        assert_eq!(thread.join(), Err::<(), _>("bad frame 7".to_owned()));
        assert_eq!(*heard.lock(), ["wal-sync: bad frame 7"]);
    }
}
