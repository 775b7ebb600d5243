//! Numbers on the command line and in files: what is out of range is named with its range.

use std::fs;

use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;

use crate::common::trainer;

const WHOLE: &str = "expected a whole number from ";

/// Every flag of training that takes a number, and what is said of one that it can't have.
const NUMBERS: [(&str, &str); 16] = [
    ("--device", WHOLE),
    ("--limit", WHOLE),
    ("--latent-dim", WHOLE),
    ("--width", WHOLE),
    ("--epochs", WHOLE),
    ("--batch-size", WHOLE),
    ("--refine", WHOLE),
    ("--patience", WHOLE),
    ("--samples", WHOLE),
    ("--seed", WHOLE),
    ("--learning-rate", "expected a finite number above zero"),
    ("--min-delta", "expected a finite number, zero or above"),
    ("--clip-norm", "expected a finite number, zero or above"),
    ("--rate", "expected a finite number, zero or above"),
    ("--warmup", "expected a number from 0 to below 1"),
    ("--ema", "expected a number from 0 to below 1"),
];

fn assert_refused(words: &[&str], expected: &str) {
    trainer()
        .args(words)
        .assert()
        .code(2)
        .stderr(contains(words[words.len() - 2]))
        .stderr(contains(expected))
        .stderr(contains("unexpected argument").not())
        .stderr(contains("digit").not());
}

#[test]
fn a_number_out_of_range_is_named_with_its_flag_and_range() {
    for (flag, expected) in NUMBERS {
        let large = if expected == WHOLE {
            "99999999999999999999"
        } else {
            "1e999"
        };
        for value in ["-1", "-0.1", "many", large, ""] {
            assert_refused(&["--dry-run", flag, value], expected);
        }
    }
    for value in ["9223372036854775808", "18446744073709551615"] {
        assert_refused(
            &["--dry-run", "--seed", value],
            "a whole number from 0 to 9223372036854775807",
        );
    }
    trainer()
        .args(["--dry-run", "--backend", "flex", "--limit", "60"])
        .args(["--seed", "9223372036854775807"])
        .assert()
        .success()
        .stdout(contains("seed = 9223372036854775807"));
}

#[test]
fn a_split_is_refused_in_few_words() {
    for (split, problem) in [
        ("1,0,0", "1.0 is not between 0 and 1"),
        ("1e308,1e308,0", "1e308 is not between 0 and 1"),
        ("0.5,0.5", "2 numbers given, not 3"),
        ("0.5,0.5,many", "`many` is not a number"),
    ] {
        trainer()
            .args(["--dry-run", "--split", split])
            .assert()
            .code(2)
            .stderr(contains(problem).and(contains(split).count(1)));
    }
}

#[test]
fn negative_numbers_are_values_in_every_command() {
    for (words, expected) in [
        (
            ["--dry-run", "--split", "-0.1,0.6,0.5"],
            "-0.1 is not between 0 and 1",
        ),
        (
            ["--dry-run", "--checkpoint-every", "-5m"],
            "minutes such as 10m",
        ),
        (["--dry-run", "--loss", "-1*ssim"], "--loss"),
        (
            ["sweep", "--latent-dims", "-1,2"],
            "a whole number from 1 to 65536",
        ),
        (["sweep", "--minutes", "-1"], "from 0 to"),
        (["eval", "--device", "-1"], WHOLE),
        (["resume", "--epochs", "-1"], WHOLE),
        (["resume", "--learning-rate", "-0.1"], "above zero"),
        (["serve", "--port", "-1"], "a whole number from 0 to 65535"),
    ] {
        assert_refused(&words, expected);
    }
}

#[test]
fn a_file_of_settings_is_told_off_in_plain_words() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("settings.toml");
    for (line, expected) in [
        (
            "epochs = \"1\"",
            "`epochs` is \"1\": expected a whole number from 1 to",
        ),
        (
            "epochs = -1",
            "`epochs` is -1: expected a whole number from 1 to",
        ),
        (
            "epochs = 1.5",
            "`epochs` is 1.5: expected a whole number from 1 to",
        ),
        (
            "epochs = 99999999999999999999",
            "line 1, column 10: `epochs` is 99999999999999999999: expected a whole number",
        ),
        (
            "learning_rate = nan",
            "`learning_rate` is nan: expected a finite number",
        ),
        (
            "learning_rate = true",
            "`learning_rate` is true: expected a finite number",
        ),
        (
            "warmup = 1",
            "`warmup` is 1: expected a number from 0 to below 1",
        ),
        (
            "ema = 1.0",
            "`ema` is 1.0: expected a number from 0 to below 1",
        ),
        (
            "clip_norm = -1.0",
            "`clip_norm` is -1.0: expected a finite number, zero or above",
        ),
        (
            "classes = [\"t-shirt\"]",
            "`classes` is [\"t-shirt\"]: expected text in quotes",
        ),
        ("pca = \"no\"", "`pca` is \"no\": expected true or false"),
        (
            "learning-rate = 0.1",
            "unknown field `learning-rate`, expected `learning_rate`",
        ),
        ("lr = 0.1", "unknown field `lr`, expected one of backend"),
        ("epochs = 1\nepochs = 2", "line 2, column 1: duplicate key"),
    ] {
        fs::write(&file, line).expect("writing");
        trainer()
            .args(["--dry-run", "--config"])
            .arg(&file)
            .assert()
            .code(2)
            .stderr(contains("settings.toml"))
            .stderr(contains(expected))
            .stderr(
                predicates::str::is_match("usize|i64|f64|u64|i128")
                    .expect("a pattern")
                    .not(),
            )
            .stderr(predicates::function::function(|text: &str| {
                text.lines().count() == 1
            }));
    }
    fs::write(&file, b"\xff\xfee\0p\0").expect("writing");
    trainer()
        .args(["--dry-run", "--config"])
        .arg(&file)
        .assert()
        .code(2)
        .stderr(contains("it isn't text in UTF-8"));
}
