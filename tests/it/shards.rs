//! Parts of the work, for processes that know nothing of each other: `--shard I/N`.

use std::fs;

use crate::apply::{Case, array};

#[test]
fn the_results_of_parts_join_to_that_of_the_whole() {
    let case = Case::new("linear", &[]);
    fs::write(case.path("photos/cat/z.png"), "no picture").expect("a file");
    let (whole, _) = case.encode(&[&case.photos()], "whole.npy");
    let mut command = case.command("reconstruct");
    command
        .arg(case.photos())
        .arg("-o")
        .arg(case.path("restored"));
    command.assert().success();
    let mut command = case.command("score");
    command
        .arg(case.photos())
        .arg("-o")
        .arg(case.path("scores.csv"));
    command.assert().success();

    let (mut codes, mut rows, mut scores, mut tables) =
        (Vec::new(), String::new(), String::new(), String::new());
    let text = |path: &str| fs::read_to_string(case.path(path)).expect("a table");
    for part in 1..=4 {
        let shard = format!("{part}/4");
        let output = case.path(&format!("part-{part}.npy"));
        let mut command = case.command("encode");
        command
            .arg(case.photos())
            .args(["--shard", &shard, "-o"])
            .arg(&output);
        command.assert().success();
        codes.extend(array(&output));
        rows += &text(&format!("part-{part}.csv"));
        let mut command = case.command("score");
        command.arg(case.photos()).args(["--shard", &shard, "-o"]);
        command.arg(case.path(&format!("scores-{part}.csv")));
        command.assert().success();
        scores += &text(&format!("scores-{part}.csv"));
        let mut command = case.command("reconstruct");
        command.arg(case.photos()).args(["--shard", &shard, "-o"]);
        command.arg(case.path("parts")).assert().success();
        tables += &text(&format!("parts/scores-{part}-of-4.csv"));
    }
    assert_eq!(codes, whole);
    assert_eq!(rows, text("whole.csv"));
    assert_eq!(scores, text("scores.csv"));
    assert_eq!(tables, text("restored/scores.csv"));
    // A file that can't be used has a number, too.
    assert!(
        rows.lines().count() == 31 && rows.contains("\n11,dog/01.png,dog\n"),
        "{rows}"
    );
    for image in ["cat/00.png", "dog/29.png", "dog/14.png"] {
        let [a, b] = ["restored", "parts"]
            .map(|folder| fs::read(case.path(folder).join(image)).expect("a picture"));
        assert!(a == b);
    }

    // A later part has no header, and is decoded all the same.
    let mut command = case.command("encode");
    command.arg(case.photos()).args(["--shard", "2/4", "-o"]);
    command.arg(case.path("later.csv")).assert().success();
    for (codes, folder) in [("part-2.npy", "array"), ("later.csv", "table")] {
        case.decode(codes, folder, 7);
    }
    let picture = |folder: &str| fs::read(case.path(folder).join("dog/02.png")).expect("a picture");
    assert!(picture("array") == picture("table"));

    // Of more parts than images, some are empty.
    let mut command = case.command("encode");
    let output = case.path("none.npy");
    command
        .arg(case.path("photos/dog/01.png"))
        .args(["--shard", "1/3", "-o"]);
    command.arg(&output).assert().success();
    assert!(array(&output).is_empty());
}
