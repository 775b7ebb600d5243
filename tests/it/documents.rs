//! What the README, the changelog and the guide point to: files, commands and tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap::error::ErrorKind;
use trainer::cli::Cli;

/// More, and a reader gives up.
const MOST_README_LINES: usize = 200;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The guide's chapters.
fn chapters() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("src/guide")).expect("the guide");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

/// All documents, with their text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = chapters();
    paths.extend(["README.md", "CHANGELOG.md"].map(|name| root().join(name)));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a document");
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// Where a document's links lead: `[text](target)`, and `[text]: target` on a line of its own.
fn links(text: &str) -> Vec<&str> {
    let inline = text.split("](").skip(1);
    let inline = inline.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    let defined = text.lines().filter(|line| line.starts_with('['));
    let defined = defined.filter_map(|line| line.split_once("]: ").map(|(_, target)| target));
    inline.chain(defined).collect()
}

/// The words of a shell command up to a comment or a pipe, as the shell splits them.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for character in command.chars() {
        let is_first = words.last().is_some_and(String::is_empty);
        match character {
            '"' => is_quoted = !is_quoted,
            '#' if is_first && !is_quoted => break,
            '|' | '>' if !is_quoted => break,
            ' ' if !is_quoted => words.push(String::new()),
            _ => words.last_mut().expect("never empty").push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The commands of `trainer` in code fences and code spans, each as its words.
fn commands(text: &str) -> Vec<Vec<String>> {
    // Spans may go over the end of a line, fences stand on lines of their own.
    let text = text.replace("```", "\n");
    let spans = text.split('`').skip(1).step_by(2);
    let spans = spans.map(|span| span.replace('\n', " "));
    let candidates: Vec<String> = text.lines().map(str::to_owned).chain(spans).collect();
    let split = candidates.iter().map(|candidate| {
        let command = candidate.strip_prefix("TRAINER_BACKEND=flex ");
        let command = command.unwrap_or(candidate);
        match command.strip_prefix("cargo run --release -- ") {
            Some(arguments) => words(&format!("trainer {arguments}")),
            None => words(command),
        }
    });
    // A dependency in TOML is none.
    split
        .filter(|words| words.first().is_some_and(|word| word == "trainer"))
        .filter(|words| words.get(1).is_none_or(|word| word != "="))
        .collect()
}

#[test]
fn links_lead_to_files() {
    for (path, text) in documents() {
        let folder = path.parent().expect("a file is in a folder");
        for target in links(&text) {
            let (file, _) = target.split_once('#').unwrap_or((target, ""));
            let leads_elsewhere = file.starts_with("https://") || file.is_empty();
            assert!(
                leads_elsewhere || folder.join(file).exists(),
                "{}: {target}",
                path.display()
            );
        }
    }
}

/// In the repository a chapter's own definitions count, in the documentation those of `mod.rs`: a link by a path leads
/// nowhere there.
#[test]
fn chapters_link_to_one_another_by_titles_that_they_define() {
    let guide = fs::read_to_string(root().join("src/guide/mod.rs")).expect("the guide");
    let titles: Vec<&str> = guide
        .lines()
        .filter_map(|line| {
            let line = line.trim().strip_prefix("#[doc = \"[")?;
            Some(line.split_once("]: crate::guide::")?.0)
        })
        .collect();
    assert!(titles.len() > 10, "{titles:?}");
    for chapter in chapters() {
        let text = fs::read_to_string(&chapter).expect("a chapter");
        for title in &titles {
            let is_defined = text.contains(&format!("\n[{title}]: "));
            let is_used = text.matches(&format!("[{title}]")).count() > usize::from(is_defined);
            assert_eq!(is_used, is_defined, "[{title}] in {}", chapter.display());
        }
        for target in [".md)", ".md#", "](../"] {
            assert!(!text.contains(target), "{target} in {}", chapter.display());
        }
    }
}

#[test]
fn the_readme_is_short_and_leads_to_every_chapter() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let guide = fs::read_to_string(root().join("src/guide/mod.rs")).expect("the guide");
    assert!(readme.lines().count() <= MOST_README_LINES);
    let links: BTreeSet<_> = links(&readme).into_iter().collect();
    for chapter in chapters() {
        let name = chapter.file_name().expect("a file").to_string_lossy();
        assert!(
            links.contains(format!("src/guide/{name}").as_str()),
            "{name}"
        );
        assert!(guide.contains(&format!("\"{name}\"")), "{name} in mod.rs");
    }
}

#[test]
fn commands_can_be_typed_as_they_stand() {
    let mut count = 0;
    for (path, text) in documents() {
        for words in commands(&text) {
            count += 1;
            let Err(error) = Cli::command().try_get_matches_from(&words) else {
                continue;
            };
            // In prose, a command may stand for itself, without what it needs.
            let is_a_mention = words.iter().all(|word| !word.starts_with('-'))
                && matches!(
                    error.kind(),
                    ErrorKind::MissingRequiredArgument
                        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                );
            assert!(
                is_a_mention || error.kind() == ErrorKind::DisplayHelp,
                "{}: {}: {error}",
                path.display(),
                words.join(" ")
            );
        }
    }
    assert!(count > 50, "{count} commands found");
}

/// A name of a test reads as a sentence: this many underscores at least.
const UNDERSCORES: usize = 4;

#[test]
fn tests_that_the_guide_names_exist() {
    let text = fs::read_to_string(root().join("src/guide/reliability.md")).expect("a chapter");
    let mut sources = String::new();
    let mut folders = vec![root().join("tests/it")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the tests") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources += &fs::read_to_string(path).expect("a test file");
            }
        }
    }
    let spans = text.split('`').skip(1).step_by(2);
    let names: Vec<_> = spans
        .filter(|span| span.matches('_').count() >= UNDERSCORES)
        .collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "{name}");
    }
}

/// What the README shows of the library is the crate's own example, which is run as a test.
#[test]
fn the_readmes_example_is_the_crates() {
    let example = |text: &str, fence: &str| {
        let (_, after) = text.split_once(fence).expect("an example");
        let (example, _) = after.split_once("\n```").expect("its end");
        let shown = example.lines().filter(|line| !line.starts_with("# "));
        shown.collect::<Vec<_>>().join("\n")
    };
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a file");
    let library = std::fs::read_to_string(root().join("src/lib.rs")).expect("a file");
    let docs: Vec<&str> = library
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    assert_eq!(
        example(&readme, "```rust\n"),
        example(&docs.join("\n"), "```\n")
    );
}
