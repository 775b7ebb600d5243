//! Tells the program which commit it was built from, for `meta.json` of each run.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=Cargo.toml");
    // A new commit, a checkout and staging each touch one of these.
    for path in [".git/HEAD", ".git/index", ".git/logs/HEAD"] {
        if std::path::Path::new(path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let describe = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=40", "--match="])
        .output();
    // Built from a package without a repository, the commit stays unknown.
    if let Ok(output) = describe
        && output.status.success()
    {
        let commit = String::from_utf8_lossy(&output.stdout);
        println!("cargo::rustc-env=TRAINER_GIT_COMMIT={}", commit.trim());
    }
}
