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
//! it points at 127.0.0.1: the `Host` header has to be this machine's. Its port may be any, as that of
//! a tunnel (`ssh -L 9999:localhost:7860`) is another one.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::ReportError;
use super::entry::{Entry, collect};
use super::folders::id;
use super::http::{self, Answer, Request};
use super::page::{Data, live_page, live_policy};
use super::pictures::{LARGEST_PICTURE, Pictures, address};
use super::test_images::TestImages;
use crate::error::with_causes;
use crate::run::{RunDir, discover, outward_link, read_regular};

const JSON: &str = "application/json";

/// A server of one folder's runs.
pub struct Server {
    listener: TcpListener,
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
        discover(runs)?;
        let listen = |source| ReportError::Listen { port, source };
        let listener = TcpListener::bind(("127.0.0.1", port)).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self {
            listener,
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
    pub fn run(&self) {
        http::serve(&self.listener, &|request: &Request| self.answer(request));
    }

    fn answer(&self, request: &Request) -> Answer {
        let answer = if !is_from_here(request) {
            Answer::plain(403, "This address is for this machine only.\n")
        } else if matches!(request.method.as_str(), "GET" | "HEAD") {
            match self.find(request) {
                Ok(Some(answer)) => answer,
                Ok(None) => Answer::plain(404, "There is nothing here.\n"),
                Err(error) => {
                    let message = with_causes(&error).replace("`runs`", "--runs");
                    tracing::warn!("{message}");
                    Answer::plain(500, &format!("{message}\n"))
                }
            }
        } else {
            Answer::plain(405, "Only GET and HEAD.\n").with_header("Allow", "GET, HEAD")
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
            answer.with_header(name, value)
        })
    }

    /// None for an address that leads to nothing.
    fn find(&self, request: &Request) -> Result<Option<Answer>, ReportError> {
        match request.path.as_str() {
            "/" => Ok(Some(Answer::new(
                200,
                "text/html; charset=utf-8",
                self.page.clone().into_bytes(),
            ))),
            "/data.json" => json(request, &Data::live(&self.entries()?)).map(Some),
            path => {
                let path = path.strip_prefix("/runs/");
                let Some((run, file)) = path.and_then(|path| path.split_once('/')) else {
                    return Ok(None);
                };
                let folders = self.folders()?;
                let folder = folders.iter().find(|folder| id(folder) == run);
                let Some(dir) = folder.and_then(|folder| RunDir::open(folder).ok()) else {
                    return Ok(None);
                };
                if file == "images.json" {
                    let mut images = match TestImages::read(&dir) {
                        Ok(images) => images,
                        Err(error) => {
                            let reason = format!("{}\n", error.in_one_line());
                            return Ok(Some(Answer::plain(500, &reason)));
                        }
                    };
                    let path = dir.thumbnails_picture();
                    images.thumbnails = path
                        .is_file()
                        .then(|| address(run, "thumbnails.png", &path));
                    return json(request, &images).map(Some);
                }
                let path = picture_path(&dir, file);
                Ok(path.and_then(|path| self.picture(&path)))
            }
        }
    }

    /// The run folders without links that lead out.
    fn folders(&self) -> Result<Vec<PathBuf>, ReportError> {
        let mut folders = discover(&self.runs)?.folders;
        folders.retain(|folder| outward_link(folder).is_none());
        Ok(folders)
    }

    fn entries(&self) -> Result<Vec<Entry>, ReportError> {
        let folders = discover(&self.runs)?.folders;
        let entry = |folder: &PathBuf| collect(folder, Pictures::Linked);
        Ok(folders.par_iter().map(entry).collect())
    }

    /// The picture, unless it is a link out of the runs' folder.
    fn picture(&self, path: &Path) -> Option<Answer> {
        let home = self.runs.canonicalize().ok()?;
        let target = path.canonicalize().ok()?;
        if !target.starts_with(home) || !target.is_file() {
            return None;
        }
        match read_regular(&target, LARGEST_PICTURE) {
            Ok(bytes) => Some(Answer::new(200, "image/png", bytes)),
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

fn json(request: &Request, value: &impl Serialize) -> Result<Answer, ReportError> {
    let bytes = serde_json::to_vec(value)?;
    let tag = format!("\"{:x}\"", Sha256::digest(&bytes));
    let is_known = request.headers("If-None-Match").any(|known| known == tag);
    let answer = if is_known {
        Answer::new(304, JSON, Vec::new())
    } else {
        Answer::new(200, JSON, bytes)
    };
    Ok(answer.with_header("ETag", &tag))
}

/// Whether the one `Host` header names this machine, with any port or none.
fn is_from_here(request: &Request) -> bool {
    let mut hosts = request.headers("Host");
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|local| local.eq_ignore_ascii_case(name))
}

fn is_port(text: &str) -> bool {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    all_digits && text.parse::<u16>().is_ok()
}
