//! Paths that aren't UTF-8, and what stands for them in JSON and TOML.

use std::path::PathBuf;

use trainer::path_text::{path_text, text_path};

#[test]
fn text_that_is_a_path_stays_as_it_is() {
    for text in [
        "runs/größe 画像",
        "",
        "a\\b",
        "\\",
        "\\x",
        "\\x4",
        "\\xzz",
        "\\n",
    ] {
        assert_eq!(path_text(text), text);
        assert_eq!(text_path(text), PathBuf::from(text));
    }
}

// Other systems refuse such names.
#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::{OsStr, OsString};
    use std::fs;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::Path;

    use proptest::prelude::*;
    use serde_json::Value;
    use trainer::TrainConfig;
    use trainer::path_text::{path_text, text_path};
    use trainer::run::{State, Status, find_run};

    use crate::common::folder::{Outcome, new_run};
    use crate::common::{only_run, small_run, trainer};

    const NAME: &[u8] = b"bad\xff";
    const TEXT: &str = r"bad\xff";

    proptest! {
        #[test]
        fn every_path_can_be_had_again_from_its_text(
            parts in prop::collection::vec(prop_oneof![
                any::<Vec<u8>>(),
                Just(b"\\".to_vec()),
                Just(b"\\x5c".to_vec()),
                Just(b"x".to_vec()),
                "[0-9a-fA-F]{1,3}".prop_map(String::into_bytes),
            ], 0..6),
        ) {
            let path = OsString::from_vec(parts.concat());
            prop_assert_eq!(text_path(&path_text(&path)).into_os_string(), path);
        }
    }

    #[test]
    fn escapes_are_readable_and_are_escaped_themselves() {
        assert_eq!(path_text(OsStr::from_bytes(b"a\xff\xfeb")), r"a\xff\xfeb");
        assert_eq!(path_text(r"a\xff"), r"a\x5cxff");
    }

    #[test]
    fn settings_keep_the_folder_of_the_data() -> Outcome {
        let mut config = TrainConfig::default();
        config.data.data = Some(OsString::from_vec(b"/data/\xff".to_vec()).into());
        let read = TrainConfig::from_toml(Path::new("config.toml"), &config.to_toml())?;
        assert_eq!(read, config);
        let folder = tempfile::tempdir()?;
        let output = trainer()
            .args(["--dry-run", "--data"])
            .arg(folder.path().join(OsStr::from_bytes(NAME)))
            .output()?;
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert!(!message.contains("UTF-8"), "{message}");
        Ok(())
    }

    #[test]
    fn a_run_by_any_name_is_listed_evaluated_and_compared() -> Outcome {
        let home = tempfile::tempdir()?;
        let runs = home.path();
        small_run(runs).args(["--epochs", "1"]).assert().success();
        fs::rename(only_run(runs), runs.join(OsStr::from_bytes(NAME)))?;
        let text = path_text(runs.join(OsStr::from_bytes(NAME)));
        let json = |arguments: &[&str]| -> Value {
            let mut command = trainer();
            command.args(arguments).arg("--runs").arg(runs);
            let assert = command.assert().success();
            serde_json::from_slice(&assert.get_output().stdout).expect("JSON")
        };
        let listed = json(&["runs", "--json"]);
        assert_eq!(listed[0]["path"], text);
        assert_eq!(listed[0]["name"], TEXT);
        // What stands for it names it, too.
        assert_eq!(
            find_run(Path::new(TEXT), runs)?,
            runs.join(OsStr::from_bytes(NAME))
        );
        assert_eq!(json(&["eval", "--json", TEXT])["run"], text);
        let output = home.path().join(OsStr::from_bytes(b"compared\xfe"));
        let mut command = trainer();
        command
            .args([
                "compare",
                "--json",
                "--backend",
                "flex",
                TEXT,
                "latest",
                "--runs",
            ])
            .arg(runs)
            .arg("--output")
            .arg(&output);
        let compared = command.assert().success();
        let compared: Value = serde_json::from_slice(&compared.get_output().stdout)?;
        assert_eq!(compared["runs"][1]["run"], text);
        let picture = compared["pictures"][0].as_str().expect("a path");
        assert!(text_path(picture).is_file(), "{picture}");
        Ok(())
    }

    #[test]
    fn the_report_names_two_runs_whose_names_differ_in_such_a_byte() -> Outcome {
        let home = tempfile::tempdir()?;
        for name in [b"bad\xfe", b"bad\xff"] {
            let run = new_run(home.path())?;
            run.write_config("arch = \"linear\"\n")?;
            run.write_status(&Status::now(State::Failed, 0))?;
            fs::rename(run.path(), home.path().join(OsStr::from_bytes(name)))?;
        }
        trainer()
            .args(["report", "--all", "--runs"])
            .arg(home.path())
            .assert()
            .success();
        let page = fs::read_to_string(home.path().join("report.html"))?;
        for name in [r#""name":"bad\\xfe""#, r#""name":"bad\\xff""#] {
            assert!(page.contains(name), "{name}");
        }
        Ok(())
    }
}
