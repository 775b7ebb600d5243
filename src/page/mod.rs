//! A page around data: one HTML text that needs nothing else, for a browser to show without a network.
//!
//! The files beside this one are what all pages share: elements, numbers as people read them, light and dark, and
//! the look.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The look of all pages.
pub const STYLE: &str = include_str!("page.css");

/// Joins a script's files in the given order, in one function, after those that all pages share: they share their
/// names with each other, and with nothing else on the page. A file only declares things, and its constants use
/// those of earlier files; the last file starts the page. This needs no JavaScript tool, and what a browser runs is
/// what the files say. Paths are those from the file that uses this.
macro_rules! script {
    ($($file:literal)*) => {
        concat!(
            "\"use strict\";\n(() => {\n",
            $("\n// ", $file, "\n", include_str!($file),)*
            "})();\n",
        )
    };
}
pub(crate) use script;

/// The markup around a page's own, with places for all that differs.
const SHELL: &str = include_str!("page.html");

/// What a page has of its own.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Its name in the browser.
    pub title: &'static str,
    /// The markup of what is seen.
    pub body: &'static str,
    /// The style sheet, after [`STYLE`].
    pub style: &'static str,
    /// The script.
    pub script: &'static str,
}

impl Page {
    /// The content security policy: nothing may be loaded or run but what the page itself holds, known by its hash,
    /// and what `images` and `connections` allow.
    #[must_use]
    pub fn policy(&self, images: &str, connections: &str) -> String {
        let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
        format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src {images}; \
             connect-src {connections}; base-uri 'none'; form-action 'none'",
            hash(self.script),
            hash(&self.whole_style()),
        )
    }

    /// The page with JSON in it.
    #[must_use]
    pub fn fill(&self, json: &str, policy: &str) -> String {
        // In JSON, `<` is only found in strings: written this way, none of them can end the script.
        let data = json.replace('<', "\\u003c");
        // The data comes last: what it holds is never taken for a place to fill.
        SHELL
            .replace("{{title}}", self.title)
            .replace("{{body}}", self.body)
            .replace("{{policy}}", policy)
            .replace("{{style}}", &self.whole_style())
            .replace("{{script}}", self.script)
            .replacen("{{data}}", &data, 1)
    }

    fn whole_style(&self) -> String {
        format!("{STYLE}{}", self.style)
    }
}
