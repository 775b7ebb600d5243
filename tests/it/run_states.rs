//! What is said of a run that was killed, failed, damaged, or can't be read, and of a live one where the
//! file system has no locks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use predicates::str::contains;
use serde_json::Value;
use trainer::run::{RunRecord, RunState, State, Status, save_png};

use crate::common::folder::{Outcome, history, new_run};
use crate::common::{only_run, run_folders, small_run, trainer, without_settings};

const PROGRAM: &str = env!("CARGO_BIN_EXE_trainer");
/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_mins(2);

fn training(runs: &Path) -> Command {
    let mut command = without_settings(PROGRAM);
    command
        .args(["--backend", "flex", "--limit", "120", "--batch-size", "8"])
        .args(["--latent-dim", "64", "--epochs", "99", "--runs"])
        .arg(runs)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The run's folder, as soon as there is one.
fn first_run(runs: &Path) -> PathBuf {
    let started = Instant::now();
    loop {
        let mut folders = run_folders(runs).into_iter();
        let is_whole = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            !name.starts_with('.')
        };
        if let Some(run) = folders.find(is_whole) {
            return run;
        }
        assert!(started.elapsed() < PATIENCE, "no run folder");
    }
}

fn kill(mut child: Child) {
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
}

/// The only run, as `trainer runs --json` has it.
fn listed(runs: &Path) -> Value {
    let mut command = trainer();
    command.args(["runs", "--json", "--runs"]).arg(runs);
    let assert = command.assert().success();
    let value: Value = serde_json::from_slice(&assert.get_output().stdout).expect("JSON");
    value[0].clone()
}

#[test]
fn a_run_that_is_killed_as_soon_as_its_folder_exists_is_killed_not_damaged() -> Outcome {
    let home = tempfile::tempdir()?;
    let child = training(home.path()).spawn()?;
    let run = first_run(home.path());
    // At this moment, not some time later.
    let there = ["status.json", "config.toml", "meta.json"].map(|file| run.join(file).exists());
    kill(child);
    assert_eq!(there, [true; 3]);
    let entry = listed(home.path());
    assert_eq!(entry["state"], "killed");
    assert_eq!(entry["problems"], serde_json::json!([]));
    Ok(())
}

#[test]
#[cfg(unix)]
fn a_run_that_failed_in_its_first_epoch_is_failed_with_its_reason() -> Outcome {
    let home = tempfile::tempdir()?;
    // A limit on the size of files stands for the disk: settings fit, weights don't.
    let script = format!(
        "trap '' XFSZ; ulimit -f 4000; exec {PROGRAM} --arch baseline --backend flex --limit 80 \
         --epochs 2 --runs {}",
        home.path().display()
    );
    let output = without_settings("sh").args(["-c", &script]).output()?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let entry = listed(home.path());
    assert_eq!(entry["state"], "failed", "{entry}");
    assert_eq!(entry["problems"], serde_json::json!([]));
    assert_eq!(entry["status"]["epoch"], 0);
    let reason = entry["status"]["reason"].as_str().expect("a reason");
    assert!(reason.contains(".safetensors"), "{reason}");
    trainer()
        .args(["runs", "--runs"])
        .arg(home.path())
        .assert()
        .success()
        .stdout(contains(" failed "))
        .stdout(contains("! can't write "));
    Ok(())
}

#[test]
fn a_run_whose_folder_is_moved_while_it_trains_says_so_and_resumes() -> Outcome {
    let home = tempfile::tempdir()?;
    let runs = home.path().join("runs");
    let mut command = training(&runs);
    let child = command.stderr(Stdio::piped()).spawn()?;
    let run = first_run(&runs);
    let started = Instant::now();
    while !run.join("checkpoints/last.safetensors").exists() {
        assert!(started.elapsed() < PATIENCE, "no epoch");
        sleep(Duration::from_millis(10));
    }
    let moved = home.path().join("moved");
    fs::rename(&run, &moved)?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is gone: it was moved or deleted"), "{said}");
    assert!(!said.contains("can't write"), "{said}");
    let mut resume = trainer();
    resume.arg("resume").arg(&moved).args(["--epochs", "4"]);
    resume.assert().success();
    Ok(())
}

#[test]
fn errors_of_writing_name_the_file_that_was_meant() -> Outcome {
    let home = tempfile::tempdir()?;
    let error = save_png(&image::RgbImage::new(1, 1), &home.path().join("none/a.png"));
    let error = anyhow::Error::from(error.expect_err("no folder"));
    let said = format!("{error:#}");
    assert!(said.contains("none/a.png"), "{said}");
    let systems = fs::write(home.path().join("none/b.png"), "").expect_err("no folder");
    assert!(said.ends_with(&systems.to_string()), "{said}");
    Ok(())
}

#[test]
fn a_table_that_lacks_epochs_of_a_run_that_ended_is_a_problem() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    run.write_metrics(&history(2))?;
    for (state, problem) in [(State::EarlyStopped, true), (State::Interrupted, false)] {
        run.write_status(&Status::now(state, 3))?;
        let problems = RunRecord::read(run.path()).problems;
        let found = problems.contains(&"metrics.csv has 2 of the run's 3 epochs".to_owned());
        assert_eq!(found, problem, "{problems:?}");
    }
    Ok(())
}

#[test]
fn a_summary_of_numbers_that_no_run_has_is_a_problem_and_not_shown() -> Outcome {
    let home = tempfile::tempdir()?;
    small_run(home.path()).assert().success();
    let run = only_run(home.path());
    let path = run.join("summary.json");
    let whole = fs::read_to_string(&path)?;
    let mut summary: Value = serde_json::from_str(&whole)?;
    summary["seconds"]["total"] = 1e300.into();
    fs::write(&path, summary.to_string())?;
    let record = RunRecord::read(&run);
    assert!(record.summary.is_none());
    assert_eq!(
        record.problems,
        ["summary.json: it has numbers that no run can have"]
    );
    summary["best_epoch"] = "one".into();
    fs::write(&path, summary.to_string())?;
    let problems = RunRecord::read(&run).problems;
    assert!(
        problems[0].contains("expected a whole number"),
        "{problems:?}"
    );
    Ok(())
}

#[test]
fn a_run_that_is_trained_longer_does_not_show_its_old_result() -> Outcome {
    let home = tempfile::tempdir()?;
    small_run(home.path()).assert().success();
    let run = only_run(home.path());
    let path = run.join("summary.json");
    let old = fs::read_to_string(&path)?;
    trainer()
        .arg("resume")
        .arg(&run)
        .args(["--epochs", "3"])
        .assert()
        .success();
    assert_eq!(RunRecord::read(&run).summary.map(|it| it.epochs), Some(3));
    // As it is until the end of the longer run.
    fs::write(&path, old)?;
    let record = RunRecord::read(&run);
    assert!(record.summary.is_none() && record.problems.is_empty());
    assert!(record.seconds() > 0.0);
    Ok(())
}

#[test]
fn broken_pictures_and_a_wrong_test_csv_are_problems_and_absent_ones_are_none() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    run.write_config("arch = \"linear\"\n")?;
    run.write_metrics(&history(2))?;
    run.write_status(&Status::now(State::Interrupted, 2))?;
    let problems = || RunRecord::read(run.path()).problems;
    assert_eq!(
        problems(),
        ["no meta.json"],
        "none of the pictures is there"
    );

    let picture = image::RgbImage::from_fn(64, 64, |x, y| {
        image::Rgb([x, y, x * y].map(|level| level.to_le_bytes()[0]))
    });
    for path in [run.test_picture(), run.best_picture(), run.epoch_picture(1)] {
        save_png(&picture, &path)?;
    }
    assert_eq!(problems(), ["no meta.json"]);

    let whole = fs::read(run.test_picture())?;
    fs::write(run.test_picture(), &whole[..whole.len() - 20])?;
    fs::write(run.best_picture(), "junk")?;
    fs::write(run.worst_picture(), "")?;
    fs::create_dir(run.curves_picture())?;
    fs::write(run.test_images_path(), "a,b\n")?;
    let expected = [
        "no meta.json",
        "test.png: it is cut off",
        "best.png: it isn't a PNG file",
        "worst.png: it is empty",
        "curves.png: it isn't a regular file",
        "test.csv: it has no column `index`",
    ];
    assert_eq!(problems(), expected);

    // A report reads all of each file, and says nothing twice.
    let mut wrong = whole.clone();
    for byte in &mut wrong[60..90] {
        *byte ^= 0x55;
    }
    fs::write(run.epoch_picture(1), wrong)?;
    let mut command = trainer();
    command
        .args(["report", "latest", "--runs"])
        .arg(home.path());
    let output = command.assert().success();
    let warnings = String::from_utf8(output.get_output().stderr.clone())?;
    for problem in expected {
        assert_eq!(
            warnings.matches(problem).count(),
            1,
            "{problem}: {warnings}"
        );
    }
    assert!(
        warnings.contains("reconstructions/epoch-0001.png: "),
        "{warnings}"
    );
    Ok(())
}

#[test]
#[cfg(unix)]
fn a_folder_that_cannot_be_read_is_named() -> Outcome {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    let home = tempfile::tempdir()?;
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755))?;
    let runs = home.path().join("runs");
    let run = new_run(&runs)?;
    run.write_config("arch = \"linear\"\n")?;
    let secret = runs.join("secret");
    fs::rename(run.path(), &secret)?;
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000))?;
    let mut command = without_settings(PROGRAM);
    if fs::read_dir(&secret).is_ok() {
        // Nothing is unreadable for root: the program runs as nobody, who may not look into the target folder.
        let copy = home.path().join("trainer");
        fs::copy(PROGRAM, &copy)?;
        command = without_settings(copy);
        command.uid(65534);
    }
    let output = command
        .args(["runs", "--json", "--runs"])
        .arg(&runs)
        .current_dir("/")
        .output()?;
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o755))?;
    let value: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(value[0]["name"], "secret");
    let problem = value[0]["problems"][0].as_str().expect("a problem");
    assert!(
        problem.starts_with("the folder can't be read: "),
        "{problem}"
    );
    Ok(())
}

#[test]
#[cfg(unix)]
fn pipes_and_huge_files_in_a_run_folder_neither_hang_nor_fill_memory() -> Outcome {
    let home = tempfile::tempdir()?;
    small_run(home.path())
        .args(["--epochs", "1"])
        .assert()
        .success();
    let run = only_run(home.path());
    let checkpoint = run.join("checkpoints/step-9999999999.ckpt");
    let refuse = |file: &Path, arguments: &[&str], expected: &str| {
        let mut command = trainer();
        command.args(arguments).arg(&run).timeout(PATIENCE);
        let assert = command.assert().code(1);
        let message = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(message.contains(expected), "{}: {message}", file.display());
    };
    for (file, command) in [
        (".lock", &["resume", "--epochs", "2"][..]),
        ("log.txt", &["resume", "--epochs", "2"]),
        ("config.toml", &["resume", "--epochs", "2"]),
        ("config.toml", &["eval"]),
        ("checkpoints/best.safetensors", &["eval"]),
    ] {
        let path = run.join(file);
        let kept = home.path().join("kept");
        fs::rename(&path, &kept)?;
        assert!(Command::new("mkfifo").arg(&path).status()?.success());
        refuse(&path, command, "it isn't a regular file");
        fs::remove_file(&path)?;
        fs::rename(&kept, &path)?;
    }
    // Checkpoints that can't be had are no reason to start over.
    let checkpoints = run.join("checkpoints");
    let kept = home.path().join("kept");
    fs::rename(&checkpoints, &kept)?;
    fs::write(&checkpoints, "")?;
    refuse(&checkpoints, &["resume", "--epochs", "2"], "can't read");
    fs::remove_file(&checkpoints)?;
    fs::rename(&kept, &checkpoints)?;

    fs::File::create(run.join("status.json"))?.set_len(6 << 30)?;
    let entry = listed(home.path());
    assert_eq!(entry["problems"][0], "status.json: it is larger than 1 MiB");

    // Of checkpoints, one that is none is passed over.
    for huge in [false, true] {
        if huge {
            fs::File::create(&checkpoint)?.set_len(6 << 30)?;
        } else {
            assert!(Command::new("mkfifo").arg(&checkpoint).status()?.success());
        }
        let mut command = trainer();
        command.args(["resume", "--epochs", if huge { "3" } else { "2" }]);
        command.arg(&run).timeout(PATIENCE);
        command
            .assert()
            .success()
            .stderr(contains("step-9999999999.ckpt"));
        let _ = fs::remove_file(&checkpoint);
    }
    Ok(())
}

/// A library that makes every lock fail, as on a network file system without them.
#[cfg(target_os = "linux")]
fn without_locks(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("flock.c"), folder.join("flock.so"));
    let text = "#include <errno.h>\n\
                int flock(int file, int operation) {\n\
                (void)file; (void)operation; errno = ENOLCK; return -1; }\n";
    fs::write(&source, text).expect("writing");
    // What links Rust's programs compiles C, too.
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status();
    assert!(status.expect("cc").success());
    library
}

#[test]
#[cfg(target_os = "linux")]
fn without_locks_a_live_run_is_running_and_a_second_writer_is_refused() -> Outcome {
    let home = tempfile::tempdir()?;
    let library = without_locks(home.path());
    let runs = home.path().join("runs");
    let child = training(&runs).env("LD_PRELOAD", &library).spawn()?;
    let run = first_run(&runs);
    let id = child.id();
    let started = Instant::now();
    while fs::metadata(run.join(".lock")).map_or(0, |lock| lock.len()) == 0 {
        assert!(started.elapsed() < PATIENCE, "nobody is named");
        sleep(Duration::from_millis(2));
    }
    let said = |arguments: &[&str], path: &Path| {
        let output = without_settings(PROGRAM)
            .args(arguments)
            .arg(path)
            .env("LD_PRELOAD", &library)
            .output()
            .expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let list = || said(&["runs", "--json", "--runs"], &runs).1;
    let alive = list();
    let (code, refused) = said(&["resume"], &run);
    kill(child);
    assert!(alive.contains("\"state\": \"running\""), "{alive}");
    assert_eq!(code, Some(1), "{refused}");
    let host = hostname::get()?.to_string_lossy().into_owned();
    assert!(
        refused.contains(&format!("process {id} on {host}")),
        "{refused}"
    );

    let dead = list();
    assert!(dead.contains("\"state\": \"killed\""), "{dead}");
    // Of another host's process nothing is known.
    fs::write(run.join(".lock"), format!("{id} on {host}-elsewhere"))?;
    let unknown = list();
    assert!(unknown.contains("\"state\": \"unknown\""), "{unknown}");
    let (code, refused) = said(&["resume"], &run);
    assert_eq!(code, Some(1), "{refused}");
    assert!(
        refused.contains("has no locks") && refused.contains("delete"),
        "{refused}"
    );
    Ok(())
}

#[test]
fn a_run_that_ended_names_no_process() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = new_run(home.path())?;
    let lock = run.path().join(".lock");
    let named = fs::read_to_string(&lock)?;
    assert!(
        named.starts_with(&format!("{} on ", std::process::id())),
        "{named}"
    );
    assert_eq!(RunRecord::read(run.path()).state, RunState::Running);
    drop(run);
    assert_eq!(fs::read_to_string(&lock)?, "");
    Ok(())
}
