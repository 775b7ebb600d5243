//! Bytes that nobody wrote on purpose: whatever parses a user's file answers with an error or a
//! value, never with a panic, and in bounded memory.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::common::{alone, only_run, small_run, trainer};
use flate2::Compression;
use flate2::write::GzEncoder;
use predicates::str::contains;
use proptest::prelude::*;
use tempfile::TempDir;
use trainer::config::TrainConfig;
use trainer::data::{ClassSelection, DataError, FILE_STEMS, FolderOptions, Source, Watch};
use trainer::device::Panic;
use trainer::loss::Loss;
use trainer::run::RunDir;
use trainer::train::{Checkpoint, CheckpointFault, Progress, TrainError};

fn checkpoint() -> Checkpoint {
    Checkpoint {
        progress: Progress {
            step: 12,
            losses: vec![0.1, 1.0 / 3.0, f64::MIN_POSITIVE],
            dataset: "abc".to_owned(),
            ..Progress::default()
        },
        config: "seed = 1\n".to_owned(),
        weights: vec![1; 300],
        best: Vec::new(),
        optimizer: vec![7; 600],
    }
}

#[test]
fn a_checkpoint_reads_back_as_it_was() {
    let bytes = checkpoint().to_bytes();
    assert_eq!(Checkpoint::from_bytes(&bytes).expect("whole"), checkpoint());
}

#[test]
fn every_cut_and_every_flipped_bit_of_a_checkpoint_is_noticed() {
    let bytes = checkpoint().to_bytes();
    for len in 0..bytes.len() {
        Checkpoint::from_bytes(&bytes[..len]).expect_err("it is cut off");
    }
    for bit in 0..8 * bytes.len() {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        Checkpoint::from_bytes(&changed).expect_err("a bit is wrong");
    }
}

/// A checkpoint that another format's number was written into.
fn of_format(format: u8) -> CheckpointFault {
    use sha2::{Digest, Sha256};
    let mut bytes = checkpoint().to_bytes();
    bytes.truncate(bytes.len() - 32);
    bytes[16] = format;
    let checksum = Sha256::digest(&bytes);
    bytes.extend(checksum);
    Checkpoint::from_bytes(&bytes).expect_err("another format")
}

#[test]
fn a_checkpoint_of_a_newer_version_is_not_called_damaged() {
    let fault = of_format(3);
    assert!(matches!(fault, CheckpointFault::Newer(3)), "{fault}");
    assert!(fault.to_string().contains("update trainer"), "{fault}");
}

#[test]
fn a_checkpoint_of_an_older_version_is_not_called_damaged() {
    let fault = of_format(1);
    assert!(matches!(fault, CheckpointFault::Older(1)), "{fault}");
    assert!(
        fault
            .to_string()
            .contains("resume the run with that version"),
        "{fault}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_a_checkpoint_or_an_error(bytes: Vec<u8>, is_signed: bool) {
        use sha2::{Digest, Sha256};
        let mut bytes = bytes;
        if is_signed {
            // Past the checksum, which would stop all of these.
            let whole = checkpoint().to_bytes();
            bytes = [&whole[..16], &bytes].concat();
            let checksum = Sha256::digest(&bytes);
            bytes.extend(checksum);
        }
        let _ = Checkpoint::from_bytes(&bytes);
    }

    #[test]
    fn any_text_is_a_loss_or_an_error(text in "[a-z0-9.*+\\- eE∞\\t]{0,40}|\\PC{0,40}") {
        let _ = text.parse::<Loss>();
    }

    #[test]
    fn any_text_is_a_config_or_an_error(
        text in "((seed|loss|classes|split|epochs|checkpoint_every|x) = [\\PC]{0,12}\n){0,4}|\\PC{0,60}",
    ) {
        let home = TempDir::new().expect("a folder");
        let path = home.path().join("config.toml");
        fs::write(&path, text).expect("writing");
        let _ = TrainConfig::read(&path);
    }

    #[test]
    fn any_bytes_in_a_run_folder_are_a_record_or_an_error(bytes: Vec<u8>) {
        let home = TempDir::new().expect("a folder");
        for name in ["config.toml", "meta.json", "status.json", "summary.json", "metrics.csv"] {
            fs::write(home.path().join(name), &bytes).expect("writing");
        }
        let run = RunDir::open(home.path()).expect("it has a config.toml");
        let _ = run.read_config();
        let _ = run.read_meta();
        let _ = run.read_status();
        let _ = run.read_summary();
        let _ = run.read_metrics();
    }

    #[test]
    fn any_bytes_are_images_or_an_error(bytes: Vec<u8>, is_header: bool, is_gzipped: bool) {
        let mut bytes = bytes;
        if is_header {
            bytes = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28], bytes.as_slice()].concat();
        }
        if is_gzipped {
            bytes = [&[0x1f, 0x8b, 8, 0], bytes.as_slice()].concat();
        }
        let _ = load_with(&bytes);
    }
}

/// The data set whose first file has this content.
fn load_with(bytes: &[u8]) -> Result<(), DataError> {
    let home = TempDir::new().expect("a folder");
    for stem in FILE_STEMS {
        fs::write(home.path().join(stem), bytes).expect("writing");
    }
    load_from(home.path())
}

fn load_from(folder: &Path) -> Result<(), DataError> {
    let source = Source::of(Some(folder), FolderOptions::default());
    source
        .load(&ClassSelection::default(), &Watch::NONE)
        .map(|_| ())
}

/// The most memory that this process has had, in MiB.
#[cfg(target_os = "linux")]
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .expect("a peak");
    let kib: u64 = line
        .split_whitespace()
        .nth(1)
        .expect("a number")
        .parse()
        .expect("a number");
    kib / 1024
}

/// In a process of its own, since memory is that of the whole process.
#[test]
#[cfg(target_os = "linux")]
fn a_huge_file_and_a_zip_bomb_are_refused_in_little_memory() {
    alone("hostile::a_huge_file_and_a_zip_bomb");
}

/// A header of two images, then zeros without end, plain and compressed.
#[test]
#[ignore = "run by the test above"]
#[cfg(target_os = "linux")]
fn a_huge_file_and_a_zip_bomb() {
    const HEADER: [u8; 16] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28];
    let home = TempDir::new().expect("a folder");
    let before = peak_memory();
    for stem in FILE_STEMS {
        let mut file = File::create(home.path().join(stem)).expect("a file");
        file.write_all(&HEADER).expect("writing");
        // Sparse: it takes no space.
        file.set_len(10 << 30).expect("a sparse file");
    }
    let error = load_from(home.path()).expect_err("it is too long");
    assert!(matches!(error, DataError::TooLong { .. }), "{error}");

    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&HEADER).expect("writing");
    let zeros = vec![0; 1 << 20];
    for _ in 0..512 {
        bomb.write_all(&zeros).expect("writing");
    }
    let bomb = bomb.finish().expect("writing");
    assert!(
        bomb.len() < 1 << 20,
        "half a gigabyte in {} bytes",
        bomb.len()
    );
    let home = TempDir::new().expect("a folder");
    for stem in FILE_STEMS {
        fs::write(home.path().join(format!("{stem}.gz")), &bomb).expect("writing");
    }
    let error = load_from(home.path()).expect_err("it is too long");
    assert!(matches!(error, DataError::TooLong { .. }), "{error}");
    let grown = peak_memory() - before;
    assert!(grown < 64, "{grown} MiB");
}

#[test]
fn a_run_of_a_newer_version_is_refused_by_name() {
    let runs = TempDir::new().expect("a folder");
    small_run(runs.path()).assert().success();
    let run = only_run(runs.path());
    let path = run.join("meta.json");
    let meta = fs::read_to_string(&path).expect("meta.json");
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(meta.contains(&version), "{meta}");
    fs::write(&path, meta.replace(&version, "\"version\": \"99.1.0\"")).expect("writing");
    for command in [vec!["resume", "--epochs", "3"], vec!["eval"]] {
        trainer()
            .args(command)
            .arg(&run)
            .assert()
            .code(1)
            .stderr(contains("99.1.0"))
            .stderr(contains(env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn a_device_that_gives_up_is_an_error_that_says_what_to_do() {
    let told = |message: &str| {
        let panic = Panic {
            message: message.to_owned(),
            location: "src/there.rs:7:1".to_owned(),
        };
        TrainError::from_panic(panic, 512).to_string()
    };
    // What burn says on llvmpipe with a batch of 4,800 images, and what wgpu says without memory.
    for message in [
        "matmul_naive: An unknown error happened.\nUnable to launch matmul because a required \
         feature is unavailable: Cube count too big (470400, 36, 1)\n\n",
        "wgpu error: Out of Memory",
    ] {
        let error = told(message);
        assert!(error.contains("Try `batch_size` 256"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    for message in [
        "Parent device is lost",
        "The device is poisoned\nCaused by:\n  An unknown error happened",
    ] {
        assert!(told(message).contains("trainer resume"), "{message}");
    }
    let bug = told("index out of bounds");
    assert!(
        bug.contains("report") && bug.contains("there.rs:7"),
        "{bug}"
    );
}
