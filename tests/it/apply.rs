//! The commands that use a trained model: `info`, `encode`, `decode`, `reconstruct`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage, Rgba, RgbaImage};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::Value;
use tempfile::{TempDir, tempdir};
use trainer::data::{Fit, ImageOptions, Inputs, Preparation, Watch};
use trainer::image::ImageShape;
use trainer::{Device, Images, Model};

use crate::common::{json, only_run, small_run, trainer};

/// A folder of pictures of 16×16 pixels in two classes, and one broken file; a model of it.
pub struct Case {
    pub home: TempDir,
}

pub const LATENT: usize = 5;

pub fn picture(index: u32, side: u32) -> RgbImage {
    RgbImage::from_fn(side, side, |x, y| {
        let level =
            |by: u32| u8::try_from((x * by + y * (index + 1) + 13 * index) % 256).unwrap_or(0);
        Rgb([level(3), level(5), level(11)])
    })
}

impl Case {
    pub fn new(arch: &str, more: &[&str]) -> Self {
        let home = tempdir().expect("a folder");
        for index in 0..30 {
            let class = if index % 3 == 0 { "cat" } else { "dog" };
            let folder = home.path().join("photos").join(class);
            fs::create_dir_all(&folder).expect("a folder");
            let path = folder.join(format!("{index:02}.png"));
            picture(index, 16).save(path).expect("a picture");
        }
        fs::write(
            home.path().join("photos/dog/broken.png"),
            b"\x89PNG\r\n\x1a\n",
        )
        .expect("a file");
        let case = Self { home };
        trainer()
            .args(["--backend", "flex", "--arch", arch, "--latent-dim"])
            .arg(LATENT.to_string())
            .args([
                "--epochs",
                "2",
                "--ssim-preset",
                "skimage",
                "--no-cache",
                "--quiet",
            ])
            .args(more)
            .arg("--data")
            .arg(case.photos())
            .arg("--runs")
            .arg(case.path("runs"))
            .assert()
            .success();
        case
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.home.path().join(below)
    }

    pub fn photos(&self) -> PathBuf {
        self.path("photos")
    }

    pub fn model(&self) -> PathBuf {
        only_run(&self.path("runs")).join("checkpoints/best.safetensors")
    }

    pub fn command(&self, name: &str) -> assert_cmd::Command {
        let mut command = trainer();
        command.args([name, "--backend", "flex"]).arg(self.model());
        command
    }

    pub fn encode(&self, images: &[&Path], output: &str) -> (Vec<f32>, Vec<[String; 3]>) {
        let output = self.path(output);
        let mut command = self.command("encode");
        command
            .args(images)
            .arg("-o")
            .arg(&output)
            .assert()
            .success();
        (array(&output), rows(&output.with_extension("csv")))
    }

    /// Decodes the codes in a file, of so many images, into a folder.
    pub fn decode(&self, codes: &str, output: &str, images: usize) {
        let mut command = self.command("decode");
        command
            .arg(self.path(codes))
            .arg("-o")
            .arg(self.path(output));
        command
            .assert()
            .success()
            .stdout(contains(format!("{images} images decoded")));
    }
}

/// The values of a file in NumPy's format.
pub fn array(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).expect("a file");
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (values, rest) = bytes[10 + length..].as_chunks();
    assert!(rest.is_empty());
    values
        .iter()
        .map(|&value| f32::from_le_bytes(value))
        .collect()
}

fn rows(path: &Path) -> Vec<[String; 3]> {
    let mut reader = csv::Reader::from_path(path).expect("a table");
    let header = reader.headers().expect("a header");
    assert_eq!(
        header.iter().take(3).collect::<Vec<_>>(),
        ["row", "path", "class"]
    );
    let records = reader.records().map(|record| record.expect("a row"));
    records
        .map(|record| [0, 1, 2].map(|column| record[column].to_owned()))
        .collect()
}

#[test]
fn every_good_image_has_a_code_in_the_order_of_the_paths() {
    let case = Case::new("residual", &[]);
    let output = case.path("codes.npy");
    let mut command = case.command("encode");
    command
        .arg(case.photos())
        .arg("-o")
        .arg(&output)
        .arg("--json");
    let assert = command
        .assert()
        .success()
        .stderr(contains("skipped dog/broken.png"));
    let said: Value = serde_json::from_slice(&assert.get_output().stdout).expect("JSON");
    assert_eq!(said["images"], 30);
    assert_eq!(said["latent_dim"], LATENT);
    assert_eq!(said["refine"], 0);
    assert_eq!(said["skipped"][0]["path"], "dog/broken.png");

    let names = rows(&output.with_extension("csv"));
    assert_eq!(names.len(), 30);
    assert_eq!(names[0], ["0", "cat/00.png", "cat"].map(str::to_owned));
    assert_eq!(names[29], ["29", "dog/29.png", "dog"].map(str::to_owned));
    assert!(names.is_sorted_by_key(|[_, path, _]| path.clone()));

    // As the library has it.
    let device = Device::flex();
    let model = Model::open(case.model(), &device).expect("a model");
    let options = ImageOptions::default();
    let images = Images::folder(case.photos(), options).expect("images");
    let expected = model.encode(&images).expect("codes").into_data();
    let expected = expected.try_to_vec::<f32>().expect("f32");
    let codes = array(&output);
    assert_eq!(codes.len(), 30 * LATENT);
    for (code, expected) in codes.iter().zip(&expected) {
        assert!((code - expected).abs() < 1e-4, "{code}, not {expected}");
    }
}

#[test]
fn a_code_depends_on_its_image_alone() {
    for (arch, more) in [("residual", &[][..]), ("linear", &["--refine", "4"])] {
        let case = Case::new(arch, more);
        let (all, names) = case.encode(&[&case.photos()], "all.npy");
        for row in [0, 7, 29] {
            let file = case.photos().join(&names[row][1]);
            let (alone, name) = case.encode(&[&file], &format!("{row}.npy"));
            assert_eq!(name.len(), 1);
            let expected = &all[row * LATENT..][..LATENT];
            assert_eq!(alone, expected, "{arch}, row {row}");
        }
    }
}

#[test]
fn a_table_of_codes_has_what_the_array_has_and_is_decoded_to_the_same() {
    let case = Case::new("linear", &[]);
    let (codes, _) = case.encode(&[&case.photos()], "codes.npy");
    let table = case.path("table.csv");
    let mut command = case.command("encode");
    command
        .arg(case.photos())
        .arg("-o")
        .arg(&table)
        .assert()
        .success();
    let mut reader = csv::Reader::from_path(&table).expect("a table");
    let values: Vec<f32> = reader
        .records()
        .flat_map(|record| {
            let record = record.expect("a row");
            let values = record.iter().skip(3);
            values
                .map(|value| value.parse().expect("a number"))
                .collect::<Vec<f32>>()
        })
        .collect();
    assert_eq!(values, codes);

    for (codes, folder) in [("codes.npy", "from array"), ("table.csv", "from table")] {
        case.decode(codes, folder, 30);
    }
    let mut reconstruct = case.command("reconstruct");
    reconstruct
        .arg(case.photos())
        .arg("-o")
        .arg(case.path("restored"));
    reconstruct.assert().success();
    let read = |folder: &str| fs::read(case.path(folder).join("cat/03.png")).expect("a picture");
    assert_eq!(read("from array"), read("from table"));
    assert_eq!(read("from array"), read("restored"));
}

#[test]
fn reconstructions_are_scored_and_drawn() {
    let case = Case::new("linear", &[]);
    let (output, grid) = (case.path("out"), case.path("grid.png"));
    let mut command = case.command("reconstruct");
    command.arg(case.photos()).arg("-o").arg(&output);
    command.arg("--grid").arg(&grid).arg("--json");
    let assert = command.assert().success();
    let said: Value = serde_json::from_slice(&assert.get_output().stdout).expect("JSON");
    let mut reader = csv::Reader::from_path(output.join("scores.csv")).expect("a table");
    assert_eq!(
        reader.headers().expect("a header"),
        vec!["path", "class", "ssim", "psnr", "mse"]
    );
    let ssim: HashMap<String, f64> = reader
        .records()
        .map(|record| {
            let row = record.expect("a row");
            (row[0].to_owned(), row[2].parse().expect("a number"))
        })
        .collect();
    assert_eq!(ssim.len(), 30);
    let mean = ssim.values().sum::<f64>() / 30.0;
    let told = said["quality"]["ssim"].as_f64().expect("a number");
    assert!((mean - told).abs() < 1e-6, "{mean}, {told}");
    let restored = image::open(output.join("dog/01.png")).expect("a picture");
    assert_eq!((restored.width(), restored.height()), (16, 16));
    assert!(image::open(grid).expect("a picture").width() > 200);

    // The mean over the test images is that of training.
    let run = only_run(&case.path("runs"));
    let mut tested = csv::Reader::from_path(run.join("test.csv")).expect("a table");
    assert_eq!(&tested.headers().expect("a header")[1], "path");
    let tested: Vec<f64> = tested
        .records()
        .map(|record| ssim[&record.expect("a row")[1]])
        .collect();
    assert_eq!(tested.len(), 3);
    let mean = tested.iter().sum::<f64>() / 3.0;
    let expected = json(&run.join("summary.json"))["test"]["ssim"].clone();
    let expected = expected.as_f64().expect("a number");
    assert!((mean - expected).abs() < 1e-5, "{mean}, {expected}");
}

#[test]
fn outputs_keep_their_names_and_nothing_is_replaced_unasked() {
    let case = Case::new("linear", &[]);
    let mixed = case.path("mixed");
    fs::create_dir(&mixed).expect("a folder");
    picture(1, 16).save(mixed.join("a.png")).expect("a picture");
    picture(2, 16).save(mixed.join("a.bmp")).expect("a picture");
    picture(3, 40).save(mixed.join("b.png")).expect("a picture");
    let output = case.path("out");
    let again = || {
        let mut command = case.command("reconstruct");
        command.arg(&mixed).arg("-o").arg(&output);
        command
    };
    again()
        .assert()
        .success()
        .stderr(contains("1 of 3 images resized to 16×16 (crop)"));
    for name in ["a.png.png", "a.bmp.png", "b.png", "scores.csv"] {
        assert!(output.join(name).is_file(), "{name}");
    }
    again()
        .assert()
        .code(1)
        .stderr(contains("a.bmp.png exists already, and 3 files more").and(contains("--force")));
    again().arg("--force").assert().success();
    let size = |name: &str| {
        let picture = image::open(output.join(name)).expect("a picture");
        (picture.width(), picture.height())
    };
    assert_eq!(size("b.png"), (16, 16));
    again()
        .args(["--force", "--original-size"])
        .assert()
        .success();
    assert_eq!(size("b.png"), (40, 40));
    assert_eq!(size("a.png.png"), (16, 16));
    let mut encode = case.command("encode");
    encode.arg(&mixed).arg("-o").arg(case.path("codes.npy"));
    encode.assert().success();
    encode.assert().code(1).stderr(contains("--force"));
}

#[test]
fn no_image_is_written_over_another_or_over_what_is_read() {
    let case = Case::new("linear", &[]);
    let mixed = case.path("mixed");
    fs::create_dir(&mixed).expect("a folder");
    // Each of them would be a.png.png under its full name, or A.png on some disks.
    for (index, name) in ["a.png", "a.bmp", "a.png.bmp", "A.bmp"].iter().enumerate() {
        let picture = picture(u32::try_from(index).expect("few"), 16);
        picture.save(mixed.join(name)).expect("a picture");
    }
    let output = case.path("out");
    let mut command = case.command("reconstruct");
    command
        .arg(&mixed)
        .arg("-o")
        .arg(&output)
        .assert()
        .success();
    let mut names: Vec<String> = fs::read_dir(&output)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("a file")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort_by_key(|name| name.to_lowercase());
    names.dedup_by_key(|name| name.to_lowercase());
    assert_eq!(names.len(), 5, "{names:?}");

    let original = fs::read(mixed.join("a.png")).expect("a file");
    let mut command = case.command("reconstruct");
    command
        .arg(mixed.join("a.png"))
        .arg("-o")
        .arg(&mixed)
        .arg("--force");
    command
        .assert()
        .code(1)
        .stderr(contains("a file that is read"));
    assert_eq!(fs::read(mixed.join("a.png")).expect("a file"), original);
    let mut command = case.command("reconstruct");
    command
        .arg(mixed.join("A.bmp"))
        .arg("-o")
        .arg(case.path("other"));
    command.arg("--grid").arg(case.path("other/A.png"));
    // The folder of the grid has to be there.
    fs::create_dir(case.path("other")).expect("a folder");
    command
        .assert()
        .code(1)
        .stderr(contains("would be written twice"));
}

#[test]
fn tables_of_codes_may_be_rearranged_and_names_stay_below_the_folder() {
    let case = Case::new("linear", &[]);
    let (codes, rows) = case.encode(&[&case.photos()], "array.npy");
    let output = case.path("out");
    let decode = |codes: PathBuf| {
        let mut command = case.command("decode");
        command.arg(codes).arg("-o").arg(&output).arg("--force");
        command
    };
    // Beside an array, order is all that ties rows to codes.
    let beside = case.path("array.csv");
    let lines = fs::read_to_string(&beside).expect("a table");
    let mut lines: Vec<&str> = lines.lines().collect();
    lines[1..].reverse();
    fs::write(&beside, lines.join("\n")).expect("a table");
    decode(case.path("array.npy"))
        .assert()
        .code(1)
        .stderr(contains("it has been sorted"));
    // With the codes in it, neither the order of rows nor that of columns matters, nor do other columns.
    let pixels = |name: &str| {
        image::open(output.join(name))
            .expect("a picture")
            .into_rgb8()
    };
    fs::remove_file(&beside).expect("a file");
    decode(case.path("array.npy")).assert().success();
    let expected = pixels("000003.png");
    let code = codes[3 * LATENT..4 * LATENT].iter().rev();
    let code: Vec<String> = code.map(ToString::to_string).collect();
    let path = case.path("mixed.csv");
    let text = format!(
        "cluster,path,code_4,code_3,code_2,code_1,code_0,class,row\n7,b.png,{0},x,9\n7,a.png,{0},,2\n",
        code.join(",")
    );
    fs::write(&path, text).expect("a table");
    decode(path).assert().success();
    assert_eq!(pixels("a.png"), expected);
    assert_eq!(pixels("b.png"), expected);
    assert_eq!(rows[3][0], "3");

    let table = |lines: &[&str]| {
        let path = case.path("codes.csv");
        let codes = ",0,0,0,0,0";
        let lines: Vec<String> = lines
            .iter()
            .map(|line| format!("{line}{codes}\n"))
            .collect();
        let head = "row,path,class,code_0,code_1,code_2,code_3,code_4\n";
        fs::write(&path, head.to_owned() + &lines.concat()).expect("a file");
        path
    };
    decode(table(&["0,../../x.jpg,", "1,,", "2,/y/x.jpg,", "3,x.jpg,"]))
        .assert()
        .success();
    for name in ["x.jpg.png", "000001.png", "y/x.png", "x.jpg-2.png"] {
        assert!(output.join(name).is_file(), "{name}");
    }
}

#[test]
fn codes_know_their_model_and_their_steps() {
    let case = Case::new("linear", &[]);
    let other = Case::new("linear", &["--seed", "1"]);
    case.encode(&[&case.photos()], "codes.npy");
    let codes = case.path("codes.npy");
    let record: Value = json(&codes.with_extension("json"));
    assert_eq!(record["refine"], 20);
    let decoded_by = |who: &Case| {
        let mut command = who.command("decode");
        command.arg(&codes).arg("-o").arg(case.path("out"));
        command.arg("--force").assert()
    };
    decoded_by(&case).success();
    decoded_by(&other)
        .code(1)
        .stderr(contains("SHA-256").and(contains("take the model that made them")));
    for (name, option) in [("neighbours", "--among"), ("score", "--codes")] {
        let mut command = case.command(name);
        command.arg(case.photos()).arg(option).arg(&codes);
        command.args(["--refine", "3", "-o"]);
        command.arg(case.path(name).with_extension("csv"));
        if name == "score" {
            command.args(["--by", "latent"]);
        }
        command
            .assert()
            .code(1)
            .stderr(contains("give --refine 20"))
            // The broken picture is told of once the pictures are read.
            .stderr(contains("skipped").not());
    }
    // Another program's codes have no record.
    fs::remove_file(codes.with_extension("json")).expect("a file");
    decoded_by(&other).success();
}

#[test]
fn transparent_images_are_put_on_a_background_where_one_is_named() {
    let case = Case::new("linear", &[]);
    let sprite = RgbaImage::from_fn(16, 16, |x, y| {
        let inside = x > 3 && y > 5;
        Rgba([200, 10, 90, if inside { 255 } else { 0 }])
    });
    let on_white = RgbImage::from_fn(16, 16, |x, y| match sprite.get_pixel(x, y).0 {
        [.., 0] => Rgb([255; 3]),
        [red, green, blue, _] => Rgb([red, green, blue]),
    });
    sprite.save(case.path("sprite.png")).expect("a picture");
    on_white.save(case.path("white.png")).expect("a picture");
    let encode = |image: &str, more: &[&str]| {
        let mut command = case.command("encode");
        command.arg(case.path(image)).args(more).arg("--force");
        command.arg("-o").arg(case.path("codes.npy")).assert()
    };
    encode("sprite.png", &[])
        .code(1)
        .stderr(contains("transparent").and(contains("--background white")));
    encode("sprite.png", &["--background", "white"]).success();
    let codes = array(&case.path("codes.npy"));
    encode("white.png", &[]).success();
    assert_eq!(codes, array(&case.path("codes.npy")));
    encode("sprite.png", &["--background", "black"]).success();
    assert_ne!(codes, array(&case.path("codes.npy")));

    // What a picture is padded with is a matter of training.
    let wide = RgbaImage::from_pixel(16, 8, Rgba([90, 90, 90, 0]));
    wide.save(case.path("wide.png")).expect("a picture");
    let inputs = Inputs::open(&[case.path("wide.png")]).expect("a picture");
    let inputs = inputs.on(Some("white".parse().expect("a colour")));
    let shape = ImageShape {
        channels: 1,
        height: 16,
        width: 16,
    };
    let padded = Preparation {
        fit: Fit::Pad,
        ..Preparation::default()
    };
    let read = inputs.read(shape, padded, 1, &Watch::default(), |batch| {
        assert_eq!((batch.values[0], batch.values[8 * 16]), (0, 255));
        Ok::<(), ()>(())
    });
    assert!(read.expect("a picture").skipped.is_empty());
}

#[test]
fn a_model_for_grey_images_takes_any_and_says_how() {
    let runs = TempDir::new().expect("a folder");
    small_run(runs.path()).assert().success();
    let home = tempdir().expect("a folder");
    picture(4, 50)
        .save(home.path().join("b.png"))
        .expect("a picture");
    let list = home.path().join("list.txt");
    let path = home.path().join("b.png");
    fs::write(&list, format!("{}\n\n", path.display())).expect("a file");
    let codes = home.path().join("codes.npy");
    trainer()
        .args(["encode", "latest", "--runs"])
        .arg(runs.path())
        .args(["--backend", "flex", "--files-from"])
        .arg(&list)
        .arg("-o")
        .arg(&codes)
        .assert()
        .success()
        .stderr(contains("resized to 28×28").and(contains("1 of 1 image made grey")));
    assert_eq!(
        rows(&codes.with_extension("csv"))[0][1],
        path.display().to_string()
    );
}

#[test]
fn info_says_what_a_model_is() {
    let case = Case::new("residual", &["--width", "4"]);
    case.command("info").assert().success().stdout(
        contains("residual")
            .and(contains("3×16×16"))
            .and(contains("cat, dog")),
    );
    let assert = case.command("info").arg("--json").assert().success();
    let said: Value = serde_json::from_slice(&assert.get_output().stdout).expect("JSON");
    assert_eq!(said["latent_dim"], LATENT);
    assert_eq!(said["width"], 4);
    assert_eq!(said["loss"], "ssim+psnr");
    assert!(said["parameters"].as_u64().expect("a number") > 1000);
}

#[test]
fn all_images_of_idx_files_are_encoded_in_their_order() {
    let case = Case::new("linear", &[]);
    let folder = case.path("idx");
    fs::create_dir(&folder).expect("a folder");
    let header = |magic: u32, sides: &[u32]| -> Vec<u8> {
        let words = std::iter::once(magic).chain(sides.iter().copied());
        words.flat_map(u32::to_be_bytes).collect()
    };
    for (stem, count) in [("train", 3_u8), ("t10k", 2)] {
        let mut images = header(0x803, &[count.into(), 12, 12]);
        // The first two are equal.
        images.extend((0..count).flat_map(|image| vec![40 * (image / 2); 144]));
        let mut labels = header(0x801, &[count.into()]);
        labels.extend(0..count);
        fs::write(folder.join(format!("{stem}-images-idx3-ubyte")), images).expect("a file");
        fs::write(folder.join(format!("{stem}-labels-idx1-ubyte")), labels).expect("a file");
    }
    let (codes, names) = case.encode(&[&folder], "codes.npy");
    let paths: Vec<&str> = names.iter().map(|[_, path, _]| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "train/00000",
            "train/00001",
            "train/00002",
            "test/00000",
            "test/00001"
        ]
    );
    assert_eq!(names[2][2], "2");
    assert_eq!(codes[..LATENT], codes[LATENT..2 * LATENT]);

    // Of the files in their folder, only those four are read.
    let encode = |more: &[&str]| {
        let mut command = case.command("encode");
        command.arg(&folder).arg("-o").arg(folder.join("own.npy"));
        command.args(more).assert()
    };
    encode(&[]).success();
    encode(&[]).code(1).stderr(contains("--force"));
    encode(&["--force"]).success();
    let images = folder.join("train-images-idx3-ubyte");
    let before = fs::read(&images).expect("a file");
    #[cfg(unix)]
    {
        let link = folder.join("link.npy");
        std::os::unix::fs::symlink(&images, &link).expect("a link");
        let mut command = case.command("encode");
        command.arg(&folder).arg("-o").arg(&link).arg("--force");
        command
            .assert()
            .code(1)
            .stderr(contains("is a file that is read"));
    }
    assert_eq!(fs::read(&images).expect("a file"), before);
}

#[test]
fn wrong_input_is_refused_with_what_is_wrong() {
    let case = Case::new("linear", &[]);
    let out = case.path("out");
    let decode = |codes: &Path| {
        let mut command = case.command("decode");
        command.arg(codes).arg("-o").arg(&out);
        command
    };
    let array_of = |shape: &str, element: &str, values: &[f32]| {
        let mut header =
            format!("{{'descr': '{element}', 'fortran_order': False, 'shape': {shape}, }}");
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(header.len()).expect("short").to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        let path = case.path(&format!(
            "{}{}.npy",
            &element[1..],
            shape.len() + 10 * values.len()
        ));
        fs::write(&path, bytes).expect("a file");
        path
    };
    for (path, expected) in [
        (
            array_of("(2, 3)", "<f4", &[0.0; 6]),
            "codes of 3 values, and the model's have 5",
        ),
        (
            array_of("(2, 5)", "<f4", &[0.0; 9]),
            "9 values instead of 2 × 5",
        ),
        (array_of("(1, 5)", "<i4", &[0.0; 5]), "its elements are <i4"),
        (array_of("(5,)", "<f4", &[0.0; 5]), "shape [5]"),
        (
            array_of("(1, 5)", "<f4", &[0.0, 0.0, f32::NAN, 0.0, 0.0]),
            "value 2 of code 0 is NaN",
        ),
        (
            case.photos().join("cat/00.png"),
            "doesn't begin like a file in NumPy's format",
        ),
        (case.path("missing.npy"), "can't read"),
    ] {
        decode(&path).assert().code(1).stderr(contains(expected));
        assert!(!out.exists());
    }
    let mut encode = case.command("encode");
    encode
        .arg(case.path("nowhere"))
        .arg("-o")
        .arg(case.path("a.npy"));
    encode
        .assert()
        .code(1)
        .stderr(contains("nowhere").and(contains("expected an image file, or a folder of them")));
    let mut encode = case.command("encode");
    encode
        .arg(case.photos().join("dog/broken.png"))
        .arg("-o")
        .arg(case.path("a.npy"));
    encode
        .assert()
        .code(1)
        .stderr(contains("none of the 1 file can be used"));
    let mut encode = case.command("encode");
    encode.arg(case.photos()).arg("-o").arg(case.path("a.txt"));
    encode
        .assert()
        .code(2)
        .stderr(contains("ends in .npy, .csv or .parquet"));
    let mut encode = case.command("encode");
    encode
        .arg("-o")
        .arg(case.path("a.npy"))
        .assert()
        .code(2)
        .stderr(contains("IMAGES"));
    trainer()
        .args(["info", "no-such-run", "--backend", "flex"])
        .assert()
        .code(1)
        .stderr(contains("no-such-run"));
    assert!(!case.path("a.npy").exists());
}

/// What an image is made from can be seen in it again, whichever way it was made to fit.
#[test]
fn a_picture_that_was_made_to_fit_is_made_large_again() {
    let shape = ImageShape {
        channels: 3,
        height: 32,
        width: 32,
    };
    let size = [60, 100];
    let wide = RgbImage::from_fn(100, 60, |x, y| {
        let level = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
        Rgb([level(2 * x), level(4 * y), 90])
    });
    let home = tempdir().expect("a folder");
    wide.save(home.path().join("wide.png")).expect("a picture");
    for (fit, expected) in [
        (Fit::Stretch, [60, 100]),
        (Fit::Pad, [60, 100]),
        (Fit::Crop, [60, 60]),
    ] {
        let options = ImageOptions {
            fit,
            size: trainer::data::Size::Of {
                width: 32,
                height: 32,
            },
            ..ImageOptions::default()
        };
        let images = Images::folder(home.path(), options).expect("an image");
        let preparation = Preparation {
            fit,
            ..Preparation::default()
        };
        let large = preparation.undo(images.image(0), shape, size);
        assert_eq!([large.height, large.width], expected, "{fit:?}");
        let left = (100 - expected[1]) / 2;
        for (y, x) in [(20, 20), (30, 30), (45, 50)] {
            let pixel = &large.pixels[3 * (y * large.width + x)..][..3];
            let column = u32::try_from(left + x).expect("small");
            let original = wide.get_pixel(column, u32::try_from(y).expect("small")).0;
            for (found, original) in pixel.iter().zip(original) {
                assert!(
                    found.abs_diff(original) <= 6,
                    "{fit:?}: {pixel:?}, {original:?}"
                );
            }
        }
    }
}
