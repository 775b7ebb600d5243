//! `trainer ssim` as a user meets it: scores, tables, maps, messages and exit codes.

mod errors;
mod folders;
mod map;
mod notes;
mod pairs;
pub mod support;
