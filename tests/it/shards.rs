//! Parts of the work, for processes that know nothing of each other: `--shard I/N`.

use std::fs;

use predicates::str::contains;

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

#[test]
fn parts_look_among_the_same_images_and_each_compressed_part_is_a_file_of_its_own() {
    let case = Case::new("linear", &[]);
    let here = |name: &str| {
        let mut command = case.command(name);
        command.current_dir(case.home.path());
        command
    };
    // A query, a rank and what was found; and how far away it is.
    let table = |name: &str| -> Vec<(String, f32)> {
        let text = fs::read_to_string(case.path(name)).expect("a table");
        text.lines()
            .map(|line| {
                let (row, distance) = line.rsplit_once(',').expect("columns");
                (row.to_owned(), distance.parse().unwrap_or(f32::NAN))
            })
            .collect()
    };
    let neighbours = |more: &[&str]| {
        let mut command = here("neighbours");
        command.args(["photos", "-k", "2"]).args(more);
        command.assert()
    };
    neighbours(&["--among", "photos"]).success();
    let mut parts = Vec::new();
    for part in ["1/2", "2/2"] {
        neighbours(&["--among", "photos", "--shard", part]).success();
        parts.extend(table(&format!(
            "neighbours-{}.csv",
            part.replace('/', "-of-")
        )));
    }
    let whole = table("neighbours.csv");
    assert_eq!((whole.len(), parts.len()), (61, 61));
    for ((row, distance), (expected, expected_distance)) in parts.iter().zip(&whole) {
        assert_eq!(row, expected);
        // The header has none.
        let is_near = (distance - expected_distance).abs() < 1e-5;
        assert!(is_near || row == "query,rank,path", "{row}: {distance}");
    }
    neighbours(&["--shard", "1/2"])
        .code(2)
        .stderr(contains("--among"));

    for (file, more, count) in [
        ("whole", &[][..], 30),
        ("first", &["--shard", "1/2"], 15),
        ("second", &["--shard", "2/2"], 15),
    ] {
        let mut command = here("compress");
        command.args(["photos", "--step", "0.3", "-o", file]);
        command.args(more).assert().success();
        let output = if file == "whole" { "restored" } else { "parts" };
        let mut command = here("decompress");
        command
            .args([file, "-o", output])
            .assert()
            .success()
            .stdout(contains(format!("{count} images decompressed")));
    }
    for index in 0..30_u32 {
        let class = if index % 3 == 0 { "cat" } else { "dog" };
        let [whole, part] = ["restored", "parts"].map(|folder| {
            let path = case
                .path(folder)
                .join(class)
                .join(format!("{index:02}.png"));
            image::open(path).expect("a picture").into_rgb8().into_raw()
        });
        // What a bit is worth is found for each file.
        let off: u32 = whole
            .iter()
            .zip(&part)
            .map(|(a, b)| u32::from(a.abs_diff(*b)))
            .sum();
        assert!(off < 4 * 16 * 16 * 3, "{index}: {off}");
    }
}
