//! What loads, from where, and what is refused.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use rand::Rng;
use trainer::data::{
    ClassSelection, DataError, FILE_STEMS, FolderOptions, ImageParts, Images, Labels, Source, Watch,
};
use trainer::image::ImageShape;
use trainer::rng::{Stream, rng};

use super::support::{
    IMAGE_LEN, gzip, image_header, images, labels, sha256, sources, ten_images, write_gzipped,
};

/// Where Debian's package puts the files.
const OFFICIAL_DIR: &str = "/usr/share/datasets/fashion-mnist";

fn load(classes: &ClassSelection, dir: Option<&Path>) -> Result<Images, DataError> {
    Source::of(dir, FolderOptions::default()).load(classes, &Watch::NONE)
}

fn all_from(dir: &Path) -> Result<Images, DataError> {
    load(&ClassSelection::All, Some(dir))
}

fn labels_of(images: &Images) -> &[u32] {
    &images.labels().unwrap().ids
}

#[test]
fn the_default_classes_need_no_files() {
    let dir = tempfile::tempdir().unwrap();
    let sources = sources(dir.path(), &ten_images(), &[]);
    let both = sources.load(&ClassSelection::default(), true).unwrap();
    assert_eq!((both.len(), both.duplicates()), (14_000, 0));
    assert_eq!(both.shape().batch(1), [1, 1, 28, 28]);
    assert_eq!(labels_of(&both).iter().sum::<u32>(), 7_000);
    assert_eq!(both.source(), "embedded Fashion-MNIST (t-shirt, trouser)");
    assert_eq!(
        both.sha256(),
        "056522c22fb2dbfc757e00113298b2a4facd1f463fd1efaa4c031db5b4ddbaa3"
    );

    let one = sources.load(&"trouser".parse().unwrap(), true).unwrap();
    assert_eq!((one.len(), one.values().len()), (7_000, 7_000 * IMAGE_LEN));
    assert_eq!(
        labels_of(&one).iter().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from([1])
    );
}

#[test]
fn the_embedded_images_are_the_official_ones() {
    if !Path::new(OFFICIAL_DIR).is_dir() {
        eprintln!("skipped: {OFFICIAL_DIR} is not there (Debian: dataset-fashion-mnist)");
        return;
    }
    let classes = ClassSelection::default();
    // As its files' checksums tell, so that the same two classes are meant.
    let embedded = load(&classes, None).unwrap();
    let official = load(&classes, Some(Path::new(OFFICIAL_DIR))).unwrap();
    assert_eq!(embedded.labels(), official.labels());
    assert!(embedded.values() == official.values());
    assert_eq!(embedded.sha256(), official.sha256());
}

#[test]
fn plain_and_gzipped_files_are_read_alike() {
    let (zipped, plain) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_gzipped(zipped.path(), &ten_images());
    for (stem, content) in FILE_STEMS.iter().zip(ten_images()) {
        fs::write(plain.path().join(stem), content).unwrap();
    }
    let (zipped, plain) = (
        all_from(zipped.path()).unwrap(),
        all_from(plain.path()).unwrap(),
    );
    assert_eq!(labels_of(&zipped), (0..10).collect::<Vec<u32>>());
    assert_eq!(zipped.manifest()[5..7], ["train/00005", "test/00000"]);
    assert_eq!(zipped.image(6), [16; IMAGE_LEN]);
    assert_eq!(
        (zipped.values(), zipped.sha256()),
        (plain.values(), plain.sha256())
    );
}

#[test]
fn only_the_chosen_classes_are_loaded_from_a_directory_even_if_embedded() {
    let dir = tempfile::tempdir().unwrap();
    write_gzipped(dir.path(), &ten_images());
    let chosen = load(&"1,8".parse().unwrap(), Some(dir.path())).unwrap();
    assert_eq!(
        (chosen.image(0)[0], chosen.image(1)[0], chosen.len()),
        (11, 18, 2)
    );
    assert!(
        chosen.source().contains(dir.path().to_str().unwrap()),
        "{}",
        chosen.source()
    );
    // Not Fashion-MNIST's files, so that they have other classes, all of which are taken.
    let all = load(&ClassSelection::default(), Some(dir.path())).unwrap();
    assert_eq!(all.len(), 10);
    assert_eq!(all.class_names()[..2], ["0", "1"]);
}

#[test]
fn a_repeated_image_is_dropped_whatever_its_label_and_the_first_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    // Values 10 11 12 13 in training, 12 13 14 in test.
    let files = [
        images(4, 10),
        labels(&[0, 1, 2, 3]),
        images(3, 12),
        labels(&[2, 9, 4]),
    ];
    write_gzipped(dir.path(), &files);
    let dataset = all_from(dir.path()).unwrap();
    assert_eq!(dataset.duplicates(), 2);
    assert_eq!(labels_of(&dataset), [0, 1, 2, 3, 4]);
    let values: Vec<u8> = (0..5).map(|i| dataset.image(i)[0]).collect();
    assert_eq!(values, [10, 11, 12, 13, 14]);
    assert_eq!(
        dataset.sha256(),
        sha256(&[&[0, 1, 2, 3, 4], dataset.values()].concat())
    );
    // Repeats are sought among the chosen classes only: the first image of value 13 is of class 3.
    let boots = load(&"9".parse().unwrap(), Some(dir.path())).unwrap();
    assert_eq!((boots.len(), boots.duplicates()), (1, 0));
}

/// Loads the ten images with one file's gzip'd bytes replaced.
fn with_file(stem: usize, bytes: &[u8]) -> Result<Images, DataError> {
    let dir = tempfile::tempdir().unwrap();
    write_gzipped(dir.path(), &ten_images());
    let path = dir.path().join(format!("{}.gz", FILE_STEMS[stem]));
    fs::write(&path, bytes).unwrap();
    let result = all_from(dir.path());
    if let Err(error) = &result {
        let message = error.to_string();
        assert!(
            message.contains(path.to_str().unwrap()),
            "no file named in: {message}"
        );
    }
    result
}

#[test]
fn a_directory_without_the_files_is_refused_and_not_fallen_through() {
    let dir = tempfile::tempdir().unwrap();
    let error = load(&ClassSelection::default(), Some(dir.path())).unwrap_err();
    assert!(matches!(&error, DataError::NoImageFiles { .. }), "{error}");
    let message = error.to_string();
    for part in
        FILE_STEMS
            .iter()
            .chain([&"`data`", &"$TRAINER_DATA", &dir.path().to_str().unwrap()])
    {
        assert!(message.contains(part), "no {part} in: {message}");
    }
    write_gzipped(dir.path(), &ten_images());
    fs::remove_file(dir.path().join("t10k-labels-idx1-ubyte.gz")).unwrap();
    assert_error!(
        all_from(dir.path()),
        DataError::MissingFiles { missing, .. } if missing == ["t10k-labels-idx1-ubyte"]
    );
}

#[test]
fn a_truncated_file_is_refused_with_the_bytes_expected_and_found() {
    let whole = ten_images();
    let expected = whole[0].len();
    assert_error!(
        with_file(0, &whole[0][..1000]),
        DataError::Truncated { expected: e, found: 1000, .. } if e == expected
    );
    assert_error!(
        with_file(1, &whole[1][..3]),
        DataError::Truncated {
            expected: 4,
            found: 3,
            ..
        }
    );
    assert_error!(
        with_file(3, &[]),
        DataError::Truncated {
            expected: 4,
            found: 0,
            ..
        }
    );
    // Noise does not compress, so that half of the gzip'd bytes are about half of the images.
    let mut noise = image_header(6, 28, 28);
    let mut random = rng(1, Stream::Samples, 0);
    noise.extend((0..6 * IMAGE_LEN).map(|_| random.next_u32().to_le_bytes()[0]));
    let zipped = gzip(&noise);
    assert_error!(
        with_file(0, &zipped[..zipped.len() / 2]),
        DataError::Truncated { expected: e, found, .. } if e == expected && found < expected
    );
    assert_error!(
        with_file(0, &zipped[..zipped.len() - 4]),
        DataError::Unreadable { .. }
    );
}

#[test]
fn a_file_longer_than_its_header_declares_is_refused() {
    let whole = ten_images();
    for (stem, content) in whole.iter().enumerate() {
        let longer = [content, &[0][..]].concat();
        for bytes in [gzip(&longer), longer] {
            assert_error!(
                with_file(stem, &bytes),
                DataError::TooLong { expected, .. } if expected == content.len()
            );
        }
    }
}

#[test]
fn damaged_compression_is_refused() {
    let mut zipped = gzip(&ten_images()[2]);
    let checksum = zipped.len() - 8;
    zipped[checksum] ^= 1;
    assert_error!(with_file(2, &zipped), DataError::Unreadable { .. });
    let garbage_after = [&gzip(&ten_images()[2])[..], b"garbage"].concat();
    assert_error!(with_file(2, &garbage_after), DataError::Unreadable { .. });
}

#[test]
fn images_and_labels_in_each_others_place_are_refused() {
    let [images, labels, ..] = ten_images();
    assert_error!(
        with_file(0, &gzip(&labels)),
        DataError::Magic {
            expected: 0x803,
            found: 0x801,
            ..
        }
    );
    assert_error!(
        with_file(1, &gzip(&images)),
        DataError::Magic {
            expected: 0x801,
            found: 0x803,
            ..
        }
    );
}

#[test]
fn a_header_out_of_bounds_is_refused() {
    let sized = |height, width| [image_header(6, height, width), vec![0; 6 * 32 * 28]].concat();
    // Those of the test files are 28×28.
    assert_error!(
        with_file(2, &[image_header(4, 32, 28), vec![0; 4 * 32 * 28]].concat()),
        DataError::OtherShape { found, .. } if found.height == 32
    );
    for (height, width) in [(28, 1 << 31), (0, 28), (4_097, 1)] {
        assert_error!(
            with_file(0, &sized(height, width)),
            DataError::ImageSize { .. }
        );
    }
    assert_error!(
        with_file(0, &image_header(0, 28, 28)),
        DataError::Count { count: 0, .. }
    );
    let too_many = image_header(10_000_001, 28, 28);
    assert_error!(
        with_file(0, &too_many),
        DataError::Count {
            count: 10_000_001,
            ..
        }
    );
    assert_error!(
        with_file(1, &labels(&[])),
        DataError::Count { count: 0, .. }
    );
}

#[test]
fn labels_that_do_not_fit_are_refused() {
    assert_error!(
        with_file(1, &gzip(&labels(&[0, 1, 2]))),
        DataError::LabelCount {
            images: 6,
            labels: 3,
            ..
        }
    );
}

#[test]
fn images_of_any_size_and_any_labels_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let image_file = |values: &[u8]| {
        let count = u32::try_from(values.len()).unwrap();
        let images = values.iter().flat_map(|&value| [value; 3 * 5]);
        [image_header(count, 3, 5), images.collect()].concat()
    };
    let files = [
        image_file(&[1, 2]),
        labels(&[0, 25]),
        image_file(&[3]),
        labels(&[25]),
    ];
    write_gzipped(dir.path(), &files);
    let all = all_from(dir.path()).unwrap();
    assert_eq!(all.shape().batch(all.len()), [3, 1, 3, 5]);
    assert_eq!(labels_of(&all), [0, 25, 25]);
    assert_eq!(all.class(1), Some("25"));
    let chosen = load(&"25".parse().unwrap(), Some(dir.path())).unwrap();
    assert_eq!(chosen.manifest(), ["train/00001", "test/00000"]);
}

#[test]
fn a_selection_without_images_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let files = [images(2, 0), labels(&[0, 2]), images(1, 5), labels(&[2])];
    write_gzipped(dir.path(), &files);
    let result = load(&"1".parse().unwrap(), Some(dir.path()));
    assert_error!(result, DataError::NoImages { .. });
    let made = |values: Vec<u8>, ids: Option<Vec<u32>>, count: usize, side: usize| {
        let names = vec!["a".to_owned(), "b".to_owned()];
        Images::new(ImageParts {
            values,
            shape: ImageShape {
                channels: 1,
                height: side,
                width: 2,
            },
            labels: ids.map(|ids| Labels { ids, names }),
            manifest: vec![String::new(); count],
            source: "test".to_owned(),
        })
    };
    for wrong in [
        made(vec![0; 7], Some(vec![0, 1]), 2, 2),
        made(vec![], None, 1, 0),
        made(vec![0; 8], Some(vec![0]), 2, 2),
        made(vec![0; 8], Some(vec![0, 2]), 2, 2),
    ] {
        assert_error!(wrong, DataError::PixelCount { .. });
    }
    assert_error!(made(vec![], None, 0, 2), DataError::NoImages { .. });
    made(vec![0, 1, 2, 3, 4, 5, 6, 7], Some(vec![0, 1]), 2, 2).unwrap();
}
