//! What a source file says about modules: which it declares, which names it brings in, and which
//! paths it goes along. `#[cfg(test)]` items say nothing.

use super::tokens::{Kind, Token, tokens};

/// Where a path starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// `crate::`
    Crate,
    /// The file's module (0: `self::`) or one that many levels above (1: `super::`).
    Up(usize),
    /// A name that is in scope: a child module, an imported name or another crate.
    Scope,
}

/// A path that a file goes along, without what it starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// From 1.
    pub line: usize,
    pub start: Start,
    /// `["data", "Dataset"]` of `crate::data::Dataset`.
    pub path: Vec<String>,
}

/// A `mod name;`.
#[derive(Clone, Debug)]
pub struct Child {
    pub name: String,
    /// Of a `#[path = "…"]`.
    pub file: Option<String>,
}

/// What a file says about modules.
#[derive(Clone, Debug, Default)]
pub struct Source {
    pub children: Vec<Child>,
    pub references: Vec<Reference>,
    /// Names that a `use` brings into the file's module, by which its children and, if it's public,
    /// others may reach what lies elsewhere.
    pub imports: Vec<(String, Reference)>,
}

/// Reads a file.
pub fn read(source: &str) -> Source {
    let mut parser = Parser {
        tokens: tokens(source),
        place: 0,
        blocks: Vec::new(),
        file: None,
        source: Source::default(),
    };
    while parser.place < parser.tokens.len() {
        parser.step();
    }
    parser.source
}

struct Parser {
    tokens: Vec<Token>,
    place: usize,
    /// The braces that are open; true for those of a `mod name { … }`.
    blocks: Vec<bool>,
    /// A `#[path = "…"]` whose `mod` is to come.
    file: Option<String>,
    source: Source,
}

impl Parser {
    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.place + ahead)
    }

    fn is_mark(&self, ahead: usize, mark: char) -> bool {
        self.peek(ahead).is_some_and(|token| token.is_mark(mark))
    }

    fn is_separator(&self, ahead: usize) -> bool {
        self.peek(ahead)
            .is_some_and(|token| token.kind == Kind::Separator)
    }

    fn is_word(&self, ahead: usize, word: &str) -> bool {
        self.peek(ahead).is_some_and(|token| token.is_word(word))
    }

    fn word(&self, ahead: usize) -> Option<String> {
        self.peek(ahead)?.word().map(str::to_owned)
    }

    fn step(&mut self) {
        if self.is_mark(0, '#') && self.is_mark(1, '[') {
            self.attribute();
        } else if self.is_word(0, "mod") && self.word(1).is_some() {
            self.module();
        } else if self.is_word(0, "use") && !self.is_mark(1, '<') {
            self.import();
        } else if self.is_word(0, "in") && self.is_mark_before('(') {
            // The path of a `pub(in …)` is no use of what it names.
            while self.place < self.tokens.len() && !self.is_mark(0, ')') {
                self.place += 1;
            }
        } else if self.starts_path() {
            let line = self.tokens[self.place].line;
            let path = self.simple_path();
            self.add(line, path);
        } else {
            if self.is_mark(0, '{') {
                self.blocks.push(false);
            } else if self.is_mark(0, '}') {
                self.blocks.pop();
            }
            self.place += 1;
        }
    }

    fn is_mark_before(&self, mark: char) -> bool {
        self.place > 0 && self.tokens[self.place - 1].is_mark(mark)
    }

    /// Skips what is for tests alone; of other attributes, only what's in front of their contents,
    /// which may have paths.
    fn attribute(&mut self) {
        let all = usize::from(self.is_word(4, "all")) * 2;
        if self.is_word(2, "cfg") && self.is_mark(3, '(') && self.is_word(4 + all, "test") {
            self.skip_brackets();
            self.skip_item();
            return;
        }
        if self.is_word(2, "path")
            && let Some(Kind::Text(file)) = self.peek(4).map(|token| &token.kind)
        {
            self.file = Some(file.clone());
        }
        self.place += 2;
    }

    /// From the `#` of an attribute to behind its `]`.
    fn skip_brackets(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.peek(0) {
            depth += usize::from(token.is_mark('['));
            let closes = token.is_mark(']');
            self.place += 1;
            if closes {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
        }
    }

    /// To behind the `;` or the block that ends an item, or to the end of the block that it's in.
    fn skip_item(&mut self) {
        while self.is_mark(0, '#') {
            self.skip_brackets();
        }
        let mut depth = 0_usize;
        while let Some(token) = self.peek(0) {
            match token.kind {
                Kind::Mark('(' | '[' | '{') => depth += 1,
                Kind::Mark('}') if depth == 0 => return,
                Kind::Mark(')' | ']' | '}') => depth -= 1,
                _ => {}
            }
            let ends = token.is_mark('}') || token.is_mark(';');
            self.place += 1;
            if depth == 0 && ends {
                return;
            }
        }
    }

    fn module(&mut self) {
        let name = self.word(1).expect("asked for before");
        let file = self.file.take();
        if self.is_mark(2, ';') && self.depth() == 0 {
            self.source.children.push(Child { name, file });
        } else if self.is_mark(2, '{') {
            self.blocks.push(true);
        }
        self.place += 3;
    }

    /// How many inline modules the place is in.
    fn depth(&self) -> usize {
        self.blocks.iter().filter(|&&module| module).count()
    }

    fn starts_path(&self) -> bool {
        let starts = ["crate", "super", "self"]
            .iter()
            .any(|word| self.is_word(0, word));
        let goes_on = self.place > 0 && self.tokens[self.place - 1].kind == Kind::Separator;
        starts && !goes_on && self.is_separator(1)
    }

    /// Words with `::` between them, from the one that is next.
    fn simple_path(&mut self) -> Vec<String> {
        let mut path = Vec::new();
        while let Some(word) = self.word(0) {
            path.push(word);
            self.place += 1;
            if !self.is_separator(0) {
                break;
            }
            self.place += 1;
        }
        path
    }

    /// A `use …;`, which may be of other crates.
    fn import(&mut self) {
        let line = self.tokens[self.place].line;
        self.place += 1;
        if self.is_separator(0) {
            // `use ::other_crate`
            return;
        }
        let mut leaves = Vec::new();
        self.use_tree(line, &[], &mut leaves);
        for (line, name, path) in leaves {
            let reference = self.add(line, path);
            if let (Some(name), Some(reference)) = (name, reference)
                && self.blocks.is_empty()
            {
                self.source.imports.push((name, reference));
            }
        }
    }

    /// `a::b`, `a::b as c`, `a::*` and `a::{b, c::{self, d}}` behind `prefix`: the line, the name
    /// that it gets, and the path of each.
    fn use_tree(
        &mut self,
        mut line: usize,
        prefix: &[String],
        leaves: &mut Vec<(usize, Option<String>, Vec<String>)>,
    ) {
        if let Some(token) = self.peek(0) {
            line = token.line;
        }
        let mut path = prefix.to_vec();
        path.extend(self.simple_path());
        if path.len() > 1 && path.last().is_some_and(|word| word == "self") {
            path.pop();
        }
        if self.is_mark(0, '{') {
            self.place += 1;
            while self.place < self.tokens.len() && !self.is_mark(0, '}') {
                self.use_tree(line, &path, leaves);
                if self.is_mark(0, ',') {
                    self.place += 1;
                }
            }
            self.place += 1;
            return;
        }
        let mut name = path.last().cloned();
        if self.is_mark(0, '*') {
            self.place += 1;
            name = None;
        } else if self.is_word(0, "as") {
            name = self.word(1);
            self.place += 2;
        }
        leaves.push((line, name, path));
        // What isn't understood is passed over, so that the reader goes on.
        while self
            .peek(0)
            .is_some_and(|token| !",};".chars().any(|mark| token.is_mark(mark)))
        {
            self.place += 1;
        }
    }

    /// Adds a path, its first word as it's written; not one that stays in an inline module.
    fn add(&mut self, line: usize, path: Vec<String>) -> Option<Reference> {
        let depth = self.depth();
        let supers = path.iter().take_while(|word| *word == "super").count();
        let (start, skipped) = match path.first()?.as_str() {
            "crate" => (Start::Crate, 1),
            "super" if supers < depth => return None,
            "super" => (Start::Up(supers - depth), supers),
            "self" if depth > 0 => return None,
            "self" => {
                let ups = path[1..].iter().take_while(|word| *word == "super").count();
                (Start::Up(ups), 1 + ups)
            }
            _ if depth > 0 => return None,
            _ => (Start::Scope, 0),
        };
        let reference = Reference {
            line,
            start,
            path: path[skipped..].to_vec(),
        };
        self.source.references.push(reference.clone());
        Some(reference)
    }
}
