//! Decoded images that are kept for the next time.

use std::fs;
use std::path::Path;

use tempfile::tempdir;
use trainer::Images;
use trainer::data::{ClassSelection, DataError, FolderOptions, ImageOptions};

use super::{load_with, picture, skipped};
use crate::common::folder::Outcome;

fn cached(folder: &Path, cache: &Path, images: ImageOptions) -> Result<Images, DataError> {
    let options = FolderOptions {
        images,
        cache: Some(cache.to_owned()),
        ..FolderOptions::default()
    };
    load_with(folder, options, &ClassSelection::Auto)
}

fn files(cache: &Path) -> usize {
    fs::read_dir(cache).map_or(0, Iterator::count)
}

#[test]
fn images_come_back_from_the_cache_as_they_went_in() -> Outcome {
    let home = tempdir()?;
    let (photos, cache) = (home.path().join("photos"), home.path().join("cache"));
    for seed in 0..40 {
        picture(&photos, &format!("{}/{seed}.png", seed % 2), seed);
    }
    fs::write(photos.join("0/broken.png"), "")?;
    let first = cached(&photos, &cache, ImageOptions::default())?;
    assert_eq!(files(&cache), 1);
    let again = cached(&photos, &cache, ImageOptions::default())?;
    assert_eq!(files(&cache), 1);
    assert_eq!(first.values(), again.values());
    assert_eq!(first.sha256(), again.sha256());
    assert_eq!(first.collection(), again.collection());
    assert_eq!(skipped(&again).len(), 1);
    let none = load_with(&photos, FolderOptions::default(), &ClassSelection::Auto)?;
    assert_eq!(none.sha256(), again.sha256());

    // Other options, and other contents, are other images.
    let size = "8".parse()?;
    let small = ImageOptions {
        size,
        ..ImageOptions::default()
    };
    assert_eq!(cached(&photos, &cache, small)?.shape().width, 8);
    picture(&photos, "0/0.png", 99);
    let changed = cached(&photos, &cache, ImageOptions::default())?;
    assert_ne!(changed.sha256(), first.sha256());
    assert_eq!(files(&cache), 3);
    Ok(())
}

#[test]
fn a_damaged_cache_file_is_noticed_and_made_anew() -> Outcome {
    let home = tempdir()?;
    let (photos, cache) = (home.path().join("photos"), home.path().join("cache"));
    for seed in 0..4 {
        picture(&photos, &format!("{seed}.png"), seed);
    }
    let first = cached(&photos, &cache, ImageOptions::default())?;
    let file = fs::read_dir(&cache)?.next().expect("a file")?.path();
    let whole = fs::read(&file)?;
    for damage in [
        0,
        1,
        100,
        whole.len() / 2,
        whole.len() - 30,
        whole.len() - 1,
    ] {
        let mut flipped = whole.clone();
        flipped[damage] ^= 0x40;
        for bytes in [flipped, whole[..damage].to_vec()] {
            fs::write(&file, bytes)?;
            let again = cached(&photos, &cache, ImageOptions::default())?;
            assert_eq!(again.sha256(), first.sha256(), "{damage}");
            assert_eq!(again.values(), first.values(), "{damage}");
            assert_eq!(again.manifest(), first.manifest());
        }
    }
    Ok(())
}

#[test]
fn a_cache_that_cannot_be_written_is_no_error() -> Outcome {
    let home = tempdir()?;
    picture(home.path(), "photos/1.png", 1);
    let file = home.path().join("file");
    fs::write(&file, "mine")?;
    let images = cached(&home.path().join("photos"), &file, ImageOptions::default())?;
    assert_eq!(images.len(), 1);
    assert_eq!(fs::read_to_string(&file)?, "mine");
    Ok(())
}
