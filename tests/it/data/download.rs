//! What happens when the files are not on the machine.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use trainer::data::{ClassSelection, DataError, FILE_STEMS, FashionMnistError, Images, Sources};

use super::support::{
    Reply, gzip, gzipped_replies, refused, serve, sources, ten_images, write_gzipped,
};

fn all(sources: &Sources) -> Result<Images, DataError> {
    sources.load(&ClassSelection::All, true)
}

/// The reasons in a [`DataError::NotFound`], one line each, and that there is no cache after it.
fn failures(sources: &Sources) -> Vec<String> {
    match all(sources) {
        Err(DataError::FashionMnist(FashionMnistError::NotFound { failures, .. })) => {
            assert!(!sources.cache_dir.as_ref().unwrap().exists());
            failures
        }
        other => panic!("expected NotFound, got {other:?}"),
    }
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Replies in which the first file is `reply`.
fn first_file(reply: Reply) -> HashMap<String, Reply> {
    let mut replies = gzipped_replies(&ten_images());
    replies.insert(format!("{}.gz", FILE_STEMS[0]), reply);
    replies
}

#[test]
fn a_download_is_stored_and_used_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    let (url, requests) = serve(gzipped_replies(&ten_images()));
    let sources = sources(dir.path(), &ten_images(), &[&url]);
    let first = all(&sources).unwrap();
    assert_eq!(first.labels().unwrap().ids, (0..10).collect::<Vec<u32>>());
    let mut expected = FILE_STEMS.map(|stem| format!("{stem}.gz"));
    expected.sort();
    assert_eq!(names_in(sources.cache_dir.as_ref().unwrap()), expected);
    assert_eq!(requests.load(Ordering::SeqCst), 4);

    assert_eq!(all(&sources).unwrap().sha256(), first.sha256());
    assert_eq!(
        requests.load(Ordering::SeqCst),
        4,
        "the second load must not ask again"
    );
}

#[test]
fn a_download_goes_on_from_the_files_that_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let (url, requests) = serve(gzipped_replies(&ten_images()));
    let sources = sources(dir.path(), &ten_images(), &[&url]);
    let cache = sources.cache_dir.clone().unwrap();
    fs::create_dir(&cache).unwrap();
    write_gzipped(&cache, &ten_images());
    fs::remove_file(cache.join(format!("{}.gz", FILE_STEMS[2]))).unwrap();
    assert_eq!(all(&sources).unwrap().len(), 10);
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[test]
fn the_cache_comes_before_the_system_directory_and_both_before_a_download() {
    let dir = tempfile::tempdir().unwrap();
    let (url, requests) = serve(HashMap::new());
    let sources = sources(dir.path(), &ten_images(), &[&url]);
    fs::create_dir(&sources.system_dir).unwrap();
    write_gzipped(&sources.system_dir, &ten_images());
    let source = all(&sources).unwrap().source().to_owned();
    assert_eq!(source, format!("{} (all)", sources.system_dir.display()));

    let cache = sources.cache_dir.clone().unwrap();
    fs::create_dir(&cache).unwrap();
    write_gzipped(&cache, &ten_images());
    assert_eq!(
        all(&sources).unwrap().source(),
        format!("{} (all)", cache.display())
    );
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[test]
fn a_mirror_with_other_content_is_passed_over() {
    let (wrong, asked) = serve(first_file(Reply::Body(gzip(b"something else"))));
    let (right, _) = serve(gzipped_replies(&ten_images()));
    let dir = tempfile::tempdir().unwrap();
    let sources = sources(dir.path(), &ten_images(), &[&wrong, &right]);
    assert_eq!(all(&sources).unwrap().len(), 10);
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[test]
fn content_of_another_checksum_is_refused() {
    // The same images but for one bit, and a web page in place of a file.
    let mut other = ten_images()[0].clone();
    other[2000] ^= 1;
    for body in [
        gzip(&other),
        b"<html>Please log in</html>".to_vec(),
        Vec::new(),
    ] {
        let (url, _) = serve(first_file(Reply::Body(body)));
        let dir = tempfile::tempdir().unwrap();
        let sources = sources(dir.path(), &ten_images(), &[&url]);
        let reasons = failures(&sources);
        assert_eq!(reasons.len(), 1);
        assert!(
            reasons[0].contains(&format!("{url}{}.gz", FILE_STEMS[0])),
            "{reasons:?}"
        );
        assert!(reasons[0].contains("SHA-256"), "{reasons:?}");
        assert!(reasons[0].contains(&sources.checksums[0]), "{reasons:?}");
    }
}

#[test]
fn a_body_cut_short_is_refused() {
    // Even where every byte of the file has come: the server promised more.
    let whole = gzip(&ten_images()[0]);
    for body in [whole[..whole.len() / 2].to_vec(), whole] {
        let (url, _) = serve(first_file(Reply::CutShort(body)));
        let dir = tempfile::tempdir().unwrap();
        let reasons = failures(&sources(dir.path(), &ten_images(), &[&url]));
        assert!(reasons[0].contains("isconnect"), "{reasons:?}");
    }
    // And where the server promised no length, so that only the file itself can tell.
    let whole = gzip(&ten_images()[0]);
    let (url, _) = serve(first_file(Reply::Body(whole[..whole.len() / 2].to_vec())));
    let dir = tempfile::tempdir().unwrap();
    let reasons = failures(&sources(dir.path(), &ten_images(), &[&url]));
    assert!(reasons[0].contains("damaged"), "{reasons:?}");
}

#[test]
fn a_body_without_end_is_refused() {
    let (url, _) = serve(first_file(Reply::Endless));
    let dir = tempfile::tempdir().unwrap();
    let reasons = failures(&sources(dir.path(), &ten_images(), &[&url]));
    assert!(reasons[0].contains("larger than"), "{reasons:?}");
}

#[test]
fn without_network_the_error_names_every_place_and_three_ways_out() {
    let dir = tempfile::tempdir().unwrap();
    let (gone, _) = serve(HashMap::new());
    let refused = refused();
    let sources = sources(dir.path(), &ten_images(), &[&refused, &gone]);
    let message = all(&sources).unwrap_err().to_string();
    let cache = sources.cache_dir.as_ref().unwrap();
    for part in [
        cache.to_str().unwrap(),
        sources.system_dir.to_str().unwrap(),
        &refused,
        &gone,
        "404",
        "apt install dataset-fashion-mnist",
        "`data`",
        "$TRAINER_DATA",
        "`classes` t-shirt,trouser",
    ] {
        assert!(message.contains(part), "no {part} in: {message}");
    }
    for stem in FILE_STEMS {
        assert!(message.contains(stem), "no {stem} in: {message}");
    }
    assert!(!cache.exists());
}

#[test]
fn a_download_that_fails_leaves_no_new_folder_and_removes_no_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let (gone, _) = serve(HashMap::new());
    let sources = Sources {
        cache_dir: Some(dir.path().join("old/new/newer")),
        ..sources(dir.path(), &ten_images(), &[&gone])
    };
    fs::create_dir(dir.path().join("old")).unwrap();
    all(&sources).unwrap_err();
    assert_eq!(names_in(&dir.path().join("old")), [""; 0]);
}

/// What the first of the ten images' files may have become: half of it, other content, and nothing.
fn damaged() -> [Vec<u8>; 3] {
    let whole = gzip(&ten_images()[0]);
    let mut other = ten_images()[0].clone();
    other[2000] ^= 1;
    [whole[..whole.len() / 2].to_vec(), gzip(&other), Vec::new()]
}

#[test]
fn a_damaged_file_in_the_cache_is_fetched_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (url, requests) = serve(gzipped_replies(&ten_images()));
    let sources = sources(dir.path(), &ten_images(), &[&url]);
    let cache = sources.cache_dir.clone().unwrap();
    fs::create_dir(&cache).unwrap();
    write_gzipped(&cache, &ten_images());
    let path = cache.join(format!("{}.gz", FILE_STEMS[0]));
    for (times, bytes) in (1..).zip(damaged()) {
        fs::write(&path, &bytes).unwrap();
        assert_eq!(all(&sources).unwrap().len(), 10);
        // Only that file.
        assert_eq!(requests.load(Ordering::SeqCst), times);
        assert_eq!(fs::read(&path).unwrap(), gzip(&ten_images()[0]));
        // Someone may have put it there.
        let kept = cache.join(format!("{}.gz.replaced", FILE_STEMS[0]));
        assert_eq!(fs::read(kept).unwrap(), bytes);
    }
}

#[test]
fn another_whole_copy_stands_in_for_a_damaged_cache() {
    let dir = tempfile::tempdir().unwrap();
    let (url, requests) = serve(gzipped_replies(&ten_images()));
    let sources = sources(dir.path(), &ten_images(), &[&url]);
    let cache = sources.cache_dir.clone().unwrap();
    for folder in [&cache, &sources.system_dir] {
        fs::create_dir(folder).unwrap();
        write_gzipped(folder, &ten_images());
    }
    let path = cache.join(format!("{}.gz", FILE_STEMS[0]));
    fs::write(path, &damaged()[0]).unwrap();
    let source = all(&sources).unwrap().source().to_owned();
    assert_eq!(source, format!("{} (all)", sources.system_dir.display()));
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[test]
fn other_data_in_the_cache_is_not_taken_for_fashion_mnist() {
    let dir = tempfile::tempdir().unwrap();
    let refused = refused();
    let sources = sources(dir.path(), &ten_images(), &[&refused]);
    let cache = sources.cache_dir.clone().unwrap();
    fs::create_dir(&cache).unwrap();
    let mut other = ten_images();
    other[3][8] = 0;
    write_gzipped(&cache, &other);
    let message = all(&sources).unwrap_err().to_string();
    assert!(
        message.contains("isn't Fashion-MNIST's file") && message.contains(FILE_STEMS[3]),
        "{message}"
    );
    // What was there is still there.
    assert_eq!(names_in(&cache).len(), 4);
}

#[test]
fn without_a_cache_directory_nothing_is_downloaded() {
    let dir = tempfile::tempdir().unwrap();
    let (url, requests) = serve(gzipped_replies(&ten_images()));
    let sources = Sources {
        cache_dir: None,
        ..sources(dir.path(), &ten_images(), &[&url])
    };
    let message = all(&sources).unwrap_err().to_string();
    assert!(message.contains("$HOME"), "{message}");
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (url, _) = serve(gzipped_replies(&ten_images()));
    let sources = sources(dir.path(), &ten_images(), &[&url]);
    // A file where the directory should go.
    fs::write(sources.cache_dir.as_ref().unwrap(), "").unwrap();
    let message = all(&sources).unwrap_err().to_string();
    assert!(
        message.contains(sources.cache_dir.as_ref().unwrap().to_str().unwrap()),
        "{message}"
    );
    assert!(message.contains("cannot store"), "{message}");
}
