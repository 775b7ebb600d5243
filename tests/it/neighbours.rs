//! `trainer neighbours`: near images, near duplicates, and what can't be looked for.

use std::fs;
use std::path::Path;

use predicates::str::contains;
use serde_json::Value;

use crate::apply::{Case, picture};

/// Query, rank, path, distance.
fn table(path: &Path) -> Vec<(String, usize, String, f32)> {
    let mut reader = csv::Reader::from_path(path).expect("a table");
    let header = reader.headers().expect("a header");
    assert_eq!(header, vec!["query", "rank", "path", "distance"]);
    let records = reader.records().map(|record| record.expect("a row"));
    records
        .map(|row| {
            let number = |column: usize| row[column].parse::<f32>().expect("a number");
            let rank = row[1].parse().expect("a rank");
            (row[0].to_owned(), rank, row[2].to_owned(), number(3))
        })
        .collect()
}

#[test]
fn near_images_are_found_among_others_or_among_themselves() {
    let case = Case::new("linear", &[]);
    let (codes, rows) = case.encode(&[&case.photos()], "codes.npy");
    let width = codes.len() / rows.len();
    let distance = |a: &str, b: &str| {
        let code = |path: &str| {
            let row = rows.iter().position(|row| row[1] == path).expect("a row");
            &codes[row * width..][..width]
        };
        let pairs = code(a).iter().zip(code(b));
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    };

    let output = case.path("near.csv");
    let mut command = case.command("neighbours");
    command
        .arg(case.photos())
        .args(["-k", "3", "-o"])
        .arg(&output);
    command.assert().success();
    let own = table(&output);
    assert_eq!(own.len(), 30 * 3);
    for found in own.chunks(3) {
        let (query, ..) = &found[0];
        let mut all: Vec<f32> = rows
            .iter()
            .filter(|row| row[1] != *query)
            .map(|row| distance(query, &row[1]))
            .collect();
        all.sort_by(f32::total_cmp);
        for (place, (of, rank, path, near)) in found.iter().enumerate() {
            assert_eq!((of, *rank), (query, place + 1));
            assert_ne!(path, query);
            assert!(
                (near - all[place]).abs() < 1e-5 && (near - distance(query, path)).abs() < 1e-5
            );
        }
    }

    // Among all, an image is the nearest to itself; a file of codes has the same to say.
    let query = case.path("photos/dog/01.png");
    for among in [case.photos(), case.path("codes.npy")] {
        let mut command = case.command("neighbours");
        command.arg(&query).arg("--among").arg(&among);
        command
            .args(["-k", "2", "--force", "--json", "-o"])
            .arg(&output);
        let done = command.assert().success();
        let said: Value = serde_json::from_slice(&done.get_output().stdout).expect("JSON");
        assert_eq!((&said["queries"], &said["among"]), (&1.into(), &30.into()));
        let found = table(&output);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].2.as_str(), found[0].3), ("dog/01.png", 0.0));
        assert!(found[1].3 > 0.0);
    }
}

#[test]
fn near_duplicates_are_pairs_and_a_sheet_shows_them() {
    let case = Case::new("linear", &[]);
    fs::copy(
        case.path("photos/dog/02.png"),
        case.path("photos/dog/copy.png"),
    )
    .expect("a copy");
    let mut altered = picture(4, 16);
    altered.put_pixel(3, 3, image::Rgb([9, 9, 9]));
    altered
        .save(case.path("photos/cat/near.png"))
        .expect("a picture");
    let output = case.path("pairs.csv");
    let sheet = case.path("pairs.png");
    let mut command = case.command("neighbours");
    command
        .arg("--duplicates")
        .arg(case.photos())
        .arg("-o")
        .arg(&output);
    command.arg("--sheet").arg(&sheet);
    command
        .assert()
        .success()
        .stdout(contains("near-duplicate pairs"));
    let pairs = table(&output);
    let names: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(a, _, b, _)| (a.as_str(), b.as_str()))
        .collect();
    assert!(names.contains(&("dog/02.png", "dog/copy.png")), "{names:?}");
    assert!(names.contains(&("cat/near.png", "dog/04.png")), "{names:?}");
    assert!(pairs.iter().map(|pair| pair.3).is_sorted());
    let picture = image::open(&sheet).expect("a picture");
    assert!(picture.width() > 250 && picture.height() > 200);
}

#[test]
fn what_cannot_be_looked_for_is_refused() {
    let case = Case::new("linear", &[]);
    let photos = case.photos();
    let one = case.path("photos/dog/01.png");
    fs::write(
        case.path("lone.npy"),
        fs::read(one.clone()).expect("a file"),
    )
    .expect("a file");
    for (images, more, message) in [
        (&one, vec![], "one image has no others"),
        (&photos, vec!["--shard", "1/2"], "--among"),
        (&photos, vec!["--shard", "0/2"], "such as 1/4 to 4/4"),
        (&photos, vec!["--among", "nowhere"], "nowhere"),
        (
            &photos,
            vec!["--among", "lone.npy"],
            "lone.npy isn't a file of codes",
        ),
        (&photos, vec!["--duplicates=0"], "above zero"),
        (&photos, vec!["-k", "0"], "from 1"),
    ] {
        let mut command = case.command("neighbours");
        command.arg(images).args(&more).current_dir(&case.home);
        command.assert().failure().stderr(contains(message));
    }
}
