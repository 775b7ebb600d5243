//! Codes in Parquet: written by `trainer encode`, read as other programs write them, and refused where damaged.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use predicates::str::contains;
use tempfile::tempdir;
use trainer::apply::{CodeRow, CodesError, ParquetCodes, read_codes};

use crate::apply::Case;

/// As tests/reference/parquet_codes.py wrote it.
fn reference(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/parquet");
    folder.join(format!("{name}.parquet"))
}

fn rows(rows: &[(&str, Option<&str>)]) -> Vec<CodeRow> {
    let row = |(path, class): &(&str, Option<&str>)| CodeRow {
        path: (*path).to_owned(),
        class: class.map(str::to_owned),
    };
    rows.iter().map(row).collect()
}

#[test]
fn codes_that_other_programs_wrote_are_read() {
    let expected = rows(&[
        ("a/0.png", Some("a")),
        ("größe.png", None),
        ("b/2.png", Some("b")),
    ]);
    let codes = vec![0.5, -1.25, 3.0, 1e-3, -0.0, 7.5];
    for name in [
        "pandas",
        "pandas_double",
        "polars",
        "polars_array",
        "duckdb",
    ] {
        let found = read_codes(&reference(name), 2).expect(name);
        assert_eq!(found, (codes.clone(), Some(expected.clone())), "{name}");
    }
    let (found, paths) = read_codes(&reference("no_paths"), 2).expect("codes");
    assert_eq!((found, paths), (codes, None));

    let refused = |name: &str| match read_codes(&reference(name), 2) {
        Err(CodesError::Malformed { problem, .. }) => problem,
        other => panic!("{name}: {other:?}"),
    };
    assert!(refused("polars_zstd").contains("compressed by ZSTD"));
    assert!(refused("no_value").contains("missing"));
    assert!(refused("no_code").contains("missing"));
    assert!(refused("uneven").contains("codes of 2 values, and one of 1"));
    let wide = read_codes(&reference("polars"), 3);
    assert!(
        matches!(wide, Err(CodesError::Width { found: 2, .. })),
        "{wide:?}"
    );
}

/// A file of more rows than one group has.
fn large(path: &Path) -> (Vec<f32>, Vec<CodeRow>) {
    let (count, width) = (130_000_usize, 3);
    let file = fs::File::create(path).expect("a file");
    let mut writer = ParquetCodes::new(file, width).expect("a file");
    let (mut codes, mut images) = (Vec::new(), Vec::new());
    for number in 0..count {
        let row = CodeRow {
            path: format!("images/{number:06}.png"),
            class: (number % 3 != 0).then(|| format!("class {}", number % 5)),
        };
        #[expect(clippy::cast_precision_loss, reason = "below 2^24")]
        let code = [0.1, -1.0, 1e-20].map(|factor| factor * number as f32);
        writer.write(number, &row, &code).expect("a row");
        codes.extend(code);
        images.push(row);
    }
    writer.finish().expect("a file");
    (codes, images)
}

#[test]
fn what_is_written_in_several_groups_is_read_again() {
    let home = tempdir().expect("a folder");
    let path = home.path().join("codes.parquet");
    let (codes, images) = large(&path);
    let (found, rows) = read_codes(&path, 3).expect("codes");
    assert!(found == codes && rows == Some(images));
}

#[test]
fn a_damaged_file_is_an_error() {
    let home = tempdir().expect("a folder");
    let path = home.path().join("codes.parquet");
    let whole = fs::read(reference("pandas")).expect("a file");
    let mut refused = 0;
    let mut read = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).expect("a file");
        let found =
            catch_unwind(|| read_codes(&path, 2)).unwrap_or_else(|_| panic!("panic at {what}"));
        refused += usize::from(found.is_err());
    };
    for length in 0..whole.len() {
        read(&whole[..length], &format!("length {length}"));
    }
    for place in 0..whole.len() {
        for flip in [1, 0x10, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] ^= flip;
            read(&bytes, &format!("byte {place}, {flip}"));
        }
    }
    assert!(refused > whole.len(), "{refused}");
}

#[test]
fn the_program_writes_and_takes_them() {
    let case = Case::new("linear", &[]);
    let (codes, _) = case.encode(&[&case.photos()], "codes.npy");
    let mut command = case.command("encode");
    command
        .arg(case.photos())
        .arg("-o")
        .arg(case.path("table.parquet"));
    command.assert().success().stdout(contains("table.json"));
    let (found, images) =
        read_codes(&case.path("table.parquet"), crate::apply::LATENT).expect("codes");
    let images = images.expect("images");
    assert_eq!(found, codes);
    assert_eq!(images[1], rows(&[("cat/03.png", Some("cat"))])[0]);

    for name in ["codes.npy", "table.parquet"] {
        case.decode(name, &format!("of {name}"), 30);
        let mut command = case.command("neighbours");
        command
            .arg(case.path("photos/dog/01.png"))
            .arg("--among")
            .arg(case.path(name));
        command
            .arg("-o")
            .arg(case.path(&format!("{name}.csv")))
            .assert()
            .success();
    }
    let read = |name: &str| fs::read(case.path(name)).expect("a file");
    assert_eq!(
        read("of codes.npy/cat/03.png"),
        read("of table.parquet/cat/03.png")
    );
    assert_eq!(read("codes.npy.csv"), read("table.parquet.csv"));

    // Another model's are known by the record beside them.
    let record = fs::read_to_string(case.path("table.json")).expect("a record");
    let (_, rest) = record.split_once("\"model\": \"").expect("a model");
    let changed = record.replace(&rest[..64], &"0".repeat(64));
    fs::write(case.path("table.json"), changed).expect("a record");
    let mut command = case.command("decode");
    command
        .arg(case.path("table.parquet"))
        .arg("-o")
        .arg(case.path("other"));
    command
        .assert()
        .failure()
        .stderr(contains("take the model that made them"));
}
