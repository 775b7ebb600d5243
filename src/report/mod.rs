//! The report: runs as one HTML page, for a browser to show without a network.
//!
//! ```text
//! run folder → Entry     what the page shows of a run, and what is wrong with it   (entry)
//!            → page()    one file that holds everything, for `trainer report`
//!            → Server    the same page, kept up to date, for `trainer serve`
//! ```
//!
//! The page's markup, style and script are the files in `page/`, one script file a responsibility; the
//! data goes in as JSON. A damaged run is listed with what is wrong, and never keeps the others from
//! being shown. Nothing outside the run folders is read.

mod entry;
mod error;
mod folders;
mod http;
mod page;
mod pictures;
mod serve;
mod test_images;

pub use entry::{Entry, collect};
pub use error::ReportError;
pub use page::page;
pub use pictures::Pictures;
pub use serve::Server;
