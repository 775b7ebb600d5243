//! `trainer serve`, through the program and raw sockets: what it answers, and to whom.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::common::folder::{Outcome, history, new_run};
use crate::common::without_settings;
use serde_json::Value;
use trainer::run::{RunDir, State, Status};

/// The program, serving; it ends with the test.
struct Serving {
    process: Child,
    port: u16,
}

impl Serving {
    fn start(runs: &Path) -> Self {
        Self::started_by(without_settings(env!("CARGO_BIN_EXE_trainer")), runs)
    }

    /// Started by a command that takes the program's arguments.
    fn started_by(mut command: Command, runs: &Path) -> Self {
        let mut process = command
            .args(["serve", "--port", "0", "--runs"])
            .arg(runs)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("a pipe");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("an address");
        let port = line.trim().trim_end_matches('/').rsplit(':').next();
        let port = port.and_then(|port| port.parse().ok()).expect("a port");
        Self { process, port }
    }

    /// The whole answer to these bytes.
    fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a timeout");
        stream.write_all(request).expect("it reads");
        let mut answer = Vec::new();
        // A refused request may end in a reset, after the answer.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn ask(&self, method: &str, path: &str, host: &str) -> String {
        self.raw(
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        )
    }

    fn get(&self, path: &str) -> String {
        self.ask("GET", path, &format!("127.0.0.1:{}", self.port))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn status(answer: &str) -> u16 {
    let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("no status in {answer:?}"))
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a body").1
}

fn training_run(runs: &Path) -> Result<RunDir, Box<dyn std::error::Error>> {
    let run = new_run(runs)?;
    run.write_config("arch = \"baseline\"\n")?;
    run.write_metrics(&history(2))?;
    run.write_status(&Status::now(State::Running, 2))?;
    let picture = image::RgbImage::from_pixel(8, 8, image::Rgb([1, 2, 3]));
    trainer::run::save_png(&picture, &run.epoch_picture(1))?;
    Ok(run)
}

fn runs_of(serving: &Serving) -> Value {
    let answer = serving.get("/data.json");
    let text = body(&answer);
    // Larger answers may come in chunks, whose sizes are on lines of their own.
    let start = text.find('{').expect("JSON");
    let end = text.rfind('}').expect("JSON");
    serde_json::from_str::<Value>(&text[start..=end]).expect("JSON")["runs"].clone()
}

#[test]
fn the_page_its_data_and_pictures_are_served() -> Outcome {
    let home = tempfile::tempdir()?;
    let run = training_run(home.path())?;
    let serving = Serving::start(home.path());

    let page = serving.get("/");
    assert_eq!(status(&page), 200);
    assert!(page.contains("<!doctype html>"));
    for header in [
        "Content-Security-Policy: default-src 'none'; script-src 'sha256-",
        "frame-ancestors 'none'",
        "X-Content-Type-Options: nosniff",
    ] {
        assert!(page.contains(header), "{header}");
    }
    let head = serving.ask("HEAD", "/", &format!("localhost:{}", serving.port));
    assert_eq!((status(&head), body(&head)), (200, ""));

    let runs = runs_of(&serving);
    assert_eq!(runs[0]["state"], "running");
    assert_eq!(runs[0]["epochs_done"], 2);
    let picture = runs[0]["pictures"][0]["src"].as_str().expect("an address");
    let answer = serving.get(&format!("/{picture}"));
    assert_eq!(status(&answer), 200);
    assert!(answer.contains("Content-Type: image/png") && answer.contains("IHDR"));

    run.write_metrics(&history(3))?;
    assert_eq!(runs_of(&serving)[0]["epochs_done"], 3);
    Ok(())
}

#[test]
fn unchanged_data_is_not_sent_again() -> Outcome {
    let home = tempfile::tempdir()?;
    training_run(home.path())?;
    let serving = Serving::start(home.path());
    let answer = serving.get("/data.json");
    let tag = answer
        .lines()
        .find_map(|line| line.strip_prefix("ETag: "))
        .expect("an ETag");
    let again = serving.raw(
        format!(
            "GET /data.json HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nIf-None-Match: {tag}\r\n\
             Connection: close\r\n\r\n",
            serving.port
        )
        .as_bytes(),
    );
    assert_eq!(status(&again), 304);
    Ok(())
}

#[test]
fn only_this_machine_is_answered() -> Outcome {
    let home = tempfile::tempdir()?;
    training_run(home.path())?;
    let serving = Serving::start(home.path());
    let port = serving.port;
    for host in ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"] {
        // A tunnel listens on another port, and a browser leaves out port 80.
        for port in [format!(":{port}"), ":9999".to_owned(), String::new()] {
            let answer = serving.ask("GET", "/", &format!("{host}{port}"));
            assert_eq!(status(&answer), 200, "{host}{port}");
        }
    }
    for host in [
        "example.org".to_owned(),
        format!("example.org:{port}"),
        "127.0.0.1.example.org".to_owned(),
        "127.0.0.2".to_owned(),
        "localhost:".to_owned(),
        "localhost:port".to_owned(),
        "localhost:65536".to_owned(),
        "localhost:1:2".to_owned(),
        "::1".to_owned(),
        format!("127.0.0.1:{port}.example.org"),
        format!("localhost.example.org:{port}"),
        format!("evil@127.0.0.1:{port}"),
        String::new(),
    ] {
        for path in ["/", "/data.json", "/nothing"] {
            assert_eq!(
                status(&serving.ask("GET", path, &host)),
                403,
                "{host} {path}"
            );
        }
    }
    let two = format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: example.org\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(status(&serving.raw(two.as_bytes())), 403);
    assert_eq!(
        status(&serving.raw(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")),
        403
    );
    Ok(())
}

#[test]
fn only_reading_is_allowed() -> Outcome {
    let home = tempfile::tempdir()?;
    let serving = Serving::start(home.path());
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        let answer = serving.ask(method, "/", &format!("127.0.0.1:{}", serving.port));
        assert_eq!(status(&answer), 405, "{method}");
        assert!(answer.contains("Allow: GET, HEAD"));
    }
    Ok(())
}

#[test]
fn no_other_file_can_be_reached() -> Outcome {
    let home = tempfile::tempdir()?;
    let runs = home.path().join("runs");
    let run = training_run(&runs)?;
    fs::write(home.path().join("secret.png"), "secret")?;
    fs::write(run.path().join("secret.png"), "secret")?;
    let name = run.path().file_name().unwrap().to_str().unwrap().to_owned();
    let serving = Serving::start(&runs);
    let id = runs_of(&serving)[0]["id"].as_str().unwrap().to_owned();
    let host = format!("127.0.0.1:{}", serving.port);
    for path in [
        "/../secret.png",
        "/%2e%2e/secret.png",
        "/runs/../secret.png",
        "/runs/%2e%2e/secret.png",
        "/runs/..%2fsecret.png",
        "/runs/..\\secret.png",
        "/runs//etc/passwd",
        "//etc/passwd",
        "/etc/passwd",
        "http://example.org/",
        &format!("http://{host}/data.json"),
        &format!("/runs/{name}/test.png"),
        &format!("/runs/{id}/secret.png"),
        &format!("/runs/{id}/config.toml"),
        &format!("/runs/{id}/../../secret.png"),
        &format!("/runs/{id}/%2e%2e/%2e%2e/secret.png"),
        &format!("/runs/{id}/..\\..\\secret.png"),
        &format!("/runs/{id}/epoch-../../../secret.png"),
        &format!("/runs/{id}/epoch-+001.png"),
        &format!("/runs/{id}/epoch-9999999999999999999999.png"),
        &format!("/runs/{id}/epoch-0001.png%00"),
        &format!("/runs/{id}/"),
        &format!("/runs/{id}"),
        "/runs/",
    ] {
        let answer = serving.get(path);
        assert_eq!(status(&answer), 404, "{path}");
        assert!(
            !answer.contains("secret\n") && !answer.contains("root:"),
            "{path}"
        );
    }
    // No HTTP at all: whatever is said, no file is.
    let odd = format!(
        "GET /runs/{id}/test.png\0/../secret.png HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    );
    let answer = serving.raw(odd.as_bytes());
    assert!(
        answer.is_empty() || matches!(status(&answer), 400 | 404),
        "{answer}"
    );
    assert_eq!(status(&serving.get("/")), 200);
    Ok(())
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_not_followed() -> Outcome {
    use std::os::unix::fs::symlink;

    let home = tempfile::tempdir()?;
    let runs = home.path().join("runs");
    let outside = training_run(&home.path().join("elsewhere"))?;
    let run = training_run(&runs)?;
    symlink(outside.path(), runs.join("linked"))?;
    symlink(outside.epoch_picture(1), run.epoch_picture(2))?;
    let secret = home.path().join("secret.toml");
    fs::write(&secret, "loss = \"secret\"\n")?;
    let second = training_run(&runs)?;
    fs::remove_file(second.config_path())?;
    symlink(&secret, second.config_path())?;

    let serving = Serving::start(&runs);
    let served = runs_of(&serving);
    let served = served.as_array().unwrap();
    assert_eq!(served.len(), 2, "a linked folder is no run of this one");
    assert!(!serving.get("/data.json").contains("secret\""));
    assert!(
        served[1]["problems"][0]
            .as_str()
            .unwrap()
            .contains("config.toml")
    );
    let id = served[0]["id"].as_str().unwrap();
    assert_eq!(served[0]["pictures"].as_array().unwrap().len(), 1);
    assert_eq!(
        status(&serving.get(&format!("/runs/{id}/epoch-0001.png"))),
        200
    );
    assert_eq!(
        status(&serving.get(&format!("/runs/{id}/epoch-0002.png"))),
        404
    );
    Ok(())
}

#[test]
fn a_query_is_ignored() -> Outcome {
    let home = tempfile::tempdir()?;
    training_run(home.path())?;
    let serving = Serving::start(home.path());
    let id = runs_of(&serving)[0]["id"].as_str().unwrap().to_owned();
    for path in ["/", "/data.json", &format!("/runs/{id}/epoch-0001.png")] {
        for query in ["?", "?vscodeBrowserReqId=1", "?a=/../b?c"] {
            let answer = serving.get(&format!("{path}{query}"));
            assert_eq!(status(&answer), 200, "{path}{query}");
        }
    }
    assert_eq!(status(&serving.get("/nothing?/data.json")), 404);
    Ok(())
}

#[test]
fn what_is_no_request_is_refused_and_a_body_does_not_hide_the_answer() -> Outcome {
    let home = tempfile::tempdir()?;
    let serving = Serving::start(home.path());
    assert_eq!(status(&serving.raw(b"\x16\x03\x01\x02 hello\r\n\r\n")), 400);
    let long = format!("GET / HTTP/1.1\r\nLong: {}", "x".repeat(100_000));
    let answer = serving.raw(long.as_bytes());
    assert!(answer.is_empty() || status(&answer) == 400, "{answer}");
    let body = "x".repeat(50_000);
    let post = format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: {}\r\n\r\n{body}",
        serving.port,
        body.len()
    );
    assert_eq!(status(&serving.raw(post.as_bytes())), 405);
    Ok(())
}

/// Connections that ask for nothing take all file descriptors that the program may have, then more
/// connections than it takes at once.
#[cfg(unix)]
#[test]
fn it_answers_again_after_too_many_connections() -> Outcome {
    let home = tempfile::tempdir()?;
    training_run(home.path())?;
    for (limit, connections) in [(20, 60), (1000, 200)] {
        let mut command = without_settings("sh");
        command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")]);
        command.arg(env!("CARGO_BIN_EXE_trainer"));
        let serving = Serving::started_by(command, home.path());
        let open: Vec<TcpStream> = (0..connections)
            .map_while(|_| TcpStream::connect(("127.0.0.1", serving.port)).ok())
            .collect();
        assert_eq!(open.len(), connections, "they wait to be accepted");
        std::thread::sleep(Duration::from_millis(500));
        drop(open);
        assert_eq!(status(&serving.get("/data.json")), 200, "{limit}");
        assert_eq!(runs_of(&serving)[0]["epochs_done"], 2);
    }
    Ok(())
}
