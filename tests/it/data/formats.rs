//! Files that aren't what their names say, and folders that aren't what `data` takes.

use std::fs;
use std::io::Write;
use std::path::Path;

use trainer::data::{ClassSelection, DataError, FILE_STEMS, FolderOptions, Images, Source, Watch};

use super::support::{gzip, image_header, labels, ten_images, write_gzipped};

fn load(dir: &Path) -> Result<Images, DataError> {
    Source::of(Some(dir), FolderOptions::default()).load(&ClassSelection::All, &Watch::NONE)
}

/// The ten images, with these bytes in place of the first file.
fn with_first_file(bytes: &[u8]) -> Result<Images, DataError> {
    let dir = tempfile::tempdir().unwrap();
    write_gzipped(dir.path(), &ten_images());
    fs::write(dir.path().join(format!("{}.gz", FILE_STEMS[0])), bytes).unwrap();
    load(dir.path())
}

#[test]
fn files_of_other_formats_are_called_what_they_are() {
    let html = b"\n<!DOCTYPE html><html>403 Forbidden</html>";
    for (bytes, name) in [
        (html.to_vec(), "a web page"),
        (gzip(html), "a web page"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n".to_vec(),
            "Git LFS",
        ),
        (b"PK\x03\x04\x14\0\0\0".to_vec(), "a zip archive"),
        (b"BZh91AY&SY".to_vec(), "bzip2"),
        (b"\xfd7zXZ\0\0\x04".to_vec(), "xz"),
        (gzip(&gzip(&ten_images()[0])), "gzip twice"),
    ] {
        let message = with_first_file(&bytes).unwrap_err().to_string();
        assert!(message.contains(name), "no {name} in: {message}");
        assert!(message.contains(FILE_STEMS[0]), "{message}");
    }
    // Numbers of other types and shapes are IDX all the same.
    for magic in [0x804_u32, 0xd03, 0x0308_0000] {
        let bytes = [&magic.to_be_bytes(), &ten_images()[0][4..]].concat();
        assert_error!(with_first_file(&bytes), DataError::Magic { found, .. } if found == magic);
    }
}

#[test]
fn zeros_after_the_compressed_content_do_no_harm_and_anything_else_does() {
    let content = &ten_images()[0];
    let padded = |zeros: usize, more: &[u8]| {
        let mut bytes = gzip(content);
        bytes.write_all(&vec![0; zeros]).unwrap();
        bytes.write_all(more).unwrap();
        with_first_file(&bytes)
    };
    let expected = with_first_file(&gzip(content)).unwrap();
    for zeros in [1, 512, 100_000] {
        let images = padded(zeros, &[]).unwrap();
        assert_eq!(images.sha256(), expected.sha256(), "{zeros} zeros");
    }
    for zeros in [0, 512] {
        assert_error!(padded(zeros, b"garbage"), DataError::Unreadable { .. });
    }
    // A content in two members is one content.
    let (first, second) = content.split_at(1000);
    let members = [gzip(first), gzip(second)].concat();
    assert_eq!(
        with_first_file(&members).unwrap().sha256(),
        expected.sha256()
    );
}

#[test]
fn a_path_that_is_no_folder_is_told_from_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    for (path, problem) in [(&missing, "doesn't exist"), (&file, "is a file")] {
        let error = load(path).unwrap_err();
        assert!(matches!(error, DataError::NoFolder { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.contains(problem) && message.contains(path.to_str().unwrap()),
            "{message}"
        );
    }
}

#[test]
fn the_folders_of_torchvision_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let raw = |name: &str| {
        let raw = dir.path().join(name).join("raw");
        fs::create_dir_all(&raw).unwrap();
        write_gzipped(&raw, &ten_images());
    };
    raw("FashionMNIST");
    let images = load(dir.path()).unwrap();
    assert_eq!(images.len(), 10);
    assert!(
        images.source().contains("FashionMNIST"),
        "{}",
        images.source()
    );
    assert_eq!(load(&dir.path().join("FashionMNIST")).unwrap().len(), 10);
    raw("MNIST");
    let error = load(dir.path()).unwrap_err();
    assert!(
        matches!(&error, DataError::SeveralSets { found, .. } if found.len() == 2),
        "{error}"
    );
    assert_eq!(load(&dir.path().join("MNIST")).unwrap().len(), 10);
}

#[test]
fn names_with_a_dot_are_read() {
    let dir = tempfile::tempdir().unwrap();
    for (stem, content) in FILE_STEMS.iter().zip(ten_images()) {
        let name = stem.replace("-idx", ".idx");
        fs::write(dir.path().join(name), content).unwrap();
    }
    assert_eq!(load(dir.path()).unwrap().len(), 10);
}

#[test]
fn images_that_are_all_alike_are_told_of_where_too_few_are_left() {
    let dir = tempfile::tempdir().unwrap();
    let alike = |count: u32| {
        let pixels = vec![0; count as usize * 28 * 28];
        [image_header(count, 28, 28), pixels].concat()
    };
    write_gzipped(
        dir.path(),
        &[alike(6), labels(&[0; 6]), alike(4), labels(&[1; 4])],
    );
    let images = load(dir.path()).unwrap();
    assert_eq!((images.len(), images.duplicates()), (1, 9));
    crate::common::trainer()
        .args(["--dry-run", "--backend", "flex", "--data"])
        .arg(dir.path())
        .assert()
        .code(2)
        .stderr(predicates::str::contains(
            "of 1 image (9 exact duplicates left out) leaves",
        ));
}

/// EMNIST's images are stored column by column, under names of their own.
#[test]
fn emnist_is_found_by_its_names_and_turned_upright() {
    let dir = tempfile::tempdir().unwrap();
    let image: Vec<u8> = (0..6).collect();
    let header = image_header(1, 2, 3);
    let write = |set: &str, part: &str, first: u8| {
        let values: Vec<u8> = image.iter().map(|value| value + first).collect();
        let stem = format!("emnist-{set}-{part}");
        let images = [header.clone(), values].concat();
        fs::write(dir.path().join(format!("{stem}-images-idx3-ubyte")), images).unwrap();
        let labels = gzip(&labels(&[4]));
        fs::write(
            dir.path().join(format!("{stem}-labels-idx1-ubyte.gz")),
            labels,
        )
        .unwrap();
    };
    write("letters", "train", 0);
    write("letters", "test", 100);
    let images = load(dir.path()).unwrap();
    assert_eq!(images.shape().batch(images.len()), [2, 1, 3, 2]);
    assert_eq!(images.image(0), [0, 3, 1, 4, 2, 5]);
    assert_eq!(images.image(1), [100, 103, 101, 104, 102, 105]);

    write("digits", "train", 50);
    write("digits", "test", 60);
    let error = load(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("emnist-digits") && error.contains("emnist-letters"),
        "{error}"
    );
    let digits = load(&dir.path().join("emnist-digits")).unwrap();
    assert_eq!(digits.image(0)[0], 50);
}

#[test]
fn images_of_one_file_are_made_into_another_size_and_colour() {
    use trainer::data::{Channels, ImageOptions};
    let dir = tempfile::tempdir().unwrap();
    write_gzipped(dir.path(), &ten_images());
    let images = load(dir.path()).unwrap();
    let options = ImageOptions {
        size: "12x20".parse().unwrap(),
        channels: Channels::Rgb,
        ..ImageOptions::default()
    };
    let made = images.clone().made(&options).unwrap();
    assert_eq!(made.shape().batch(made.len()), [10, 3, 20, 12]);
    assert_eq!(made.labels(), images.labels());
    assert_eq!(made.image(3), [13; 3 * 20 * 12]);
    assert_ne!(made.sha256(), images.sha256());
    let same = images.clone().made(&ImageOptions::default()).unwrap();
    assert_eq!(same.sha256(), images.sha256());
}
