//! What a process costs the machine, as Linux tells it.
#![expect(clippy::disallowed_methods, reason = "this is the door")]

use std::io;
use std::time::Duration;

/// What a process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// CPU time in user and system mode, seconds.
    pub cpu_seconds: f64,
    /// Memory in RAM, bytes.
    pub resident_bytes: u64,
    /// Address space, bytes.
    pub virtual_bytes: u64,
    /// When it started, seconds since the epoch.
    pub start_time_seconds: f64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// Most file descriptors it may open.
    pub max_fds: u64,
    /// Threads.
    pub threads: u64,
}

/// What this process uses now. Fails where there is no `/proc`.
pub fn usage() -> io::Result<Usage> {
    let mut usage = usage_of("self")?;
    usage.max_fds = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    Ok(usage)
}

/// The name of this machine.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// CPU time the calling thread has used, in user and system mode.
pub fn thread_cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), used.tv_nsec as u32)
}

/// What the process `pid` (a number or `self`) uses now; `max_fds` is 0.
pub fn usage_of(pid: &str) -> io::Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let boot = std::fs::read_to_string("/proc/stat")?;
    let units = Units {
        ticks_per_second: rustix::param::clock_ticks_per_second() as f64,
        page_bytes: rustix::param::page_size() as u64,
        boot_seconds: boot_seconds(&boot).unwrap_or(0.0),
    };
    let unreadable = || io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat is not understood"));
    let mut usage = parse_stat(&stat, units).ok_or_else(unreadable)?;
    usage.open_fds = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |fds| fds.count() as u64);
    Ok(usage)
}

/// Memory in RAM that this process uses now, in bytes; quicker than [`usage`].
pub fn resident_bytes() -> io::Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_ascii_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let unreadable = || io::Error::new(io::ErrorKind::InvalidData, "/proc/self/statm is not understood");
    Ok(pages.ok_or_else(unreadable)?.saturating_mul(rustix::param::page_size() as u64))
}

/// What the control group of this process allows it, in bytes; `None` without a limit.
pub fn memory_limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups).into_iter().filter_map(|file| std::fs::read_to_string(file).ok());
    // Version 1 says "no limit" with a number close to the largest.
    limits.filter_map(|text| text.trim().parse::<u64>().ok()).filter(|bytes| *bytes < 1 << 60).min()
}

/// Where the limits of the groups in `/proc/self/cgroup`, and of those around them, are written.
fn limit_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(kind), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, file) = match kind {
            "" => ("/sys/fs/cgroup", "memory.max"),
            kind if kind.split(',').any(|k| k == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let mut path = path.trim_end_matches('/');
        loop {
            files.push(format!("{root}{path}/{file}"));
            match path.rfind('/') {
                Some(at) => path = &path[..at],
                None => break,
            }
        }
    }
    files
}

#[derive(Clone, Copy)]
struct Units {
    ticks_per_second: f64,
    page_bytes: u64,
    boot_seconds: f64,
}

fn boot_seconds(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// Reads `/proc/<pid>/stat`. The program name may hold spaces and parentheses, so counting starts after the last one.
fn parse_stat(stat: &str, units: Units) -> Option<Usage> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    // Field 3 of proc(5) is the first one here.
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Usage {
        cpu_seconds: (number(14)? + number(15)?) as f64 / units.ticks_per_second,
        threads: number(20)?,
        start_time_seconds: units.boot_seconds + number(22)? as f64 / units.ticks_per_second,
        virtual_bytes: number(23)?,
        resident_bytes: number(24)?.saturating_mul(units.page_bytes),
        open_fds: 0,
        max_fds: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: Units = Units { ticks_per_second: 100.0, page_bytes: 4096, boot_seconds: 1_000.0 };

    #[test]
    fn a_stat_line_is_read() {
        let line = "42 (a) b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 150 0 0 20 0 7 0 12345 1048576 256 18446744073709551615 1 1";
        let expected = Usage {
            cpu_seconds: 4.0,
            threads: 7,
            start_time_seconds: 1_123.45,
            virtual_bytes: 1_048_576,
            resident_bytes: 1_048_576,
            open_fds: 0,
            max_fds: 0,
        };
        assert_eq!(parse_stat(line, UNITS), Some(expected));
        for cut in 0..line.find(" 256").unwrap() {
            assert_eq!(parse_stat(&line[..cut], UNITS), None);
        }
    }

    #[test]
    fn a_thread_that_works_uses_cpu() {
        let before = thread_cpu();
        let mut sum = 0u64;
        while thread_cpu() == before {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(thread_cpu() > before);
    }

    #[test]
    fn limits_of_groups() {
        let groups = "5:cpu,memory:/a/b\n4:pids:/x\n0::/u\n";
        let v1 = ["/a/b", "/a", ""].map(|path| format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes"));
        let v2 = ["/u", ""].map(|path| format!("/sys/fs/cgroup{path}/memory.max"));
        assert_eq!(limit_files(groups), [&v1[..], &v2[..]].concat());
    }

    #[test]
    fn this_process_uses_something() {
        let usage = usage().unwrap();
        assert!(resident_bytes().unwrap() > 100_000);
        assert!(usage.resident_bytes > 100_000 && usage.open_fds > 0 && usage.max_fds > 0 && usage.threads > 0);
        assert!(usage.start_time_seconds > 1.6e9, "{usage:?}");
    }
}
