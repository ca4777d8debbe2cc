//! What a process uses, as Linux reports it, and its limit of open files.

use crate::Failure;

/// Files that are open besides the sockets of the agents.
const OTHER_FILES: u64 = 64;

/// Raises the soft limit of open files, if the agents need more.
#[cfg(unix)]
pub(crate) fn raise_file_limit(agents: u32) -> Result<(), Failure> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let needed = u64::from(agents) + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if limit.maximum.is_some_and(|maximum| maximum < needed) {
        return Err(format!(
            "{agents} agents need {needed} open files in each of the two processes, and the hard limit is {}; \
             raise it with `ulimit -Hn {needed}`",
            limit.maximum.unwrap_or_default()
        )
        .into());
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised)?;
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn raise_file_limit(_: u32) -> Result<(), Failure> {
    Ok(())
}

/// What a process has used so far. Zero where the system is not Linux.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Usage {
    /// Processor time in the program and in the kernel, in microseconds; the system counts in steps of 10 ms.
    pub(crate) user: u64,
    pub(crate) kernel: u64,
    /// How often a thread of the process went to sleep.
    pub(crate) switches: u64,
    /// How many threads it has now.
    pub(crate) threads: u64,
    /// Its memory now, in KiB.
    pub(crate) resident: u64,
}

impl Usage {
    /// That of the process with this number.
    pub(crate) fn of(process: u32) -> Self {
        Self::read(process).unwrap_or_default()
    }

    fn read(process: u32) -> Option<Self> {
        let folder = format!("/proc/{process}");
        let stat = std::fs::read_to_string(format!("{folder}/stat")).ok()?;
        // The name of the program stands in brackets and may contain spaces.
        let fields: Vec<&str> = stat[stat.rfind(')')? + 2..].split(' ').collect();
        let ticks = |index: usize| fields.get(index)?.parse::<u64>().ok();
        let mut usage = Self {
            user: ticks(11)? * 10_000,
            kernel: ticks(12)? * 10_000,
            ..Self::default()
        };
        for task in std::fs::read_dir(format!("{folder}/task")).ok()?.flatten() {
            let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let number = |name: &str| {
                let line = status.lines().find(|line| line.starts_with(name))?;
                line.split_whitespace().nth(1)?.parse::<u64>().ok()
            };
            usage.threads += 1;
            usage.switches += number("voluntary_ctxt_switches").unwrap_or(0);
            usage.resident = number("VmRSS").unwrap_or(0);
        }
        Some(usage)
    }
}
