//! Fetches one file from the first mirror that serves it whole.
//!
//! A file appears under its name only after its content has passed the checksum, by an atomic
//! rename: neither a crash nor a second process at the same time can leave a broken one.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tempfile::NamedTempFile;

use super::checked::{self, Fault, MAX_BYTES};
use super::fashion_mnist_error::FashionMnistError;

/// Limit for the name look-up, and again for the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Limit for each wait for bytes; a slow download continues as long as some arrive.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const BUFFER_BYTES: usize = 64 << 10;

/// Downloads `stem`.gz into `dir`, made if need be, from the first of `mirrors` that serves content
/// of this `checksum`. The inner error is why each mirror failed.
///
/// # Errors
/// [`FashionMnistError::Store`] if `dir` cannot be written.
pub(super) fn fetch(
    mirrors: &[String],
    stem: &str,
    checksum: &str,
    dir: &Path,
    quiet: bool,
) -> Result<Result<(), Vec<String>>, FashionMnistError> {
    let store = |source| FashionMnistError::Store {
        dir: dir.to_owned(),
        source,
    };
    let _new = NewFolders::above(dir);
    fs::create_dir_all(dir).map_err(store)?;
    let name = format!("{stem}.gz");
    let mut failures = Vec::new();
    for mirror in mirrors {
        let url = format!("{mirror}{name}");
        tracing::info!(url, "downloading");
        let mut file = NamedTempFile::new_in(dir).map_err(store)?;
        let result =
            transfer(&url, &name, &mut file, quiet).and_then(|()| verify(file.path(), checksum));
        match result {
            Ok(()) => {
                let path = dir.join(&name);
                keep(&path).map_err(store)?;
                file.persist(path).map_err(|error| store(error.error))?;
                return Ok(Ok(()));
            }
            Err(Failure::Mirror(reason)) => {
                tracing::debug!(url, reason, "download failed");
                failures.push(format!("{url}: {reason}"));
            }
            Err(Failure::Local(source)) => return Err(store(source)),
        }
    }
    Ok(Err(failures))
}

enum Failure {
    /// Another mirror may do better.
    Mirror(String),
    /// No mirror would help.
    Local(io::Error),
}

fn transfer(url: &str, name: &str, file: &mut NamedTempFile, quiet: bool) -> Result<(), Failure> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(READ_TIMEOUT))
        .timeout_per_read(Some(READ_TIMEOUT))
        .build()
        .into();
    let response = agent
        .get(url)
        .call()
        .map_err(|error| Failure::Mirror(error.to_string()))?;
    let body = response.into_body();
    let progress = progress_bar(name, body.content_length(), quiet);
    let body = body.into_with_config().limit(MAX_BYTES).reader();
    let mut body = progress.wrap_read(body);

    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let n = body
            .read(&mut buffer)
            .map_err(|error| Failure::Mirror(error.to_string()))?;
        if n == 0 {
            break;
        }
        file.write_all(&buffer[..n]).map_err(Failure::Local)?;
    }
    progress.finish_and_clear();
    // Else a power cut soon after the rename could leave an empty file under the final name.
    file.as_file().sync_all().map_err(Failure::Local)
}

/// Checks the SHA-256 of the content, after decompression.
fn verify(path: &Path, checksum: &str) -> Result<(), Failure> {
    match checked::read(path, checksum) {
        Ok(_) => Ok(()),
        Err(Fault::Unreadable(error)) => Err(Failure::Local(error)),
        // The file was just written, so an error here is damage to the compressed stream.
        Err(fault) => Err(Failure::Mirror(fault.to_string())),
    }
}

/// Moves a file that is to be replaced out of the way: someone may have put it there.
fn keep(path: &Path) -> io::Result<()> {
    let mut kept = path.as_os_str().to_owned();
    kept.push(".replaced");
    match fs::rename(path, &kept) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Folders that aren't there yet. Those that are empty in the end, as after a download that failed, are
/// removed again.
struct NewFolders(Vec<PathBuf>);

impl NewFolders {
    /// The folder at `path`, and those that it's in, from the inside out.
    fn above(path: &Path) -> Self {
        let missing = path.ancestors().take_while(|folder| !folder.exists());
        Self(missing.map(Path::to_owned).collect())
    }
}

impl Drop for NewFolders {
    fn drop(&mut self) {
        for folder in &self.0 {
            // Folders with something in them can't be removed this way, and so stay.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// A bar on stderr, which draws nothing when `quiet` or when stderr is no terminal.
fn progress_bar(name: &str, bytes: Option<u64>, quiet: bool) -> ProgressBar {
    let target = if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}");
    ProgressBar::with_draw_target(bytes, target)
        .with_message(name.to_owned())
        // The template is a constant; were it wrong, the default style would do.
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
