//! The page around the data: one HTML text that needs nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Entry, ReportError};

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");

/// Joins the script's files in the given order, in one function: they share their names with each
/// other, and with nothing else on the page. A file only declares things, and its constants use those
/// of earlier files; the last file starts the page. This needs no JavaScript tool, and what a browser
/// runs is what the files say.
macro_rules! script {
    ($($file:literal)*) => {
        concat!(
            "\"use strict\";\n(() => {\n",
            $("\n// ", $file, "\n", include_str!(concat!("page/", $file)),)*
            "})();\n",
        )
    };
}

const SCRIPT: &str = script! {
    // What all others use
    "dom.js" "format.js" "theme.js" "state.js"
    // Charts
    "marks.js" "chart.js"
    // Sections, from the top of the page to its end
    "leaderboard.js" "run.js" "curves.js" "pictures.js"
    "classes.js" "thumbnails.js" "latent.js" "images.js"
    // What keeps it up to date and puts it together
    "live.js" "main.js"
};

/// What the script finds in the page.
#[derive(Serialize)]
pub(super) struct Data<'a> {
    version: &'static str,
    /// Whether a server has newer data.
    live: bool,
    /// When the page was made; `None` where it is live.
    made: Option<String>,
    pub(super) runs: &'a [Entry],
}

impl<'a> Data<'a> {
    pub(super) fn live(runs: &'a [Entry]) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            live: true,
            made: None,
            runs,
        }
    }
}

/// The page with `entries` in it.
///
/// # Errors
///
/// If an entry can't be written as JSON, which doesn't happen.
pub fn page(entries: &[Entry]) -> Result<String, ReportError> {
    let data = Data {
        live: false,
        made: Some(chrono::Local::now().format("%F %H:%M").to_string()),
        ..Data::live(entries)
    };
    Ok(fill(
        &serde_json::to_string(&data)?,
        &policy("data:", "'none'"),
    ))
}

/// The page for a server, which sends the data separately.
pub(super) fn live_page() -> Result<String, ReportError> {
    let data = serde_json::to_string(&Data::live(&[]))?;
    Ok(fill(&data, &live_policy()))
}

/// The content security policy of the live page, for the header as well.
pub(super) fn live_policy() -> String {
    policy("'self' data:", "'self'")
}

/// Nothing may be loaded or run but what the page itself holds, known by its hash.
fn policy(images: &str, connections: &str) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src {images}; \
         connect-src {connections}; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE),
    )
}

fn fill(data: &str, policy: &str) -> String {
    // In JSON, `<` is only found in strings: written this way, none of them can end the script.
    let data = data.replace('<', "\\u003c");
    // The data comes last: what it holds is never taken for a place to fill.
    TEMPLATE
        .replace("{{policy}}", policy)
        .replace("{{style}}", STYLE)
        .replace("{{script}}", SCRIPT)
        .replacen("{{data}}", &data, 1)
}
