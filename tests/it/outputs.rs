//! Files that the user names: links are followed, and only files are replaced.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apply::Case;
use crate::common::folder::Outcome;
#[cfg(target_os = "linux")]
use crate::common::ordinary_user;
use crate::common::{only_run, small_run, trainer};
use crate::ssim_command::support::{folder, grey, ssim};
use burn::tensor::Device;

type Commands = Vec<(&'static str, Box<dyn Fn(&Path) -> assert_cmd::Command>)>;

/// Commands, each of which writes a file that it is told the path of.
fn commands(home: &Path) -> Commands {
    let [a, b] = [1, 2].map(|seed| grey(home, &format!("{seed}.png"), seed));
    let runs = home.join("runs");
    small_run(&runs).assert().success();
    let run = only_run(&runs);
    let (pictures, scored) = ([a.clone(), b.clone()], run.clone());
    let (compared, folder) = (run.clone(), home.join("compared"));
    fs::create_dir(&folder).expect("a folder");
    vec![
        (
            "--map",
            Box::new(move |path: &Path| {
                let mut command = ssim(&a, &b);
                command.arg("--map").arg(path);
                command
            }),
        ),
        (
            "--output of report",
            Box::new(move |path: &Path| {
                let mut command = trainer();
                command.arg("report").arg(&run).arg("--output").arg(path);
                command
            }),
        ),
        (
            "--output of score",
            Box::new(move |path: &Path| {
                let mut command = trainer();
                command.args(["score", "--backend", "flex", "--force"]);
                command.args(["--by", "mse", "--threshold", "1"]);
                command
                    .arg(&scored)
                    .args(&pictures)
                    .arg("--output")
                    .arg(path);
                command
            }),
        ),
        (
            "compare.png",
            Box::new(move |path: &Path| {
                let mut command = trainer();
                command.args(["compare", "--backend", "flex"]);
                // Its name is the program's, so that it's a link that leads to the path.
                let name = folder.join("compare.png");
                let _ = fs::remove_file(&name);
                symlink(path, name).expect("a link");
                command.args([&compared, &compared]);
                command.arg("--output").arg(&folder);
                command
            }),
        ),
    ]
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

#[test]
fn an_output_goes_to_where_a_link_leads() -> Outcome {
    let home = folder();
    for (name, command) in commands(home.path()) {
        let place = tempfile::tempdir_in(home.path())?;
        let target = place.path().join("target");
        // Each in another folder, and relative to that.
        let links = place.path().join("links");
        fs::create_dir(&links)?;
        let [first, second] = ["first", "second"].map(|name| links.join(name));
        symlink("second", &first)?;
        symlink("../target", &second)?;
        for old in [None, Some("what was there")] {
            if let Some(old) = old {
                fs::write(&target, old)?;
            }
            command(&first).assert().success();
            assert!(is_link(&first) && is_link(&second), "{name}");
            assert!(fs::metadata(&target)?.len() > 100, "{name}");
        }
        assert_eq!(fs::read_dir(&links)?.count(), 2, "{name} left something");
    }
    Ok(())
}

#[test]
fn an_output_that_is_a_pipe_is_written_to() -> Outcome {
    let home = folder();
    for (name, command) in commands(home.path()) {
        let place = tempfile::tempdir_in(home.path())?;
        let pipe: PathBuf = place.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status()?.success());
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || fs::read(pipe))
        };
        command(&pipe).assert().success();
        assert!(fs::symlink_metadata(&pipe)?.file_type().is_fifo(), "{name}");
        // Only now, since it would wait for ever if nothing were written.
        let content = reader.join().expect("a reader")?;
        assert!(content.len() > 100, "{name}");
    }
    Ok(())
}

#[test]
fn an_output_that_replaces_a_file_keeps_its_permissions() -> Outcome {
    let home = folder();
    for (name, command) in commands(home.path()) {
        let place = tempfile::tempdir_in(home.path())?;
        let file = place.path().join("file");
        fs::write(&file, "what was there")?;
        fs::set_permissions(&file, Permissions::from_mode(0o600))?;
        command(&file).assert().success();
        let metadata = fs::metadata(&file)?;
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
        assert!(metadata.len() > 100, "{name}");
    }
    Ok(())
}

#[test]
fn an_output_that_cannot_be_written_is_an_error_and_stays() -> Outcome {
    let home = folder();
    for (name, command) in commands(home.path()) {
        let place = tempfile::tempdir_in(home.path())?;
        let said = |path: &Path| {
            let output = command(path).assert().failure().get_output().clone();
            String::from_utf8_lossy(&output.stderr).into_owned()
        };
        // A flag's value is looked at before the work is done; a link isn't.
        let is_flag = name.starts_with("--");
        for (path, words) in [
            (place.path().to_owned(), "it is a folder"),
            (place.path().join("absent/file"), "no such folder"),
        ] {
            let message = said(&path);
            let expected = if is_flag { words } else { "can't write " };
            assert!(message.contains(expected), "{name}: {message}");
        }
        assert!(place.path().is_dir());
    }
    Ok(())
}

#[test]
fn a_model_is_saved_to_where_a_link_leads() -> Outcome {
    let home = folder();
    small_run(home.path()).assert().success();
    let model = trainer::train::open_model(&only_run(home.path()), &Device::flex())?;
    let [link, target] = ["link", "target"].map(|name| home.path().join(name));
    symlink("target", &link)?;
    model.save(&link)?;
    assert!(is_link(&link));
    trainer::Model::open(&target, &Device::flex())?;
    Ok(())
}

#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_is_closed_is_found_before_the_work_is_done() -> Outcome {
    let case = Case::new("linear", &[]);
    case.encode(&[&case.photos()], "codes.npy");
    let closed = case.path("closed");
    fs::create_dir(&closed)?;
    fs::set_permissions(&closed, Permissions::from_mode(0o555))?;
    let protected = case.path("protected.npy");
    fs::write(&protected, "what was there")?;
    fs::set_permissions(&protected, Permissions::from_mode(0o444))?;
    let new = closed.join("new");
    let outputs = [
        ("encode", closed.join("codes.npy"), "closed/codes.npy"),
        ("encode", protected, "protected.npy"),
        ("neighbours", closed.join("near.csv"), "closed/near.csv"),
        ("score", closed.join("scores.csv"), "closed/scores.csv"),
        ("explore", closed.join("page.html"), "closed/page.html"),
        ("compress", closed.join("some.codes"), "closed/some.codes"),
        ("reconstruct", closed.clone(), "closed/cat/00.png"),
        ("reconstruct", new.clone(), "closed/new/cat/00.png"),
        ("decode", new, "closed/new/cat/00.png"),
    ];
    for (name, output, named) in outputs {
        let Some(mut command) = ordinary_user(case.home.path()) else {
            return Ok(());
        };
        command.args([name, "--backend", "flex"]).arg(case.model());
        command.arg(if name == "decode" {
            case.path("codes.npy")
        } else {
            case.photos()
        });
        let output = command.arg("-o").arg(output).arg("--force").output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        let message = format!("{named}. Check that its folder exists, that you can write to it");
        assert!(said.contains(&message), "{name}: {said}");
        // The broken picture is told of once the pictures are read.
        assert!(!said.contains("skipped"), "{name}: {said}");
    }
    assert_eq!(fs::read_dir(&closed)?.count(), 0);
    Ok(())
}
