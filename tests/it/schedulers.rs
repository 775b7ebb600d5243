//! Runs of a sweep and parts of an encoding by programs of others: GNU parallel, and a Slurm of one node. Both are
//! skipped where the program isn't installed.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::apply::{array, picture};
use crate::common::{run_folders, trainer, without_settings};

/// Four runs to train, and images to encode in four parts.
struct Work {
    folder: TempDir,
}

const SWEEP: [&str; 13] = [
    "sweep",
    "--backend",
    "flex",
    "--latent-dims",
    "2,8",
    "--limit",
    "80",
    "--epochs",
    "1",
    "--refine",
    "3",
    "--out",
    "sweep",
];

impl Work {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let images = folder.path().join("images");
        std::fs::create_dir(&images).expect("a folder");
        for index in 0..21 {
            let path = images.join(format!("{index:02}.png"));
            picture(index, 28).save(path).expect("a picture");
        }
        let work = Self { folder };
        let list = work.trainer(&SWEEP, &["--list"]);
        std::fs::write(work.path().join("commands"), list).expect("a file");
        work
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn trainer(&self, words: &[&str], more: &[&str]) -> Vec<u8> {
        let mut command = trainer();
        command.args(words).args(more).current_dir(self.path());
        command.assert().success().get_output().stdout.clone()
    }

    /// All runs have been trained.
    fn check_sweep(&self) {
        self.trainer(&SWEEP, &["--collect"]);
        let table = std::fs::read_to_string(self.path().join("sweep/sweep.csv"));
        assert_eq!(table.expect("a table").lines().count(), 5);
        assert_eq!(run_folders(&self.path().join("sweep")).len(), 4);
    }

    /// The words of a command that encodes a part, but for which.
    fn encoding(&self) -> Vec<String> {
        let run = run_folders(&self.path().join("sweep")).remove(0);
        let program = assert_cmd::cargo::cargo_bin!("trainer");
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let words = ["encode", "--quiet", "--backend", "flex"].map(str::to_owned);
        [text(program)]
            .into_iter()
            .chain(words)
            .chain([text(&run), "images".to_owned()])
            .collect()
    }

    /// The parts join to what one process makes.
    fn check_codes(&self) {
        let encoding = self.encoding();
        let words: Vec<&str> = encoding[1..].iter().map(String::as_str).collect();
        self.trainer(&words, &["-o", "whole.npy"]);
        let parts = 1..=4;
        let codes = parts
            .clone()
            .flat_map(|part| array(&self.path().join(format!("codes-{part}-of-4.npy"))));
        let codes: Vec<f32> = codes.collect();
        assert_eq!(codes, array(&self.path().join("whole.npy")));
        let text = |name: &str| std::fs::read_to_string(self.path().join(name)).expect("a table");
        let tables: String = parts
            .map(|part| text(&format!("codes-{part}-of-4.csv")))
            .collect();
        assert_eq!(tables, text("whole.csv"));
    }
}

fn is_installed(program: &str) -> bool {
    let mut command = Command::new(program);
    let found = command
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        eprintln!("skipped: {program} isn't installed");
    }
    found.is_ok()
}

#[track_caller]
fn succeeds(command: &mut Command) -> Output {
    let output = command.output().expect("it is installed");
    assert!(output.status.success(), "{output:?}");
    output
}

#[test]
fn gnu_parallel_runs_a_sweep_and_parts_of_an_encoding() {
    if !is_installed("parallel") {
        return;
    }
    let work = Work::new();
    let parallel = || {
        let mut command = without_settings("parallel");
        command
            .args(["--will-cite", "-j2"])
            .current_dir(work.path());
        command
    };
    let list = std::fs::File::open(work.path().join("commands")).expect("a file");
    succeeds(parallel().stdin(list));
    work.check_sweep();
    let mut encode = parallel();
    encode
        .args(work.encoding())
        .args(["--shard", "{}/4", ":::", "1", "2", "3", "4"]);
    succeeds(&mut encode);
    work.check_codes();
}

/// A Slurm of one node, for as long as it lives.
struct Slurm {
    daemons: Vec<Child>,
    folder: TempDir,
}

impl Slurm {
    fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let below = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
        for name in ["state", "spool"] {
            std::fs::create_dir(below(name)).expect("a folder");
        }
        let said = |program: &str, more: &[&str]| {
            let output = succeeds(Command::new(program).args(more));
            String::from_utf8(output.stdout)
                .expect("UTF-8")
                .trim()
                .to_owned()
        };
        let (host, user) = (said("hostname", &["-s"]), said("id", &["-un"]));
        let [first, second] = [(), ()].map(|()| {
            let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
            socket.local_addr().expect("its address").port()
        });
        let settings = [
            "ClusterName=one".to_owned(),
            format!("SlurmctldHost={host}(127.0.0.1)"),
            "AuthType=auth/none".to_owned(),
            "CredType=cred/none".to_owned(),
            format!("SlurmUser={user}"),
            format!("SlurmdUser={user}"),
            format!("StateSaveLocation={}", below("state")),
            format!("SlurmdSpoolDir={}", below("spool")),
            format!("SlurmctldPidFile={}", below("ctld.pid")),
            format!("SlurmdPidFile={}", below("d.pid")),
            format!("SlurmctldPort={first}"),
            format!("SlurmdPort={second}"),
            "ProctrackType=proctrack/pgid".to_owned(),
            "TaskPlugin=task/none".to_owned(),
            "SelectType=select/cons_tres".to_owned(),
            "SelectTypeParameters=CR_CPU".to_owned(),
            "ReturnToService=2".to_owned(),
            format!("NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN"),
            "PartitionName=all Nodes=ALL Default=YES State=UP".to_owned(),
        ];
        std::fs::write(below("slurm.conf"), settings.join("\n")).expect("a file");
        let mut slurm = Self {
            daemons: Vec::new(),
            folder,
        };
        for daemon in ["slurmctld", "slurmd"] {
            let mut command = slurm.command(daemon);
            command
                .arg("-D")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            slurm
                .daemons
                .push(command.spawn().expect("it is installed"));
        }
        let started = Instant::now();
        loop {
            let output = slurm.command("sinfo").args(["-h", "-o", "%T"]).output();
            let output = output.expect("it is installed");
            if output.stdout.starts_with(b"idle") {
                return slurm;
            }
            assert!(started.elapsed() < Duration::from_mins(1), "{output:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = without_settings(program);
        command.env("SLURM_CONF", self.folder.path().join("slurm.conf"));
        command
    }

    /// Runs four jobs of an array, and waits for them.
    fn array(&self, work: &Work, shell: &str) {
        let mut command = self.command("sbatch");
        command.args([
            "--wait",
            "--array=1-4",
            "--output=job-%a.txt",
            "--wrap",
            shell,
        ]);
        succeeds(command.current_dir(work.path()));
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for daemon in &mut self.daemons {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

#[test]
fn slurm_runs_a_sweep_and_parts_of_an_encoding() {
    if !["sbatch", "slurmctld", "slurmd"]
        .into_iter()
        .all(is_installed)
    {
        return;
    }
    let work = Work::new();
    let slurm = Slurm::start();
    slurm.array(
        &work,
        r#"eval "$(sed -n ${SLURM_ARRAY_TASK_ID}p commands)""#,
    );
    work.check_sweep();
    let words: Vec<String> = work
        .encoding()
        .iter()
        .map(|word| format!("'{word}'"))
        .collect();
    slurm.array(
        &work,
        &format!("{} --shard $SLURM_ARRAY_TASK_ID/4", words.join(" ")),
    );
    work.check_codes();
}
