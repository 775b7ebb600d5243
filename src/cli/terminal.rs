//! The terminal that standard error may be: messages, and below them lines that are redrawn.
//!
//! Nothing here can fail. Where the terminal has gone away, as after a connection was cut, the work
//! goes on without being seen.

use std::io::{Write, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use console::{Term, is_dumb, measure_text_width, truncate_str};

/// Columns where there is no terminal to tell.
pub(super) const USUAL_WIDTH: usize = 80;
/// Between two drawings; a reader can't follow more than twenty a second.
const INTERVAL: Duration = Duration::from_millis(50);

/// The width of standard error in columns of characters.
pub(super) fn width() -> usize {
    let size = Term::stderr().size_checked();
    size.map_or(USUAL_WIDTH, |(_, width)| usize::from(width))
}

/// Writes to standard error, above the lines that are redrawn.
pub(super) fn message(text: &[u8]) {
    screen().update(text);
}

/// Lines at the bottom of the terminal, as long as this lives.
pub(super) struct Live {
    drawn: Option<Instant>,
}

impl Live {
    /// None where nobody watches, or the terminal can't move its cursor.
    pub fn new() -> Option<Self> {
        let can_redraw = Term::stderr().is_term() && !is_dumb();
        can_redraw.then_some(Self { drawn: None })
    }

    /// Whether the last drawing is old enough to be replaced.
    pub fn is_due(&self) -> bool {
        self.drawn.is_none_or(|drawn| drawn.elapsed() >= INTERVAL)
    }

    /// Replaces the lines; each is cut off where the terminal ends.
    pub fn show(&mut self, lines: Vec<String>) {
        self.drawn = Some(Instant::now());
        let mut screen = screen();
        screen.lines = lines;
        screen.update(b"");
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.show(Vec::new());
    }
}

static SCREEN: Mutex<Screen> = Mutex::new(Screen {
    lines: Vec::new(),
    drawn: Vec::new(),
});

fn screen() -> MutexGuard<'static, Screen> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What stands below the messages. The cursor is in the row after it.
struct Screen {
    lines: Vec<String>,
    /// The widths of the lines that were drawn last, in columns.
    drawn: Vec<usize>,
}

impl Screen {
    fn update(&mut self, message: &[u8]) {
        let (height, width) = Term::stderr().size();
        let mut bytes = self.erase(usize::from(width)).into_bytes();
        bytes.extend(message);
        bytes.extend(self.draw(usize::from(height), usize::from(width)).bytes());
        // Nobody is left to be told.
        let _ = stderr().write_all(&bytes);
    }

    /// What removes the lines that were drawn last. Terminals break lines in two when they are made
    /// narrower, so that these may fill more rows by now; the few terminals that cut lines off instead
    /// lose as many rows of the messages above.
    fn erase(&mut self, width: usize) -> String {
        let rows = self.drawn.drain(..);
        let rows = rows.map(|drawn| drawn.div_ceil(width.max(1)).max(1));
        match rows.sum::<usize>() {
            0 => String::new(),
            rows => format!("\r\x1b[{rows}A\x1b[J"),
        }
    }

    /// The lines, as far as they have room. A row is left for the cursor, and a column, since some
    /// terminals begin the next row as soon as the last one is full.
    fn draw(&mut self, height: usize, width: usize) -> String {
        let mut text = String::new();
        for line in self.lines.iter().take(height.saturating_sub(1)) {
            let line = truncate_str(line, width.saturating_sub(1), "");
            self.drawn.push(measure_text_width(&line));
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Screen;

    #[test]
    fn lines_are_cut_and_erased_wherever_a_narrower_terminal_has_put_them() {
        let mut screen = Screen {
            lines: vec!["0123456789".to_owned(), "\x1b[36mabc\x1b[0m".to_owned()],
            drawn: Vec::new(),
        };
        assert_eq!(screen.erase(80), "");
        assert_eq!(screen.draw(24, 8), "0123456\n\x1b[36mabc\x1b[0m\n");
        assert_eq!(screen.erase(8), "\r\x1b[2A\x1b[J");
        assert_eq!(screen.draw(24, 80), "0123456789\n\x1b[36mabc\x1b[0m\n");
        // Three rows of the first line, one of the second.
        assert_eq!(screen.erase(4), "\r\x1b[4A\x1b[J");
        assert_eq!(screen.draw(2, 80), "0123456789\n");
    }
}
