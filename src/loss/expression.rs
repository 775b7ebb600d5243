//! A loss as text: `NAME` or `WEIGHT*NAME`, joined by `+`, with spaces wherever they please.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::{Loss, Term};

/// What is wrong with the expression of a loss. Shown as compilers do, with a mark below the place:
///
/// ```text
/// there is no loss `sim`
///   0.8*sim+0.2*l1
///       ^^^
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossError {
    expression: String,
    /// The place, in bytes of the expression; empty where something is missing.
    place: Range<usize>,
    problem: String,
}

impl std::error::Error for LossError {}

impl fmt::Display for LossError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A tab or a line break would tear text and mark apart.
        let escaped = |range: Range<usize>| self.expression[range].escape_debug().to_string();
        let before = escaped(0..self.place.start);
        let marked = escaped(self.place.clone());
        let after = escaped(self.place.end..self.expression.len());
        let indent = before.chars().count();
        let marks = "^".repeat(marked.chars().count().max(1));
        let names = Term::ALL.map(Term::name).join(", ");
        writeln!(f, "{}", self.problem)?;
        writeln!(f, "  {before}{marked}{after}")?;
        writeln!(f, "  {:indent$}{marks}", "")?;
        write!(
            f,
            "expected NAME or WEIGHT*NAME, joined by +, such as 0.8*ssim+0.2*l1; names are {names}"
        )
    }
}

/// A part of an expression, and the byte at which it starts there.
#[derive(Clone, Copy)]
struct Part<'a> {
    text: &'a str,
    start: usize,
}

impl<'a> Part<'a> {
    fn trimmed(self) -> Self {
        let text = self.text.trim_start();
        Self {
            start: self.start + self.text.len() - text.len(),
            text: text.trim_end(),
        }
    }

    /// What lies between the separators.
    fn split(self, separator: char) -> impl Iterator<Item = Part<'a>> {
        let mut start = self.start;
        self.text.split(separator).map(move |text| {
            let part = Part { text, start };
            start += text.len() + separator.len_utf8();
            part
        })
    }

    /// The error of an expression of which this part is to be marked.
    fn wrong(self, expression: &str, problem: String) -> LossError {
        LossError {
            expression: expression.to_owned(),
            place: self.start..self.start + self.text.len(),
            problem,
        }
    }
}

impl FromStr for Loss {
    type Err = LossError;

    fn from_str(expression: &str) -> Result<Self, LossError> {
        let whole = Part {
            text: expression,
            start: 0,
        };
        let mut terms: Vec<(f64, Term)> = Vec::new();
        for part in whole.split('+') {
            let part = part.trimmed();
            let factors: Vec<Part> = part.split('*').map(Part::trimmed).collect();
            let (weight, name) = match factors[..] {
                [name] => (None, name),
                [weight, name] => (Some(weight), name),
                _ => {
                    let problem = "a term is one weight times one name".to_owned();
                    return Err(part.wrong(expression, problem));
                }
            };
            let weight = match weight {
                Some(weight) => parse_weight(weight.text)
                    .map_err(|problem| weight.wrong(expression, problem))?,
                None => 1.0,
            };
            let term = parse_name(name.text).map_err(|problem| name.wrong(expression, problem))?;
            if terms.iter().any(|(_, known)| *known == term) {
                let problem = format!("`{}` is there twice: add its weights up", term.name());
                return Err(name.wrong(expression, problem));
            }
            terms.push((weight, term));
        }
        Ok(Self { terms })
    }
}

fn parse_name(text: &str) -> Result<Term, String> {
    let known = Term::ALL.into_iter().find(|term| term.name() == text);
    known.ok_or_else(|| {
        if text.is_empty() {
            "the name of a loss is missing".to_owned()
        } else {
            format!("there is no loss `{}`", text.escape_debug())
        }
    })
}

fn parse_weight(text: &str) -> Result<f64, String> {
    if text.is_empty() {
        return Err("a weight is missing".to_owned());
    }
    // Losses are computed in f32, in which 1e-50 is nothing and 1e50 is infinite.
    #[expect(clippy::cast_possible_truncation, reason = "asks what is left of it")]
    let counts = |weight: &f64| *weight > 0.0 && (*weight as f32).is_normal();
    text.parse().ok().filter(counts).ok_or_else(|| {
        format!(
            "`{}` is no weight: it must be a number above 0, from 2e-38 to 3e38",
            text.escape_debug()
        )
    })
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (weight, term)) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_str("+")?;
            }
            // f64 is displayed without an exponent and reads back as the same number.
            #[expect(clippy::float_cmp, reason = "no weight is a weight of exactly 1")]
            if *weight != 1.0 {
                write!(f, "{weight}*")?;
            }
            f.write_str(term.name())?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Loss {
    type Error = LossError;

    fn try_from(expression: String) -> Result<Self, LossError> {
        expression.parse()
    }
}

impl From<Loss> for String {
    fn from(loss: Loss) -> Self {
        loss.to_string()
    }
}
