//! A sweep as commands, one for each run, for other programs to run: GNU parallel, Slurm and the like.

use std::path::Path;

use crate::cli::table::quoted;
use crate::config::{Role, TrainConfig};
use crate::path_text::path_text;
use crate::run::RunRecord;

/// The command that trains one run into `folder`; the flags of all settings that aren't usual, and of what is swept.
pub(super) fn training(folder: &Path, config: &TrainConfig) -> String {
    let all = |_: Role| true;
    let usual = TrainConfig::for_arch(config.model.arch).settings(all);
    let mut words = vec![program(), "--quiet".to_owned(), "--runs".to_owned()];
    words.push(path_text(folder));
    for (key, value) in config.settings(all) {
        let is_swept = ["arch", "latent_dim", "loss"].contains(&key.as_str());
        if !is_swept && usual.get(&key) == Some(&value) {
            continue;
        }
        let flag = format!("--{}", key.replace('_', "-"));
        match (key.as_str(), value) {
            ("pca" | "cache", toml::Value::Boolean(false)) => words.push(format!("--no-{key}")),
            (_, toml::Value::Boolean(_)) => words.push(flag),
            // With `=`, a value may begin with a hyphen.
            (_, toml::Value::String(text)) => words.push(format!("{flag}={text}")),
            (_, value) => words.push(format!("{flag}={value}")),
        }
    }
    line(&words)
}

/// The command that goes on with a run.
pub(super) fn resuming(run: &RunRecord) -> String {
    line(&[
        program(),
        "resume".to_owned(),
        "--quiet".to_owned(),
        path_text(&run.path),
    ])
}

/// This program, as it was called.
fn program() -> String {
    let called = std::env::args_os().next();
    called.map_or("trainer".to_owned(), |called| path_text(Path::new(&called)))
}

/// Words as a shell reads them.
fn line(words: &[String]) -> String {
    let quoted = words.iter().map(|word| quoted(word));
    quoted.collect::<Vec<_>>().join(" ")
}
