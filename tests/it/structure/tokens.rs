//! A tokenizer for Rust, as far as paths need it: words, strings, `::` and punctuation, with their
//! lines. Comments, doc comments included, numbers, characters and lifetimes leave no word behind.

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or a keyword; a raw identifier without its `r#`.
    Word(String),
    /// A string literal of any sort, as it's written between its quotes.
    Text(String),
    /// `::`
    Separator,
    /// Any other punctuation; `0` stands for a number.
    Mark(char),
}

/// A token and the line, from 1, on which it starts.
#[derive(Clone, Debug)]
pub struct Token {
    pub kind: Kind,
    pub line: usize,
}

impl Token {
    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    pub fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    pub fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// The tokens of `source`, which compiles: what doesn't may give anything.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut reader = Reader {
        characters: source.chars().collect(),
        place: 0,
        line: 1,
    };
    let mut tokens = Vec::new();
    loop {
        let (start, line) = (reader.place, reader.line);
        if let Some(kind) = reader.token() {
            tokens.push(Token { kind, line });
        } else if reader.place == start {
            return tokens;
        }
    }
}

struct Reader {
    characters: Vec<char>,
    place: usize,
    line: usize,
}

impl Reader {
    /// The next token; none where something else was passed over, or at the end, where nothing was.
    fn token(&mut self) -> Option<Kind> {
        let first = self.peek(0)?;
        match first {
            '/' if self.peek(1) == Some('/') => {
                self.skip_while(|character| character != '\n');
                None
            }
            '/' if self.peek(1) == Some('*') => {
                self.skip_block_comment();
                None
            }
            ':' if self.peek(1) == Some(':') => {
                self.skip(2);
                Some(Kind::Separator)
            }
            '"' => Some(self.string()),
            '\'' => {
                self.skip_character_or_lifetime();
                None
            }
            _ if first.is_ascii_digit() => {
                self.skip_while(is_of_word);
                Some(Kind::Mark('0'))
            }
            _ if is_of_word(first) => Some(self.word_or_prefixed()),
            _ if first.is_whitespace() => {
                self.skip(1);
                None
            }
            _ => {
                self.skip(1);
                Some(Kind::Mark(first))
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.place + ahead).copied()
    }

    fn skip(&mut self, count: usize) {
        let end = self.characters.len().min(self.place + count);
        let skipped = &self.characters[self.place..end];
        self.line += skipped.iter().filter(|&&each| each == '\n').count();
        self.place = end;
    }

    /// Skips the characters that `condition` holds for, and gives them.
    fn skip_while(&mut self, condition: impl Fn(char) -> bool) -> String {
        let rest = self.characters[self.place..].iter();
        let skipped: String = rest.take_while(|&&each| condition(each)).collect();
        self.skip(skipped.chars().count());
        skipped
    }

    /// Block comments nest.
    fn skip_block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.skip(2);
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.skip(2);
                }
                (Some(_), _) => self.skip(1),
                (None, _) => return,
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// A string whose quote is next, in which a backslash escapes.
    fn string(&mut self) -> Kind {
        self.skip(1);
        let mut text = String::new();
        while let Some(character) = self.peek(0) {
            self.skip(1);
            match character {
                '"' => break,
                '\\' => {
                    text.push(character);
                    text.extend(self.peek(0));
                    self.skip(1);
                }
                _ => text.push(character),
            }
        }
        Kind::Text(text)
    }

    /// A raw string, whose `#`s or quote are next.
    fn raw_string(&mut self) -> Kind {
        let hashes = self.skip_while(|character| character == '#').len();
        self.skip(1);
        let mut text = String::new();
        while let Some(character) = self.peek(0) {
            let closes = (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if character == '"' && closes {
                self.skip(1 + hashes);
                break;
            }
            text.push(character);
            self.skip(1);
        }
        Kind::Text(text)
    }

    /// `'x'` and `'\n'` are characters, `'x` without a quote behind it is a lifetime.
    fn skip_character_or_lifetime(&mut self) {
        if self.peek(1) == Some('\\') {
            // The quote, the backslash and what it escapes, which may be a quote itself.
            self.skip(3);
            self.skip_while(|character| character != '\'');
            self.skip(1);
        } else if self.peek(2) == Some('\'') {
            self.skip(3);
        } else {
            self.skip(1);
            self.skip_while(is_of_word);
        }
    }

    /// A word, or a string or character with a prefix such as `b` or `r#`.
    fn word_or_prefixed(&mut self) -> Kind {
        let word = self.skip_while(is_of_word);
        let is_raw = matches!(word.as_str(), "r" | "br" | "cr");
        match self.peek(0) {
            Some('"') if is_raw => self.raw_string(),
            Some('"') if matches!(word.as_str(), "b" | "c") => self.string(),
            Some('#') if is_raw && matches!(self.peek(1), Some('"' | '#')) => self.raw_string(),
            Some('#') if word == "r" && self.peek(1).is_some_and(is_of_word) => {
                self.skip(1);
                Kind::Word(self.skip_while(is_of_word))
            }
            _ => Kind::Word(word),
        }
    }
}

/// `b'x'` needs no care of its own: the word `b` and a character.
fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
