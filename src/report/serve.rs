//! The live page, on 127.0.0.1 only.
//!
//! ```text
//! /                                the page
//! /data.json                       the runs, with an ETag: 304 while nothing has changed
//! /runs/<id>/images.json           a run's single test images
//! /runs/<id>/epoch-0001.png        and its pictures: test.png, best.png, worst.png, thumbnails.png
//! ```
//!
//! No part of an address becomes a part of a path: runs are found by comparing ids, pictures by
//! fixed names. A web page elsewhere can't read what is served here, even by a name of its own that
//! it points at 127.0.0.1: the `Host` header has to be this machine's.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tiny_http::{Header, Method, Request, Response, StatusCode};

use super::ReportError;
use super::entry::{Entry, collect};
use super::folders::{id, outward_link, run_folders};
use super::page::{Data, live_page, live_policy};
use super::pictures::{LARGEST_PICTURE, Pictures};
use super::test_images::TestImages;
use crate::error::with_causes;
use crate::run::{RunDir, read_regular};

/// Threads that answer: a browser asks for several pictures at once.
const WORKERS: usize = 4;

type Answer = Response<Cursor<Vec<u8>>>;

/// A server of one folder's runs.
pub struct Server {
    http: tiny_http::Server,
    runs: PathBuf,
    port: u16,
    page: String,
    policy: String,
}

impl Server {
    /// Listens on `port` of 127.0.0.1, or on a free one if that is 0.
    ///
    /// # Errors
    ///
    /// Where `runs` isn't a folder that can be listed, or the port isn't free.
    pub fn bind(runs: &Path, port: u16) -> Result<Self, ReportError> {
        run_folders(runs)?;
        let listen = |message: String| ReportError::Listen { port, message };
        let http = tiny_http::Server::http(("127.0.0.1", port))
            .map_err(|error| listen(error.to_string()))?;
        let address = http.server_addr().to_ip();
        let address = address.ok_or_else(|| listen("no address".to_owned()))?;
        Ok(Self {
            http,
            runs: runs.to_owned(),
            port: address.port(),
            page: live_page()?,
            policy: format!("{}; frame-ancestors 'none'", live_policy()),
        })
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers until the process ends.
    pub fn run(self) {
        let server = Arc::new(self);
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                let server = server.clone();
                thread::spawn(move || {
                    while let Ok(request) = server.http.recv() {
                        let answer = server.answer(&request);
                        // A browser that has closed the connection is no failure.
                        let _ = request.respond(answer);
                    }
                })
            })
            .collect();
        for worker in workers {
            let _ = worker.join();
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let answer = if !self.is_from_here(request) {
            plain(403, "This address is for this machine only.\n")
        } else if matches!(request.method(), Method::Get | Method::Head) {
            self.find(request)
                .unwrap_or_else(|| plain(404, "There is nothing here.\n"))
        } else {
            plain(405, "Only GET and HEAD.\n").with_header(header("Allow", "GET, HEAD"))
        };
        [
            ("Content-Security-Policy", self.policy.as_str()),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            // Pictures change under the same name when a run is copied over another.
            ("Cache-Control", "no-cache"),
        ]
        .into_iter()
        .fold(answer, |answer, (name, value)| {
            answer.with_header(header(name, value))
        })
    }

    /// Whether the one `Host` header names this machine and port.
    fn is_from_here(&self, request: &Request) -> bool {
        let mut hosts = request
            .headers()
            .iter()
            .filter(|header| header.field.equiv("Host"));
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
        ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
            host.value
                .as_str()
                .eq_ignore_ascii_case(&format!("{name}:{}", self.port))
        })
    }

    fn find(&self, request: &Request) -> Option<Answer> {
        match request.url() {
            "/" => Some(content(
                self.page.clone().into_bytes(),
                "text/html; charset=utf-8",
            )),
            "/data.json" => json(request, &Data::live(&self.entries()?)),
            path => {
                let (run, file) = path.strip_prefix("/runs/")?.split_once('/')?;
                let folder = self
                    .folders()?
                    .into_iter()
                    .find(|folder| id(folder) == run)?;
                let dir = RunDir::open(&folder).ok()?;
                if file == "images.json" {
                    let mut images = TestImages::read(&dir).ok()?;
                    images.thumbnails = Some(format!("runs/{run}/thumbnails.png"));
                    return json(request, &images);
                }
                self.picture(&picture_path(&dir, file)?)
            }
        }
    }

    /// The run folders without links that lead out.
    fn folders(&self) -> Option<Vec<PathBuf>> {
        let mut folders = run_folders(&self.runs).ok()?;
        folders.retain(|folder| outward_link(folder).is_none());
        Some(folders)
    }

    fn entries(&self) -> Option<Vec<Entry>> {
        let folders = run_folders(&self.runs).ok()?;
        Some(
            folders
                .par_iter()
                .map(|folder| collect(folder, Pictures::Linked))
                .collect(),
        )
    }

    /// The picture, unless it is a link out of the runs' folder.
    fn picture(&self, path: &Path) -> Option<Answer> {
        let home = self.runs.canonicalize().ok()?;
        let target = path.canonicalize().ok()?;
        if !target.starts_with(home) || !target.is_file() {
            return None;
        }
        match read_regular(&target, LARGEST_PICTURE) {
            Ok(bytes) => Some(content(bytes, "image/png")),
            Err(error) => {
                tracing::warn!("{}: {}", path.display(), with_causes(&error));
                None
            }
        }
    }
}

/// The path of the picture of this name, if it is one that a run has.
fn picture_path(run: &RunDir, file: &str) -> Option<PathBuf> {
    match file {
        "test.png" => Some(run.test_picture()),
        "best.png" => Some(run.best_picture()),
        "worst.png" => Some(run.worst_picture()),
        "thumbnails.png" => Some(run.thumbnails_picture()),
        _ => {
            let digits = file.strip_prefix("epoch-")?.strip_suffix(".png")?;
            let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let epoch = digits.parse().ok().filter(|_| all_digits)?;
            Some(run.epoch_picture(epoch))
        }
    }
}

fn json(request: &Request, value: &impl Serialize) -> Option<Answer> {
    let bytes = serde_json::to_vec(value).ok()?;
    let tag = format!("\"{:x}\"", Sha256::digest(&bytes));
    let known = request
        .headers()
        .iter()
        .any(|header| header.field.equiv("If-None-Match") && header.value.as_str() == tag);
    let answer = if known {
        Response::from_data(Vec::new()).with_status_code(StatusCode(304))
    } else {
        content(bytes, "application/json")
    };
    Some(answer.with_header(header("ETag", &tag)))
}

fn content(bytes: Vec<u8>, kind: &str) -> Answer {
    Response::from_data(bytes).with_header(header("Content-Type", kind))
}

fn plain(status: u16, text: &str) -> Answer {
    content(text.as_bytes().to_vec(), "text/plain; charset=utf-8").with_status_code(status)
}

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("names and values here are ASCII")
}
