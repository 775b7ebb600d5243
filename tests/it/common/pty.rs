//! A terminal for the program, on which the tests see what a person would, and which can be closed.

use std::ffi::CStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The user's side of a terminal. It's gone when this is dropped.
pub struct Pty {
    user: File,
    program: PathBuf,
    /// All that was written to it and read so far.
    seen: Vec<u8>,
}

impl Pty {
    pub fn new(columns: u16) -> Self {
        // As all files of the standard library, it isn't inherited by other programs.
        let user = File::options()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
            .open("/dev/ptmx")
            .expect("a terminal");
        let mut name = [0; 64];
        let size = libc::winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        #[expect(unsafe_code, reason = "the standard library has no terminals")]
        // SAFETY: the file is open, and the buffer is as long as is said.
        let is_ready = unsafe {
            let file = user.as_raw_fd();
            libc::unlockpt(file) == 0
                && libc::ptsname_r(file, name.as_mut_ptr().cast(), name.len()) == 0
                && libc::ioctl(file, libc::TIOCSWINSZ, &raw const size) == 0
        };
        assert!(is_ready, "{}", std::io::Error::last_os_error());
        let name = CStr::from_bytes_until_nul(&name).expect("a path");
        Self {
            user,
            program: PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes())),
            seen: Vec::new(),
        }
    }

    /// Starts the program with this as its terminal.
    pub fn start(&self, command: &mut Command) -> Child {
        let open = || -> Stdio {
            let mut options = File::options();
            options.read(true).write(true);
            let file = options.custom_flags(libc::O_NOCTTY).open(&self.program);
            file.expect("the terminal").into()
        };
        command.stdin(open()).stdout(open()).stderr(open());
        let child = command.spawn().expect("the program starts");
        // `command` must not hold the terminal.
        command.stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        child
    }

    /// Reads what there is to be read.
    fn read(&mut self) {
        let mut buffer = [0; 4096];
        loop {
            match self.user.read(&mut buffer) {
                // Nothing now, or nothing ever again, since nobody has the other side open.
                Ok(0) | Err(_) => return,
                Ok(count) => self.seen.extend(&buffer[..count]),
            }
        }
    }

    /// Waits until `text` was written.
    pub fn wait_for(&mut self, text: &str) {
        let started = Instant::now();
        loop {
            self.read();
            let seen = String::from_utf8_lossy(&self.seen);
            if seen.contains(text) {
                return;
            }
            assert!(started.elapsed() < Duration::from_mins(2), "{seen}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Reads until the program ends: all that it wrote.
    pub fn finish(mut self, child: &mut Child) -> (String, ExitStatus) {
        let status = loop {
            self.read();
            if let Some(status) = child.try_wait().expect("a child") {
                break status;
            }
            sleep(Duration::from_millis(20));
        };
        self.read();
        (String::from_utf8_lossy(&self.seen).into_owned(), status)
    }
}
