//! As much of HTTP/1.1 as a page on this machine takes: requests without a body, one a connection.
//!
//! A thread answers each connection, as browsers open several and leave some of them idle. Whatever the
//! system refuses, be it a file descriptor or a thread, it goes on accepting: what was refused once may
//! be granted later.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Connections at once. More wait until one of these has ended, or its time is up.
const MOST_CONNECTIONS: usize = 128;
/// Bytes of a request's first line and headers.
const LONGEST_HEAD: usize = 16 << 10;
const MOST_HEADERS: usize = 64;
/// How long a client may take for its request.
const REQUEST_TIME: Duration = Duration::from_secs(5);
/// How long one write may take, which is waiting for a client that reads slowly.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// How long a client may take to close, so that it reads the answer before the connection is reset.
const CLOSING_TIME: Duration = Duration::from_secs(1);
/// How soon something that was refused is tried again.
const PAUSE: Duration = Duration::from_millis(100);
/// How long nothing more is said of it.
const SILENCE: Duration = Duration::from_mins(1);

/// What was asked for.
pub(super) struct Request {
    pub method: String,
    /// The address without its query.
    pub path: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The values of the headers of this name.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = move |(header, _): &&(String, String)| header.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(named)
            .map(|(_, value)| value.as_str())
    }
}

/// What is sent back.
pub(super) struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: u16, kind: &str, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", kind.to_owned())],
            body,
        }
    }

    /// In words.
    pub fn plain(status: u16, text: &str) -> Self {
        let text = text.as_bytes().to_vec();
        Self::new(status, "text/plain; charset=utf-8", text)
    }

    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// Answers what comes in, until the process ends.
pub(super) fn serve(listener: &TcpListener, answer: &(impl Fn(&Request) -> Answer + Sync)) {
    let open = AtomicUsize::new(0);
    let mut trouble = Trouble::default();
    thread::scope(|scope| {
        loop {
            if open.load(Ordering::Relaxed) >= MOST_CONNECTIONS {
                thread::sleep(PAUSE);
                continue;
            }
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                // The client has gone before it was its turn.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) => {
                    trouble.pause(&format!(
                        "can't accept a connection ({error}). Trying again; if it's for too many \
                         open files, close other pages, or raise `ulimit -n`"
                    ));
                    continue;
                }
            };
            open.fetch_add(1, Ordering::Relaxed);
            let connection = Connection {
                stream,
                open: &open,
            };
            // The connection is closed where there is no thread for it.
            let answering =
                thread::Builder::new().spawn_scoped(scope, move || connection.answer(answer));
            if let Err(error) = answering {
                trouble.pause(&format!(
                    "can't start a thread to answer ({error}). Trying again; close other programs, or \
                     raise `ulimit -u` or the container's limit of processes"
                ));
            }
        }
    });
}

/// What is refused time and again, and told now and then.
#[derive(Default)]
struct Trouble {
    told: Option<Instant>,
}

impl Trouble {
    fn pause(&mut self, message: &str) {
        if self.told.is_none_or(|told| told.elapsed() > SILENCE) {
            tracing::warn!("{message}");
            self.told = Some(Instant::now());
        }
        thread::sleep(PAUSE);
    }
}

/// A connection, and one of those that are open for as long as it is there.
struct Connection<'a> {
    stream: TcpStream,
    open: &'a AtomicUsize,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection<'_> {
    fn answer(mut self, answer: &impl Fn(&Request) -> Answer) {
        let (answer, is_head) = match read_request(&mut self.stream) {
            Ok(Some(request)) => (answer(&request), request.method == "HEAD"),
            Ok(None) => (Answer::plain(400, "This is no request.\n"), false),
            // It was closed, or its time is up.
            Err(_) => return,
        };
        // A browser that has closed the connection is no failure.
        let _ = self.send(&answer, is_head);
    }

    fn send(&mut self, answer: &Answer, is_head: bool) -> io::Result<()> {
        let mut bytes = head(answer).into_bytes();
        if !is_head {
            bytes.extend(&answer.body);
        }
        self.stream.set_write_timeout(Some(WRITE_TIME))?;
        self.stream.write_all(&bytes)?;
        self.stream.shutdown(Shutdown::Write)?;
        // If bytes were left unread, such as a body, closing would be a reset, which can overtake the
        // answer.
        let until = Instant::now() + CLOSING_TIME;
        while read_some(&mut self.stream, until)?.is_some() {}
        Ok(())
    }
}

/// The next bytes; none at the end.
fn read_some(stream: &mut TcpStream, until: Instant) -> io::Result<Option<Vec<u8>>> {
    let mut buffer = vec![0; LONGEST_HEAD];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(read) => {
                buffer.truncate(read);
                return Ok(Some(buffer));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// None for what isn't a request.
fn read_request(stream: &mut TcpStream) -> io::Result<Option<Request>> {
    let until = Instant::now() + REQUEST_TIME;
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST_HEAD {
        let Some(more) = read_some(stream, until)? else {
            return Err(ErrorKind::UnexpectedEof.into());
        };
        bytes.extend(more);
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(&bytes) {
            Ok(httparse::Status::Complete(_)) => return Ok(request(&parsed)),
            Ok(httparse::Status::Partial) => {}
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

fn request(parsed: &httparse::Request) -> Option<Request> {
    let header = |header: &httparse::Header| {
        let value = String::from_utf8_lossy(header.value);
        (header.name.to_owned(), value.into_owned())
    };
    let target = parsed.path?;
    Some(Request {
        method: parsed.method?.to_owned(),
        path: target.split('?').next().unwrap_or(target).to_owned(),
        headers: parsed.headers.iter().map(header).collect(),
    })
}

/// The status line and the headers.
fn head(answer: &Answer) -> String {
    let reason = match answer.status {
        200 => "OK",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        // Words are optional.
        _ => "",
    };
    let mut lines = vec![format!("HTTP/1.1 {} {reason}", answer.status)];
    let header = |(name, value): &(&str, String)| format!("{name}: {value}");
    lines.extend(answer.headers.iter().map(header));
    lines.push(format!("Content-Length: {}", answer.body.len()));
    lines.push("Connection: close\r\n\r\n".to_owned());
    lines.join("\r\n")
}
