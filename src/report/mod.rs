//! The report: runs as one HTML page, for a browser to show without a network.
//!
//! ```text
//! run folder → Entry     what the page shows of a run, and what is wrong with it   (collect)
//!            → page()    one file that holds everything, for `trainer report`
//!            → Server    the same page, kept up to date, for `trainer serve`
//! ```
//!
//! `page.html`, `page.css` and `page.js` are the page; the data goes in as JSON. A damaged run is
//! listed with what is wrong, and never stops the others from being shown.

mod collect;
mod error;
mod page;
mod serve;

pub use collect::{Entry, Pictures, collect, run_folders};
pub use error::ReportError;
pub use page::page;
pub use serve::Server;
