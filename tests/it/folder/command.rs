//! `trainer data DIR`: what training would get, and what it writes of it.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::{Value, json};
use tempfile::tempdir;

use super::{load, picture};
use crate::common::folder::Outcome;
use crate::common::trainer;

fn data(folder: &Path) -> Command {
    let mut command = trainer();
    command
        .arg("data")
        .arg(folder)
        .env("XDG_CACHE_HOME", folder.join(".cache"));
    command
}

#[test]
fn the_json_tells_what_training_would_get() -> Outcome {
    let home = tempdir()?;
    for seed in 0..20 {
        picture(home.path(), &format!("cat/{seed}.png"), seed);
        picture(home.path(), &format!("dog/{seed}.png"), seed / 2 + 100);
    }
    fs::write(home.path().join("cat/bad.png"), "")?;
    fs::write(home.path().join("notes.txt"), "")?;
    let found = data(home.path()).arg("--json").assert().success();
    let found: Value = serde_json::from_slice(&found.get_output().stdout)?;
    for (key, expected) in [
        ("images", json!(40)),
        ("duplicates", json!(10)),
        ("classes", json!({"cat": 20, "dog": 20})),
        ("channels", json!(3)),
        ("width", json!(16)),
        ("height", json!(12)),
        ("modes", json!({"RGB": 40})),
        ("bytes", json!(40 * 3 * 16 * 12)),
    ] {
        assert_eq!(found[key], expected, "{key}");
    }
    // The folder for the cache is hidden.
    assert!(found["ignored"].as_u64() >= Some(1), "{found}");
    assert_eq!(found["skipped"][0]["path"], "cat/bad.png");
    assert_eq!(found["sha256"], load(home.path())?.sha256());

    data(home.path())
        .assert()
        .success()
        .stdout(contains("40 images").and(contains("10 duplicates kept")))
        .stdout(contains("cat/bad.png: it's empty"));
    data(home.path())
        .arg("--strict")
        .assert()
        .code(1)
        .stderr(contains("cat/bad.png: it's empty").and(contains("--strict")));
    Ok(())
}

#[test]
fn the_images_leave_as_an_array_with_a_table() -> Outcome {
    let home = tempdir()?;
    let (photos, out) = (home.path().join("photos"), home.path().join("out"));
    fs::create_dir(&out)?;
    for seed in 0..12 {
        picture(&photos, &format!("{}/{seed}.png", seed % 2), seed);
    }
    let array = out.join("pixels.npy");
    // What is there stays, the table beside the array as well.
    let table = out.join("pixels.csv");
    fs::write(&table, "path,class\n")?;
    let save = || {
        let mut command = data(&photos);
        command.arg("--save").arg(&array);
        command
    };
    save()
        .assert()
        .code(1)
        .stderr(contains("pixels.csv exists already"));
    save()
        .arg("--labels")
        .arg(&table)
        .arg("--force")
        .assert()
        .code(1)
        .stderr(contains("a file that is read"));
    assert_eq!(fs::read_to_string(&table)?, "path,class\n");
    save().arg("--force").assert().success();
    let images = load(&photos)?;
    let bytes = fs::read(&array)?;
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00"));
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert!((10 + length).is_multiple_of(64));
    let header = std::str::from_utf8(&bytes[10..10 + length])?;
    assert_eq!(
        header.trim_end(),
        "{'descr': '|u1', 'fortran_order': False, 'shape': (12, 3, 12, 16), }"
    );
    assert_eq!(&bytes[10 + length..], images.values());

    let mut table = csv::Reader::from_path(out.join("pixels.csv"))?;
    let header = table.headers()?.iter().collect::<Vec<_>>().join(",");
    assert_eq!(header, "row,path,class,split,width,height");
    let rows: Vec<csv::StringRecord> = table.records().collect::<Result<_, _>>()?;
    assert_eq!(rows.len(), 12);
    for (row, record) in rows.iter().enumerate() {
        assert_eq!(record[0], row.to_string());
        assert_eq!(record[1], images.manifest()[row]);
        assert_eq!(&record[2], images.class(row).expect("a class"));
        assert!(
            ["train", "validation", "test"].contains(&&record[3]),
            "{record:?}"
        );
        assert_eq!((&record[4], &record[5]), ("16", "12"));
    }
    Ok(())
}

#[test]
fn a_contact_sheet_shows_every_image() -> Outcome {
    let home = tempdir()?;
    for seed in 0..30 {
        picture(home.path(), &format!("{seed}.png"), seed);
    }
    let sheet = home.path().join("sheet.png");
    data(home.path())
        .arg("--sheet")
        .arg(&sheet)
        .assert()
        .success();
    let sheet = image::open(&sheet)?;
    assert!(sheet.width() > 600 && sheet.height() > 150);
    data(home.path())
        .args(["--sheet", "/nonexistent/sheet.png"])
        .assert()
        .code(2)
        .stderr(contains("no such folder"));
    Ok(())
}

#[test]
fn an_image_that_is_read_is_never_written_over() -> Outcome {
    let home = tempdir()?;
    for seed in 0..4 {
        picture(home.path(), &format!("{seed}.png"), seed);
    }
    let before = fs::read(home.path().join("0.png"))?;
    data(home.path())
        .args(["--force", "--sheet"])
        .arg(home.path().join("0.png"))
        .assert()
        .code(1)
        .stderr(contains("is a file that is read"));
    assert_eq!(fs::read(home.path().join("0.png"))?, before);
    Ok(())
}
