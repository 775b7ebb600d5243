//! Which files of a folder are images, and what their places say of them.

use std::fs;

use tempfile::tempdir;
use trainer::data::{
    ClassSelection, DataError, FolderOptions, ImageOptions, Images, Part, Split, SplitFractions,
};

use super::{load, load_with, picture, skipped};
use crate::common::folder::Outcome;

fn classes(images: &Images) -> Vec<Option<&str>> {
    (0..images.len()).map(|row| images.class(row)).collect()
}

fn warnings(images: &Images) -> String {
    images
        .collection()
        .expect("files of their own")
        .warnings
        .join("\n")
}

#[test]
fn a_flat_folder_has_no_classes_and_its_files_the_order_of_their_code_points() -> Outcome {
    let home = tempdir()?;
    for (seed, name) in (0..).zip(["b.png", "a10.png", "a2.png", "Z.PNG", "é.jpeg", "😀.bmp"]) {
        picture(home.path(), name, seed);
    }
    let images = load(home.path())?;
    assert_eq!(
        images.manifest(),
        ["Z.PNG", "a10.png", "a2.png", "b.png", "é.jpeg", "😀.bmp"]
    );
    assert!(images.labels().is_none());
    assert_eq!(images.classes(), ClassSelection::All);
    Ok(())
}

#[test]
fn folders_are_classes_and_what_is_nested_belongs_to_the_first() -> Outcome {
    let home = tempdir()?;
    for (seed, name) in (0..).zip(["dog/1.png", "cat/2.png", "cat/old/deep/3.png", "a-b/1.png"]) {
        picture(home.path(), name, seed);
    }
    fs::create_dir(home.path().join("empty"))?;
    let images = load(home.path())?;
    assert_eq!(
        images.manifest(),
        ["a-b/1.png", "cat/2.png", "cat/old/deep/3.png", "dog/1.png"]
    );
    assert_eq!(
        classes(&images),
        [Some("a-b"), Some("cat"), Some("cat"), Some("dog")]
    );
    assert_eq!(images.class_names(), ["a-b", "cat", "dog"]);
    assert!(
        warnings(&images).contains("no image in empty"),
        "{}",
        warnings(&images)
    );

    let chosen = load_with(home.path(), FolderOptions::default(), &"CAT,a-b".parse()?)?;
    assert_eq!(chosen.len(), 3);
    assert_eq!(chosen.classes(), "a-b,cat".parse()?);
    let unknown = load_with(home.path(), FolderOptions::default(), &"cow".parse()?);
    assert!(matches!(unknown, Err(DataError::UnknownClass { .. })));
    Ok(())
}

#[test]
fn classes_that_differ_by_case_are_told_apart_by_it() -> Outcome {
    let home = tempdir()?;
    for (seed, name) in (0..).zip(["Cat/1.png", "cat/1.png", "cat/2.png", "dog/1.png"]) {
        picture(home.path(), name, seed);
    }
    let of = |classes: &str| {
        let classes: ClassSelection = classes.parse().expect("classes");
        load_with(home.path(), FolderOptions::default(), &classes)
    };
    for (classes, expected) in [("cat", 2), ("Cat", 1), ("Cat,cat", 3), ("DOG", 1), ("0", 1)] {
        let images = of(classes)?;
        assert_eq!(images.len(), expected, "{classes}");
        // What a run keeps of the choice means the same.
        let kept = images.classes().to_string();
        assert_eq!(
            of(&kept)?.manifest(),
            images.manifest(),
            "{classes} as {kept}"
        );
    }
    Ok(())
}

#[test]
fn folders_of_runs_are_no_images() -> Outcome {
    let home = tempdir()?;
    picture(home.path(), "1.png", 1);
    for name in [
        "runs/a/config.toml",
        "runs/a/status.json",
        "sweep/sweep.csv",
        "sweep/.sweep.lock",
    ] {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder"))?;
        fs::write(path, "")?;
    }
    picture(home.path(), "runs/a/best.png", 2);
    picture(home.path(), "sweep/rate_quality.png", 3);
    let images = load(home.path())?;
    assert_eq!(images.manifest(), ["1.png"]);
    let collection = images.collection().expect("files of their own");
    assert_eq!(collection.ignored["folders of runs"], 2);
    assert_eq!(warnings(&images), "");
    Ok(())
}

#[test]
fn images_beside_folders_have_no_classes_and_a_warning_says_why() -> Outcome {
    let home = tempdir()?;
    for (seed, name) in (0..).zip(["dog/1.png", "cat/2.png", "preview.png"]) {
        picture(home.path(), name, seed);
    }
    let images = load(home.path())?;
    assert_eq!(images.len(), 3);
    assert!(images.labels().is_none());
    assert!(
        warnings(&images).contains("1 of the images lie beside the folders cat, dog"),
        "{}",
        warnings(&images)
    );
    Ok(())
}

#[test]
fn what_is_no_image_is_ignored_and_counted() -> Outcome {
    let home = tempdir()?;
    picture(home.path(), "cat/1.png", 1);
    for name in [
        "notes.txt",
        "cat/labels.CSV",
        "BM of a text",
        "P5",
        ".hidden.png",
        ".hidden/2.png",
        "cat/._1.png",
        "Thumbs.db",
        ".DS_Store",
        "__MACOSX/cat/1.png",
    ] {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder"))?;
        fs::write(path, "BM is how some texts begin, too")?;
    }
    // An image whatever its name.
    picture(home.path(), "cat/2.png", 2);
    fs::rename(
        home.path().join("cat/2.png"),
        home.path().join("cat/no_extension"),
    )?;
    // None, but called one.
    fs::write(home.path().join("cat/page.JPG"), "<html>404</html>")?;
    let images = load(home.path())?;
    assert_eq!(images.manifest(), ["cat/1.png", "cat/no_extension"]);
    let collection = images.collection().expect("files of their own");
    assert_eq!(collection.ignored(), 10);
    assert_eq!(collection.ignored["hidden"], 6);
    let [page] = skipped(&images).try_into().expect("one file");
    assert!(page.starts_with("cat/page.JPG: it's HTML"), "{page}");
    Ok(())
}

#[test]
fn folders_named_as_parts_are_the_split_and_never_labels() -> Outcome {
    let home = tempdir()?;
    let names = [
        "train/good/1.png",
        "train/good/2.png",
        "train/good/3.png",
        "test/good/4.png",
        "test/scratch/5.png",
        "val/good/6.png",
        "ground_truth/scratch/5_mask.png",
    ];
    for (seed, name) in (0..).zip(names) {
        picture(home.path(), name, seed);
    }
    let images = load(home.path())?;
    assert_eq!(images.len(), 6);
    assert_eq!(images.class_names(), ["good", "scratch"]);
    assert!(
        warnings(&images).contains("left out: ground_truth (1)"),
        "{}",
        warnings(&images)
    );
    let part = |name: &str| {
        let row = images
            .manifest()
            .iter()
            .position(|it| it == name)
            .expect("there");
        images.collection().expect("files").files[row].part
    };
    assert_eq!(part("train/good/1.png"), Some(Part::Train));
    assert_eq!(part("test/scratch/5.png"), Some(Part::Test));
    assert_eq!(part("val/good/6.png"), Some(Part::Validation));
    let split = Split::of(&images, &SplitFractions::default(), 0, None)?;
    let names = |rows: &[u32]| -> Vec<&str> {
        rows.iter()
            .map(|&row| images.manifest()[row as usize].as_str())
            .collect()
    };
    assert_eq!(
        names(&split.test),
        ["test/good/4.png", "test/scratch/5.png"]
    );
    assert_eq!(names(&split.validation), ["val/good/6.png"]);
    assert_eq!(split.train.len(), 3);
    Ok(())
}

#[test]
fn without_a_folder_for_validation_it_is_drawn_from_training() -> Outcome {
    let home = tempdir()?;
    for seed in 0..18 {
        picture(home.path(), &format!("train/good/{seed}.png"), seed);
    }
    picture(home.path(), "test/good/a.png", 100);
    picture(home.path(), "test/bad/b.png", 101);
    let images = load(home.path())?;
    let split = Split::of(&images, &SplitFractions::default(), 0, None)?;
    assert_eq!(
        (split.train.len(), split.validation.len(), split.test.len()),
        (16, 2, 2)
    );
    let is_training = |row: &u32| images.manifest()[*row as usize].starts_with("train/");
    assert!(split.train.iter().chain(&split.validation).all(is_training));
    assert!(!split.test.iter().any(is_training));
    assert_eq!(
        split,
        Split::of(&images, &SplitFractions::default(), 0, None)?
    );
    let limited = Split::of(&images, &SplitFractions::default(), 0, Some(10))?;
    let sizes = [&limited.train, &limited.validation, &limited.test].map(Vec::len);
    assert_eq!(sizes, [8, 1, 1]);
    // `train` alone is a folder like others.
    let only = load(&home.path().join("train"))?;
    assert_eq!(only.class_names(), ["good"]);
    Ok(())
}

#[test]
fn equal_images_stay_together_where_a_part_is_drawn_from_training() -> Outcome {
    let home = tempdir()?;
    for seed in 0..20 {
        picture(home.path(), &format!("train/{seed:02}.png"), seed);
        picture(home.path(), &format!("train/copy-{seed:02}.bmp"), seed);
    }
    picture(home.path(), "test/a.png", 100);
    let images = load(home.path())?;
    let split = Split::of(&images, &SplitFractions::default(), 0, None)?;
    let files = &images.collection().expect("files").files;
    let hash = |row: &u32| &files[*row as usize].sha256;
    let train: std::collections::HashSet<_> = split.train.iter().map(hash).collect();
    assert!(!split.validation.is_empty());
    assert!(!split.validation.iter().any(|row| train.contains(hash(row))));
    Ok(())
}

#[test]
fn equal_images_are_kept_counted_and_never_on_two_sides() -> Outcome {
    let home = tempdir()?;
    for seed in 0..20 {
        picture(home.path(), &format!("{seed:02}.png"), seed);
        picture(home.path(), &format!("copy-{seed:02}.bmp"), seed);
    }
    let images = load(home.path())?;
    assert_eq!((images.len(), images.duplicates()), (40, 20));
    let split = Split::of(&images, &SplitFractions::default(), 3, None)?;
    let all = [&split.train, &split.validation, &split.test];
    assert_eq!(all.map(Vec::len), [32, 4, 4]);
    for rows in all {
        for &row in rows {
            let name = &images.manifest()[row as usize];
            let twin = match name.strip_prefix("copy-") {
                Some(rest) => rest.replace("bmp", "png"),
                None => format!("copy-{}", name.replace("png", "bmp")),
            };
            let is_here = rows
                .iter()
                .any(|&row| images.manifest()[row as usize] == twin);
            assert!(is_here, "{name} without {twin}");
        }
    }
    Ok(())
}

#[test]
fn a_table_gives_the_classes_of_a_flat_folder() -> Outcome {
    let home = tempdir()?;
    let folder = home.path().join("photos");
    for seed in 0..30 {
        picture(&folder, &format!("{seed:02}.png"), seed);
    }
    let table = home.path().join("labels.csv");
    let labelled = |lines: &str| {
        fs::write(&table, lines)?;
        let options = FolderOptions {
            labels: Some(table.clone()),
            ..FolderOptions::default()
        };
        Ok::<_, std::io::Error>(load_with(&folder, options, &ClassSelection::Auto))
    };
    let rows = (1..30).map(|row| {
        let class = if row % 3 == 0 { "good" } else { "bad" };
        format!("{row},./{row:02}.png,{class}")
    });
    let rows: Vec<String> = rows.collect();
    let lines = format!("\u{feff}ID, Path ,Class\n{}\n", rows.join("\n"));
    let images = labelled(&(lines.clone() + "30,gone.png,good\n"))??;
    assert_eq!(images.class_names(), ["bad", "good"]);
    assert_eq!(
        classes(&images)[..3],
        [Some("bad"), Some("bad"), Some("good")]
    );
    assert!(
        warnings(&images).contains("gone.png"),
        "{}",
        warnings(&images)
    );
    assert!(skipped(&images)[0].starts_with("00.png: it has no class in "));

    // Separators may be those of Windows, and elsewhere such a sign may be part of a name.
    picture(&folder, "sub/x.png", 31);
    #[cfg(unix)]
    picture(&folder, r"sub\y.png", 32);
    let images = labelled("path,class\n.\\sub\\x.png,good\nsub\\y.png,bad\n")??;
    #[cfg(unix)]
    assert_eq!(images.manifest(), ["sub/x.png", r"sub\y.png"]);
    assert_eq!(classes(&images)[0], Some("good"));
    assert!(
        !warnings(&images).contains("beside the folders"),
        "{}",
        warnings(&images)
    );
    fs::remove_dir_all(folder.join("sub"))?;
    #[cfg(unix)]
    fs::remove_file(folder.join(r"sub\y.png"))?;

    for (table, problem) in [
        ("path,label\n00.png,a\n", "no column `class`"),
        ("path,class\n", "no line with a path and a class"),
        ("path,class\n00.png,\n", "line 2 lacks a path or a class"),
        (
            "path,class\n00.png,a\n00.png,b\n",
            "line 3 gives 00.png the class b",
        ),
        ("path,class\nx.png,a\n", "none of its paths, such as x.png"),
    ] {
        let error = labelled(table)?.expect_err("a wrong table").to_string();
        assert!(error.contains(problem), "{error}");
        assert!(error.contains("labels.csv"), "{error}");
    }
    Ok(())
}

#[test]
fn the_same_files_in_other_parts_are_another_set() -> Outcome {
    let home = tempdir()?;
    let hashes = [
        "{}.png",
        "train/{}.png|val/{}.png",
        "train/{}.png|test/{}.png",
    ]
    .map(|names| {
        let folder = home.path().join(names.replace(['/', '|', '{', '}'], "-"));
        for seed in 0..4 {
            let mut names = names.split('|').cycle().skip(usize::from(seed / 2));
            let name = names.next().expect("names go in circles");
            picture(&folder, &name.replace("{}", &seed.to_string()), seed);
        }
        let images = load(&folder).expect("images");
        (images.values().to_vec(), images.sha256().to_owned())
    });
    let mut different: Vec<&String> = hashes.iter().map(|(_, hash)| hash).collect();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 3, "{hashes:?}");
    // In the same order.
    assert_eq!(hashes[0].0, hashes[1].0);
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn a_part_that_cannot_be_read_is_one_all_the_same() -> Outcome {
    use std::os::unix::fs::PermissionsExt;
    let home = tempdir()?;
    for (seed, name) in (0..).zip(["train/cat/1.png", "train/dog/2.png", "test/cat/3.png"]) {
        picture(home.path(), name, seed);
    }
    let data = |closed: &str| {
        let closed = home.path().join(closed);
        let set = |mode| fs::set_permissions(&closed, fs::Permissions::from_mode(mode));
        set(0o000).expect("permissions");
        let found = crate::common::ordinary_user(home.path()).map(|mut user| {
            let output = user.args(["data", "."]).output().expect("it runs");
            String::from_utf8_lossy(&output.stderr).into_owned()
                + &String::from_utf8_lossy(&output.stdout)
        });
        set(0o755).expect("permissions");
        found
    };
    if let Some(said) = data("test") {
        assert!(said.contains("cat") && said.contains("dog"), "{said}");
        assert!(said.contains("test: it can't be read"), "{said}");
    }
    // A class that can't be read isn't an empty one.
    if let Some(said) = data("train/dog") {
        assert!(said.contains("train/dog: it can't be read"), "{said}");
        assert!(!said.contains("no image in"), "{said}");
    }
    Ok(())
}

#[test]
fn folders_without_images_are_errors_that_say_what_there_is() -> Outcome {
    let home = tempdir()?;
    fs::write(home.path().join("a.txt"), "")?;
    fs::write(home.path().join("b.txt"), "")?;
    let error = load(home.path()).expect_err("no image").to_string();
    assert!(error.contains("(but 2 .txt)"), "{error}");
    fs::write(home.path().join("c.png"), "")?;
    let error = load(home.path()).expect_err("no image").to_string();
    assert!(error.contains("c.png: it's empty"), "{error}");
    let error = load(&home.path().join("none"))
        .expect_err("no folder")
        .to_string();
    assert!(error.contains("doesn't exist"), "{error}");
    Ok(())
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_circles_noticed() -> Outcome {
    use std::os::unix::fs::symlink;
    let home = tempdir()?;
    let (photos, elsewhere) = (home.path().join("photos"), home.path().join("elsewhere"));
    picture(&photos, "cat/1.png", 1);
    picture(&elsewhere, "2.png", 2);
    symlink(&elsewhere, photos.join("dog"))?;
    symlink(elsewhere.join("2.png"), photos.join("cat/linked.png"))?;
    symlink(&photos, photos.join("cat/again"))?;
    symlink("nowhere", photos.join("cat/lost.png"))?;
    let images = load(&photos)?;
    assert_eq!(
        images.manifest(),
        ["cat/1.png", "cat/linked.png", "dog/2.png"]
    );
    assert!(
        warnings(&images).contains("cat/again leads back"),
        "{}",
        warnings(&images)
    );
    assert!(skipped(&images)[0].starts_with("cat/lost.png: it can't be read"));
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf_8_are_kept() -> Outcome {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let home = tempdir()?;
    picture(home.path(), "plain.png", 1);
    let odd = OsStr::from_bytes(b"odd\xff.png");
    fs::rename(home.path().join("plain.png"), home.path().join(odd))?;
    assert_eq!(load(home.path())?.manifest(), [r"odd\xff.png"]);
    Ok(())
}

#[test]
fn files_in_memory_are_what_they_would_be_in_a_folder() -> Outcome {
    let home = tempdir()?;
    let names = [
        "train/dog/1.png",
        "train/cat/2.jpeg",
        "train/cat/.hidden.png",
        "val/cat/3.bmp",
        "beside.png",
    ];
    for (seed, name) in (0..).zip(names) {
        picture(home.path(), name, seed);
    }
    fs::write(home.path().join("train/dog/broken.png"), "no image")?;
    fs::write(home.path().join("train/dog/notes.txt"), "no image")?;
    let others = ["train/dog/broken.png", "train/dog/notes.txt"];
    let files: Result<Vec<_>, std::io::Error> = names
        .into_iter()
        .chain(others)
        .map(|name| Ok((name.to_owned(), fs::read(home.path().join(name))?)))
        .collect();
    let found = Images::files(files?, ImageOptions::default())?;
    let expected = load(home.path())?;
    assert_eq!(found.sha256(), expected.sha256());
    assert_eq!(found.manifest(), expected.manifest());
    assert_eq!(found.labels(), expected.labels());
    assert_eq!(found.values(), expected.values());
    assert_eq!(found.collection(), expected.collection());
    assert_eq!(skipped(&found).len(), 1);
    Ok(())
}

#[test]
fn files_in_memory_of_one_name_are_told_apart() -> Outcome {
    let home = tempdir()?;
    picture(home.path(), "a.png", 1);
    picture(home.path(), "b.png", 2);
    let [a, b] = [
        fs::read(home.path().join("a.png"))?,
        fs::read(home.path().join("b.png"))?,
    ];
    let broken = a[..40].to_vec();
    let files = [("x.png", a), ("x.png", broken), ("y.png", b)];
    let files = files.map(|(name, bytes)| (name.to_owned(), bytes));
    let found = Images::files(files.to_vec(), ImageOptions::default())?;
    assert_eq!(found.manifest(), ["x.png", "y.png"]);
    assert_eq!(found.image(1), load(home.path())?.image(1));
    assert!(skipped(&found)[0].contains("x (2).png"));
    Ok(())
}

#[test]
fn no_image_among_files_in_memory_is_an_error() {
    for files in [vec![], vec![("a.txt".to_owned(), b"text".to_vec())]] {
        let found = Images::files(files, ImageOptions::default());
        assert!(matches!(
            found,
            Err(DataError::NoImagesGiven { first: None })
        ));
    }
    let broken = vec![("a.png".to_owned(), b"text".to_vec())];
    let found = Images::files(broken, ImageOptions::default());
    let error = found.unwrap_err();
    assert!(matches!(
        &error,
        DataError::NoImagesGiven { first: Some(_) }
    ));
    assert!(error.to_string().contains("a.png"), "{error}");
}
