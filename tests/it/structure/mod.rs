//! The structure of the source: modules use each other in one direction, files are of a size to be
//! read.
//!
//! `src/lib.rs`'s docs list the library's modules in their order, which the tree has to keep to.
//! What counts as use is any path through `crate`, `super` or `self` in code; comments, strings and
//! `#[cfg(test)]` items don't.

mod source;
mod tokens;
mod tree;

use std::fs;
use std::path::Path;

use source::{Reference, Start, read};
use tree::{Files, Tree, long_files, order};

#[test]
fn modules_use_each_other_in_one_direction() {
    let package = Path::new(option_env!("CARGO_MANIFEST_DIR").unwrap_or("."));
    let mut files = Files::new();
    for folder in ["src", "shaders"] {
        add_files(&package.join(folder), folder, &mut files);
    }
    let tree = Tree::new(&files);
    assert!(tree.top_level().contains("data"), "the tree was read");
    let mut findings = tree.circles();
    findings.extend(tree.against(&order(&files["src/lib.rs"])));
    findings.extend(tree.unreached(&files));
    findings.extend(long_files(&files));
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

/// Adds the text files in `folder`, whose path from the package is `name`.
fn add_files(folder: &Path, name: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).expect("a folder of the package") {
        let path = entry.expect("a readable folder").path();
        let name = format!("{name}/{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            add_files(&path, &name, files);
        } else if let Ok(text) = fs::read_to_string(&path) {
            files.insert(name, text);
        }
    }
}

/// The tree of `files`, of which the root declares those in the same folder as it.
fn tree(files: &[(&str, &str)]) -> Tree {
    Tree::new(&made(files))
}

fn made(files: &[(&str, &str)]) -> Files {
    let own = |(file, text): &(&str, &str)| (format!("src/{file}"), (*text).to_owned());
    files.iter().map(own).collect()
}

/// Each path of a source, as `start path`.
fn paths(source: &str) -> Vec<String> {
    let show = |Reference { start, path, .. }: &Reference| {
        let start = match start {
            Start::Crate => "crate".to_owned(),
            Start::Up(levels) => format!("{levels} up"),
            Start::Scope => "scope".to_owned(),
        };
        format!("{start} {}", path.join("::"))
    };
    read(source).references.iter().map(show).collect()
}

#[test]
fn braces_give_each_of_their_paths() {
    assert_eq!(
        paths("use crate::{a::X, b}; use crate::c::{self, d::{E as F, *}, g};"),
        [
            "crate a::X",
            "crate b",
            "crate c",
            "crate c::d::E",
            "crate c::d",
            "crate c::g",
        ]
    );
    assert_eq!(
        paths("pub(crate) use {crate::a, super::super::b};"),
        ["crate a", "2 up b"]
    );
    assert_eq!(
        paths("use self::inner::X; use ::crate_a::X;"),
        ["0 up inner::X"]
    );
}

#[test]
fn paths_in_code_count() {
    assert_eq!(
        paths("fn f<'a>(x: &'a crate::a::X) -> Vec<super::B<'a>> { crate::c::f::<u8>(x)? }"),
        ["crate a::X", "1 up B", "crate c::f"]
    );
    assert_eq!(paths("<T as crate::a::Trait>::f()"), ["crate a::Trait"]);
    assert_eq!(
        paths("#[derive(crate::a::Derive)] struct X;"),
        ["crate a::Derive"]
    );
    assert_eq!(
        paths("macro_rules! m { () => { $crate::a::f() } }"),
        ["crate a::f"]
    );
    // After characters that look like strings and lifetimes, too.
    assert_eq!(
        paths(r#"f('"', b'\'', '\u{22}', "\"", r"\"); crate::a::f();"#),
        ["crate a::f"]
    );
    assert_eq!(paths("impl Iterator + use<'_, T>"), [""; 0]);
    assert_eq!(
        paths("r#crate; r#type::x; crate::r#type::x"),
        ["crate type::x"]
    );
}

#[test]
fn comments_strings_and_tests_do_not_count() {
    for source in [
        "// use crate::a;",
        "/// As [`crate::a`].\nstruct X;",
        "//! use crate::a;",
        "/* use crate::a; /* nested */ use crate::b; */",
        r#"const X: &str = "use crate::a;";"#,
        r##"const X: &str = r#"a " use crate::a;"#;"##,
        r#"const X: &[u8] = b"\" crate::a";"#,
        r#"#[serde(default = "crate::a::f")] struct X;"#,
        "#[cfg(test)] mod tests { use crate::a; fn f() { crate::b::f() } }",
        "#[cfg(all(test, unix))] #[allow(unused)] use crate::a::{X, Y};",
        "struct X { #[cfg(test)] x: crate::a::X }",
        "pub(in crate::a) struct X;",
        "pub(crate) struct X;",
    ] {
        assert_eq!(paths(source), [""; 0], "{source}");
    }
    let behind = "#[cfg(test)] mod tests { fn f() {} } use crate::a;";
    assert_eq!(paths(behind), ["crate a"]);
    let other = "#[cfg(feature = \"test\")] use crate::a;";
    assert_eq!(paths(other), ["crate a"]);
}

#[test]
fn inline_modules_are_part_of_their_file() {
    assert_eq!(
        paths("mod inner { use super::X; use super::super::Y; use self::Z; use other::X; }"),
        ["0 up X", "1 up Y"]
    );
}

#[test]
fn a_circle_is_found() {
    let lib = ("lib.rs", "mod a; mod b; mod c;");
    let straight = tree(&[
        lib,
        ("a.rs", "use crate::b::X;"),
        ("b/mod.rs", "use crate::c;"),
        ("c.rs", "// crate::a"),
    ]);
    assert_eq!(straight.circles(), [""; 0]);
    let round = tree(&[
        lib,
        ("a.rs", "use crate::b::X;"),
        ("b/mod.rs", "mod d;"),
        ("b/d.rs", "\nuse crate::c;"),
        ("c.rs", "fn f() { super::a::f() }"),
    ]);
    assert_eq!(
        round.circles(),
        ["circle among the crate's modules: a, b, c\
          \n    a → b: src/a.rs:1\
          \n    b → c: src/b/d.rs:2\
          \n    c → a: src/c.rs:1"]
    );
}

#[test]
fn a_circle_through_what_another_module_exports_is_found() {
    let root = tree(&[
        ("lib.rs", "mod a; mod b; pub use b::X;"),
        ("a.rs", "use crate::X;"),
        ("b.rs", "use crate::a::Y;"),
    ]);
    assert_eq!(root.circles().len(), 1, "{:?}", root.circles());
    let sibling = tree(&[
        ("lib.rs", "mod m;"),
        ("m/mod.rs", "mod a; mod b; use b::X;"),
        ("m/a.rs", "use super::X; pub struct Y;"),
        ("m/b.rs", "use super::a::Y; pub struct X;"),
    ]);
    assert_eq!(
        sibling.circles(),
        ["circle among the files below src/m/mod.rs: a, b\
          \n    a → b: src/m/a.rs:1\
          \n    b → a: src/m/b.rs:1"]
    );
}

#[test]
fn a_parent_and_its_children_may_use_each_other() {
    let family = tree(&[
        ("lib.rs", "mod m; pub struct Root;"),
        ("m/mod.rs", "mod a; mod b; use a::A; pub struct X;"),
        ("m/a.rs", "mod c; use super::{X, b::B}; use crate::Root;"),
        ("m/a/c.rs", "use super::super::X; use super::A;"),
        ("m/b.rs", "use super::X;"),
    ]);
    assert_eq!(family.circles(), [""; 0]);
}

#[test]
fn the_order_is_kept_and_complete() {
    let files = |list: &str| {
        let lib = format!("//! Docs.\n//!\n//! ```text\n{list}//! ```\nmod a; mod b; mod c;");
        let tree = tree(&[
            ("lib.rs", lib.as_str()),
            ("a.rs", "use crate::b;"),
            ("b.rs", ""),
            ("c.rs", "use crate::b;"),
        ]);
        tree.against(&order(&lib))
    };
    assert_eq!(files("//! a c  above\n//! b    below, unlike a\n"), [""; 0]);
    assert_eq!(
        files("//! b  one\n//! a\n//! c\n"),
        [
            "against the order:\n    a → b: src/a.rs:1",
            "against the order:\n    c → b: src/c.rs:1",
        ]
    );
    assert_eq!(
        files("//! c  one\n//! a b  as one\n"),
        ["against the order:\n    a → b: src/a.rs:1"]
    );
    assert_eq!(
        files("//! a\n//! a d\n//! b\n"),
        [
            "src/lib.rs's list names a twice",
            "src/lib.rs's list names d, which it doesn't declare",
            "src/lib.rs's list doesn't name c",
        ]
    );
}

#[test]
fn long_files_and_files_of_no_module_are_found() {
    let mut files = made(&[("lib.rs", "mod a;"), ("a.rs", ""), ("dead.rs", "")]);
    files.insert("src/main.rs".to_owned(), String::new());
    files.insert("src/web/main.rs".to_owned(), "mod b;".to_owned());
    files.insert("src/web/b.rs".to_owned(), String::new());
    files.insert("src/web/dead.rs".to_owned(), String::new());
    files.insert("src/page.js".to_owned(), "\n".repeat(451));
    files.insert("src/page.css".to_owned(), "\n".repeat(450));
    files.insert("src/table.csv".to_owned(), "\n".repeat(9_000));
    assert_eq!(
        long_files(&files),
        ["src/page.js has 451 lines, more than 450"]
    );
    assert_eq!(
        Tree::new(&files).unreached(&files),
        [
            "src/dead.rs is no crate's module",
            "src/web/dead.rs is no crate's module"
        ]
    );
}
