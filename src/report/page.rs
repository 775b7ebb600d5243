//! The page with runs in it.

use serde::Serialize;

use super::{Entry, ReportError};
use crate::page::{Page, script};

const PAGE: Page = Page {
    title: "Runs",
    body: include_str!("page/body.html"),
    style: "",
    script: script! {
        // What all others use
        "../page/dom.js" "../page/format.js" "../page/theme.js" "../page/figure.js" "../page/outcome.js"
        "page/state.js"
        // Charts
        "page/marks.js" "page/chart.js"
        // Sections, from the top of the page to its end
        "page/leaderboard.js" "page/rates.js" "page/run.js" "page/curves.js" "page/pictures.js"
        "../page/classes.js" "page/thumbnails.js" "page/latent.js" "page/images.js"
        // What keeps it up to date and puts it together
        "page/live.js" "page/main.js"
    },
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
    Ok(PAGE.fill(
        &serde_json::to_string(&data)?,
        &PAGE.policy("data:", "'none'"),
    ))
}

/// The page for a server, which sends the data separately.
pub(super) fn live_page() -> Result<String, ReportError> {
    let data = serde_json::to_string(&Data::live(&[]))?;
    Ok(PAGE.fill(&data, &live_policy()))
}

/// The content security policy of the live page, for the header as well.
pub(super) fn live_policy() -> String {
    PAGE.policy("'self' data:", "'self'")
}
