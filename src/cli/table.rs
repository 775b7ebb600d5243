//! Text for the terminal: tables, names shortened to fit into them, and no control characters.

use console::{Alignment, Term, measure_text_width, pad_str};

/// Between columns.
const GAP: &str = "  ";

/// The width of standard output in columns of characters; none if it isn't a terminal.
pub(super) fn terminal_width() -> Option<usize> {
    let (_, width) = Term::stdout().size_checked()?;
    Some(usize::from(width)).filter(|width| *width > 0)
}

/// The text with control characters and those that change the direction of writing escaped, as `\u{1b}`.
pub(super) fn printable(text: &str) -> String {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// As [`printable`], but for the ends of lines and tabs.
pub(super) fn printable_lines(text: &str) -> String {
    let pieces = text.split_inclusive(['\n', '\t']);
    let escape = |piece: &str| match piece.strip_suffix(['\n', '\t']) {
        Some(text) => printable(text) + &piece[text.len()..],
        None => printable(piece),
    };
    pieces.map(escape).collect()
}

/// The text, or its beginning and end around a `…` where it is wider than `width`.
pub(super) fn shorten(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let within = |characters: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let mut taken = Vec::new();
        for c in characters {
            used += measure_text_width(c.encode_utf8(&mut [0; 4]));
            if used > room {
                break;
            }
            taken.push(c);
        }
        taken
    };
    let start = within(&mut text.chars(), room.div_ceil(2));
    let end = within(&mut text.chars().rev(), room / 2);
    start
        .into_iter()
        .chain(['…'])
        .chain(end.into_iter().rev())
        .collect()
}

/// A word as a shell reads it.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A heading and the cells below it.
pub(super) struct Column {
    pub heading: String,
    /// Figures stand on the right.
    pub figures: bool,
    pub cells: Vec<String>,
}

impl Column {
    /// In columns of characters.
    pub fn width(&self) -> usize {
        let widths = self.cells.iter().map(|cell| measure_text_width(cell));
        let heading = measure_text_width(&self.heading);
        widths.fold(heading, usize::max)
    }

    /// Makes it as narrow as `width`.
    pub fn shorten(&mut self, width: usize) {
        for cell in &mut self.cells {
            *cell = shorten(cell, width);
        }
    }
}

/// The width of a table of these columns.
pub(super) fn table_width(columns: &[Column]) -> usize {
    let widths: usize = columns.iter().map(Column::width).sum();
    widths + GAP.len() * columns.len().saturating_sub(1)
}

/// The table's lines, the headings first, without spaces at their ends.
pub(super) fn table_lines(columns: &[Column]) -> Vec<String> {
    let widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let rows = columns.first().map_or(0, |column| column.cells.len());
    let line = |text: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().zip(&widths).map(|(column, width)| {
            let side = if column.figures {
                Alignment::Right
            } else {
                Alignment::Left
            };
            pad_str(&text(column), *width, side, None).into_owned()
        });
        let cells: Vec<String> = cells.collect();
        cells.join(GAP).trim_end().to_owned()
    };
    let heading = line(&|column| column.heading.clone());
    let rows = (0..rows).map(|row| line(&|column| column.cells[row].clone()));
    [heading].into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::{printable, printable_lines, shorten};

    #[test]
    fn nothing_that_a_terminal_acts_on_is_printed() {
        assert_eq!(
            printable("a\u{1b}[31mb\u{9b}c\u{202e}d"),
            "a\\u{1b}[31mb\\u{9b}c\\u{202e}d"
        );
        assert_eq!(printable("größe 画像"), "größe 画像");
        assert_eq!(printable("a\nb"), "a\\nb");
        assert_eq!(printable_lines("a\u{7}\n\tb\n"), "a\\u{7}\n\tb\n");
    }

    #[test]
    fn a_shortened_name_keeps_its_ends() {
        assert_eq!(shorten("baseline", 8), "baseline");
        assert_eq!(shorten("baseline-z128", 8), "base…128");
        assert_eq!(shorten("画像画像画像", 6), "画…像");
        assert_eq!(shorten("baseline", 1), "…");
    }
}
