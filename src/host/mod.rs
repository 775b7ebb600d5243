//! What a program asks of its host: waiting for a device, the clock, files, turns for others. A browser has other ways
//! of doing these, so that they stand in one place.

mod clock;
mod files;
mod turns;

/// Waits for what a device has yet to compute. Everything that reads from one is async inside, and has
/// this as its blocking front. In a browser nothing may wait: there, this is for the CPU alone, which is always done.
pub(crate) use burn_std::future::block_on;
pub(crate) use clock::Stopwatch;
#[cfg(feature = "cli")]
pub(crate) use clock::notice_pauses;
pub(crate) use files::{
    check_output, is_temporary, new_file, new_folder, read_file, write_file, write_output,
    write_output_with,
};
pub(crate) use turns::Turns;
