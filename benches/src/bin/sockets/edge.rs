//! The edge in a process of its own: this program, started again.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};

use sip_edge::{EdgeConfig, EdgeLimits, EdgeServer};

use crate::{Failure, usage};

pub(crate) const REALM: &str = "localhost";

/// The name and the password of a user.
pub(crate) fn user(number: u32) -> (String, String) {
    (format!("u{number}"), format!("secret-{number}"))
}

/// The running edge. It ends when this value is dropped.
pub(crate) struct Edge {
    child: Child,
    /// The edge serves until this is closed.
    _open: Option<ChildStdin>,
    pub(crate) url: String,
}

impl Edge {
    pub(crate) fn start(users: u32) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["edge", &users.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let open = child.stdin.take();
        let output = child.stdout.take().ok_or("the edge has no output")?;
        let mut url = String::new();
        BufReader::new(output).read_line(&mut url)?;
        if url.trim().is_empty() {
            return Err("the edge could not start".into());
        }
        let url = url.trim().to_owned();
        Ok(Self {
            child,
            _open: open,
            url,
        })
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self._open = None;
        // An error here means that it has ended before.
        let _ended = self.child.wait();
    }
}

/// The process of the edge: prints its URL, and serves until the standard input ends.
pub(crate) fn serve(users: u32) -> Result<(), Failure> {
    usage::raise_file_limit(users)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = EdgeServer::start(EdgeConfig {
            realm: REALM.to_owned(),
            users: (0..users).map(user).collect(),
            limits: EdgeLimits {
                connections: users as usize + 16,
                forwarded_requests: 1 << 20,
                ..EdgeLimits::default()
            },
            ..EdgeConfig::default()
        })?;
        println!("ws://{}", server.local_addr());
        let (done, closed) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            let _end = std::io::stdin().read_to_end(&mut rest);
            let _gone = done.send(());
        });
        let _closed = closed.await;
        server.stop().await;
        Ok(())
    })
}
