//! `trainer ssim` as a user meets it: scores, tables, maps, messages and exit codes.

#[path = "../common/mod.rs"]
mod common;

mod errors;
mod folders;
mod map;
mod pairs;
mod support;
