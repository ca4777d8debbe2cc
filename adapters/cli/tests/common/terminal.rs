//! A pseudo terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use super::Background;

/// A program whose output is a terminal; killed when dropped.
pub(crate) struct Program(Child);

impl Program {
    /// Waits for the end; the exit code.
    pub(crate) fn finish(mut self) -> i32 {
        let status = self.0.wait().expect("the program ends");
        status.code().expect("by itself")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A pseudo terminal: the side of the program, and the side of the user.
pub(crate) struct Terminal {
    user: File,
    program: File,
    /// What the program wrote on it.
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    pub(crate) fn open() -> Self {
        let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&user).unwrap();
        unlockpt(&user).unwrap();
        let name = ptsname(&user, Vec::new()).unwrap();
        let name = std::ffi::OsStr::from_bytes(name.as_bytes());
        let mut options = File::options();
        let program = options.read(true).write(true).open(name).unwrap();
        let user = File::from(user);
        let screen = Arc::<Mutex<String>>::default();
        let (mut from, to) = (user.try_clone().unwrap(), screen.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]);
                to.lock().unwrap().push_str(&text);
            }
        });
        Self {
            user,
            program,
            screen,
        }
    }

    /// Standard input, output and error of the command are this terminal.
    pub(crate) fn spawn(&self, command: &mut Command) -> Program {
        let side = || self.program.try_clone().unwrap();
        let command = command.stdin(side()).stdout(side()).stderr(side());
        Program(command.spawn().expect("the program starts"))
    }

    /// What the program wrote on it.
    pub(crate) fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    /// Standard input and standard error of the command are this terminal.
    pub(crate) fn attach(&self, command: &mut Command) -> Background {
        let side = || self.program.try_clone().unwrap();
        Background::start_attached(command.stdin(side()).stderr(side()))
    }

    pub(crate) fn type_keys(&mut self, keys: &str) {
        self.user.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the program has written this on it.
    pub(crate) fn shows(&self, what: &str) {
        let start = Instant::now();
        while !self.screen.lock().unwrap().contains(what) {
            let screen = self.screen.lock().unwrap().clone();
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "{what}: {screen:?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether it waits for Enter and echoes, as a shell expects.
    pub(crate) fn is_as_before(&self) -> bool {
        let modes = tcgetattr(&self.program).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}
