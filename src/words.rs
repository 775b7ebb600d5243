//! Numbers and names in sentences.

use std::borrow::Borrow;

/// `1 image`, `2 images`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A few of some names, and how many more there are.
pub(crate) fn first_few(names: &[impl Borrow<str>]) -> String {
    const FEW: usize = 5;
    let shown = names[..names.len().min(FEW)].join(", ");
    match names.len().saturating_sub(FEW) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// How codes are found, with so many steps of refinement.
#[cfg(feature = "cli")]
pub(crate) fn refined(steps: usize) -> String {
    match steps {
        0 => "in one pass".to_owned(),
        steps => format!("refined in {}", count(steps, "step")),
    }
}
