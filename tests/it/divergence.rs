//! What a run whose loss diverged can still be: resumed, from its last good epoch, with other settings.

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;

use crate::common::{column, json, only_run, small_run, trainer};

#[test]
fn a_run_that_diverged_is_resumed_with_a_lower_learning_rate() {
    let plain: &[&str] = &[];
    for (on_nan, more) in [
        ("stop", plain),
        ("rollback", plain),
        // What else a step changes: running means, and the average of the weights.
        ("stop", &["--arch", "modified", "--ema", "0.9"]),
    ] {
        let runs = TempDir::new().expect("a folder");
        // A checkpoint after every step holds weights that are already ruined.
        small_run(runs.path())
            .args(["--learning-rate", "1e30", "--checkpoint-every", "1"])
            .args(["--on-nan", on_nan])
            .args(more)
            .assert()
            .code(1)
            .stderr(contains("--learning-rate").and(contains("trainer resume")))
            .stderr(contains("--on-nan rollback").count(usize::from(on_nan == "stop")));
        let run = only_run(runs.path());
        assert_eq!(json(&run.join("status.json"))["state"], "failed");
        trainer()
            .arg("resume")
            .arg(&run)
            .args(["--learning-rate", "0.001", "--on-nan", "stop"])
            .assert()
            .success();
        let config = fs::read_to_string(run.join("config.toml")).expect("config.toml");
        assert!(
            config.contains("learning_rate = 0.001") && config.contains("on_nan = \"stop\""),
            "{config}"
        );
        // As it was given, not halved once more for what happened before.
        let rates = column(&run, "learning_rate");
        assert_eq!(rates.len(), 2);
        assert!(rates[0] > 0.0005, "{rates:?}");
    }
}
