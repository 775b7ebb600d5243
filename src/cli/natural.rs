//! The order in which people read names: `a2` before `a10`.

use std::cmp::Ordering;

/// Compares names with their numbers as numbers, and letters whatever their case; names that are equal then,
/// code point by code point.
pub(super) fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        match (left.chars().next(), right.chars().next()) {
            (None, None) => return a.cmp(b),
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (number, rest) = leading_number(left);
                let (other, other_rest) = leading_number(right);
                // Of numbers without leading zeros, the longer one is larger.
                let order = number
                    .len()
                    .cmp(&other.len())
                    .then_with(|| number.cmp(other));
                if order != Ordering::Equal {
                    return order;
                }
                (left, right) = (rest, other_rest);
            }
            (Some(x), Some(y)) => {
                let order = x.to_lowercase().cmp(y.to_lowercase());
                if order != Ordering::Equal {
                    return order;
                }
                (left, right) = (&left[x.len_utf8()..], &right[y.len_utf8()..]);
            }
        }
    }
}

/// The digits at the beginning, without leading zeros, and what follows.
fn leading_number(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.trim_start_matches('0'), rest)
}

#[cfg(test)]
mod tests {
    use super::natural_order;

    #[test]
    fn numbers_are_read_as_numbers() {
        let mut names = ["a10", "B", "a2", "a02", "a", "10", "9", "a2b"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["9", "10", "a", "a02", "a2", "a2b", "a10", "B"]);
    }
}
