//! The modules of a crate, the arrows between them, and what is wrong with those.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::source::{Reference, Source, Start, read};

/// More imports in a row than any path goes through; a name that imports itself would go on for ever.
const IMPORTS_IN_A_ROW: usize = 16;
/// Lines that a source file may have.
const LONGEST_FILE: usize = 450;
/// What is source rather than data.
const SOURCE_FILES: [&str; 4] = [".rs", ".js", ".css", ".wgsl"];
/// The roots of crates of their own, which nothing else can use: the program, the page for browsers and the build script.
const OTHER_CRATES: [&str; 3] = ["src/main.rs", "src/web/main.rs", "src/build.rs"];

/// Text files by their path from the package's folder, with `/` between folders.
pub type Files = BTreeMap<String, String>;

/// The modules of a library, each one file; the first is its root.
pub struct Tree(Vec<Module>);

struct Module {
    name: String,
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    source: Source,
}

/// Where an arrow was found, as `src/a.rs:12`.
type Sites = BTreeSet<String>;

impl Tree {
    /// The modules that `src/lib.rs` and what it declares are made of; a file that is declared but
    /// missing is left out, since the compiler tells of it.
    pub fn new(files: &Files) -> Self {
        Self::rooted(files, "src/lib.rs")
    }

    /// The same of another crate's root.
    fn rooted(files: &Files, root: &str) -> Self {
        let mut tree = Self(Vec::new());
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        tree.add(files, "crate", root, folder, None);
        tree
    }

    /// Adds a module and those below it, whose files lie in `folder`.
    fn add(
        &mut self,
        files: &Files,
        name: &str,
        file: &str,
        folder: &str,
        parent: Option<usize>,
    ) -> Option<usize> {
        let source = read(files.get(file)?);
        let declared = source.children.clone();
        let place = self.0.len();
        self.0.push(Module {
            name: name.to_owned(),
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            source,
        });
        for child in declared {
            let below = format!("{folder}/{}", child.name);
            // `#[path]` goes from the folder of the file that it's in.
            let beside = file
                .rsplit_once('/')
                .map_or("", |(beside, _)| beside)
                .to_owned();
            let candidates = match child.file {
                Some(path) => vec![(format!("{beside}/{path}"), beside)],
                None => vec![
                    (format!("{below}.rs"), below.clone()),
                    (format!("{below}/mod.rs"), below.clone()),
                ],
            };
            for (file, folder) in candidates {
                if let Some(added) = self.add(files, &child.name, &file, &folder, Some(place)) {
                    self.0[place].children.insert(child.name.clone(), added);
                }
            }
        }
        Some(place)
    }

    /// The names of the root's modules.
    pub fn top_level(&self) -> BTreeSet<&str> {
        self.0[0].children.keys().map(String::as_str).collect()
    }

    /// The modules that a reference in `module` leads to: the one that it names, and, where that one
    /// imported the name that comes next, the one that the import leads to.
    fn targets(&self, module: usize, reference: &Reference) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        self.walk(module, reference, IMPORTS_IN_A_ROW, &mut found);
        found
    }

    fn walk(
        &self,
        module: usize,
        reference: &Reference,
        imports: usize,
        found: &mut BTreeSet<usize>,
    ) {
        let mut at = match reference.start {
            Start::Crate => 0,
            Start::Scope => module,
            Start::Up(levels) => (0..levels).fold(module, |at, _| self.0[at].parent.unwrap_or(0)),
        };
        let mut path = reference.path.as_slice();
        while let Some((name, rest)) = path.split_first()
            && let Some(&child) = self.0[at].children.get(name)
        {
            at = child;
            path = rest;
        }
        // What is neither a child nor imported is another crate's.
        let is_named = reference.start != Start::Scope || at != module;
        if is_named {
            found.insert(at);
        }
        if let Some((name, rest)) = path.split_first()
            && imports > 0
        {
            let of_name = self.0[at].source.imports.iter();
            for (_, import) in of_name.filter(|(imported, _)| imported == name) {
                let mut import = import.clone();
                import.path.extend_from_slice(rest);
                self.walk(at, &import, imports - 1, found);
            }
        }
    }

    /// From the root to `module`.
    fn line(&self, module: usize) -> Vec<usize> {
        let mut line = vec![module];
        while let Some(parent) = self.0[line[line.len() - 1]].parent {
            line.push(parent);
        }
        line.reverse();
        line
    }

    /// For each module with children, the arrows between these: from one to another if anything in
    /// the first refers to anything in the second. A parent and its own children may refer to each
    /// other.
    fn arrows(&self) -> BTreeMap<usize, BTreeMap<(usize, usize), Sites>> {
        let mut arrows: BTreeMap<usize, BTreeMap<(usize, usize), Sites>> = BTreeMap::new();
        for (module, Module { file, source, .. }) in self.0.iter().enumerate() {
            let from = self.line(module);
            for reference in &source.references {
                for target in self.targets(module, reference) {
                    let to = self.line(target);
                    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
                    if let (Some(&from), Some(&to)) = (from.get(common), to.get(common)) {
                        arrows
                            .entry(self.0[from].parent.expect("below the common one"))
                            .or_default()
                            .entry((from, to))
                            .or_default()
                            .insert(format!("{file}:{}", reference.line));
                    }
                }
            }
        }
        arrows
    }

    /// Each circle between the children of one module, with the arrows that it's made of: first
    /// those between the crate's own modules, then those between the files of one.
    pub fn circles(&self) -> Vec<String> {
        let mut circles = Vec::new();
        for (parent, arrows) in self.arrows() {
            let reached = reach(&arrows);
            let in_circle = |&(from, to): &(usize, usize)| reached.contains(&(to, from));
            let mut left: BTreeSet<usize> = arrows
                .keys()
                .filter(|arrow| in_circle(arrow))
                .map(|arrow| arrow.0)
                .collect();
            while let Some(first) = left.pop_first() {
                let members: BTreeSet<usize> = reached
                    .iter()
                    .filter(|arrow| arrow.0 == first && in_circle(arrow))
                    .map(|arrow| arrow.1)
                    .collect();
                left.retain(|member| !members.contains(member));
                let names = members.iter().map(|&member| self.0[member].name.as_str());
                let names: Vec<&str> = names.collect();
                let among = match self.0[parent].file.as_str() {
                    "src/lib.rs" => "the crate's modules",
                    file => &format!("the files below {file}"),
                };
                let mut circle = format!("circle among {among}: {}", names.join(", "));
                for (&(from, to), sites) in &arrows {
                    if members.contains(&from) && members.contains(&to) {
                        circle += &self.arrow(from, to, sites);
                    }
                }
                circles.push(circle);
            }
        }
        circles
    }

    fn arrow(&self, from: usize, to: usize, sites: &Sites) -> String {
        let sites: Vec<&str> = sites.iter().map(String::as_str).collect();
        let [from, to] = [from, to].map(|module| self.0[module].name.as_str());
        format!("\n    {from} → {to}: {}", sites.join(", "))
    }

    /// What is wrong with `order`, of [`order`], or goes against it.
    pub fn against(&self, order: &[Vec<String>]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut lines = BTreeMap::new();
        for (line, names) in order.iter().enumerate() {
            for name in names {
                if !self.0[0].children.contains_key(name) {
                    wrong.push(format!(
                        "src/lib.rs's list names {name}, which it doesn't declare"
                    ));
                }
                if lines.insert(name.as_str(), line).is_some() {
                    wrong.push(format!("src/lib.rs's list names {name} twice"));
                }
            }
        }
        for name in self.top_level() {
            if !lines.contains_key(name) {
                wrong.push(format!("src/lib.rs's list doesn't name {name}"));
            }
        }
        for (&(from, to), sites) in self.arrows().get(&0).into_iter().flatten() {
            let line = |module: usize| lines.get(self.0[module].name.as_str());
            if let (Some(above), Some(below)) = (line(from), line(to))
                && above >= below
            {
                wrong.push(format!("against the order:{}", self.arrow(from, to, sites)));
            }
        }
        wrong
    }

    /// Files that no `mod` leads to, so that nothing here was said of them.
    pub fn unreached(&self, files: &Files) -> Vec<String> {
        let others = OTHER_CRATES.map(|root| Self::rooted(files, root));
        let modules = others.iter().chain([self]).flat_map(|tree| &tree.0);
        let reached: BTreeSet<&str> = modules.map(|module| module.file.as_str()).collect();
        files
            .keys()
            .filter(|file| {
                file.starts_with("src/") && Path::new(file).extension() == Some("rs".as_ref())
            })
            .filter(|file| !reached.contains(file.as_str()))
            // Declared for tests alone.
            .filter(|file| !file.contains("/tests/") && !file.ends_with("/tests.rs"))
            .map(|file| format!("{file} is no crate's module"))
            .collect()
    }
}

/// All pairs between which there is a way along the arrows.
fn reach(arrows: &BTreeMap<(usize, usize), Sites>) -> BTreeSet<(usize, usize)> {
    let mut reached: BTreeSet<(usize, usize)> = arrows.keys().copied().collect();
    loop {
        let further: Vec<(usize, usize)> = reached
            .iter()
            .flat_map(|&(from, through)| {
                let onward = reached.range((through, 0)..=(through, usize::MAX));
                onward.map(move |&(_, to)| (from, to))
            })
            .filter(|pair| !reached.contains(pair))
            .collect();
        if further.is_empty() {
            return reached;
        }
        reached.extend(further);
    }
}

/// The modules line by line, of the first ` ```text ` block in the crate's docs: each line begins
/// with the names of modules, one space between them; two spaces or more end them.
pub fn order(root: &str) -> Vec<Vec<String>> {
    root.lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .skip_while(|line| *line != "```text")
        .skip(1)
        .take_while(|line| *line != "```")
        .map(|line| line.split("  ").next().unwrap_or_default())
        .map(|names| names.split_whitespace().map(str::to_owned).collect())
        .collect()
}

/// Source files with more lines than they may have.
pub fn long_files(files: &Files) -> Vec<String> {
    files
        .iter()
        .filter(|(file, _)| SOURCE_FILES.iter().any(|end| file.ends_with(end)))
        .map(|(file, text)| (file, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(file, lines)| format!("{file} has {lines} lines, more than {LONGEST_FILE}"))
        .collect()
}
