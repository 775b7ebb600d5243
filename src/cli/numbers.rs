//! Numbers and the like on the command line: what is wrong with one is said in words, with the range that
//! it may be in.

use std::fmt::Display;
use std::str::FromStr;

use clap::Command;

use super::advice::with_flags;
use crate::config::Range;

/// A whole number in the range of the setting `key`.
pub(super) fn whole(
    key: &'static str,
) -> impl Fn(&str) -> Result<usize, String> + Clone + Send + Sync + 'static {
    move |word| {
        whole_u64(key)(word)?
            .try_into()
            .map_err(|_| expected(Range::of(key)))
    }
}

/// A whole number of 64 bits in the range of the setting `key`.
pub(super) fn whole_u64(
    key: &'static str,
) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync + 'static {
    move |word| {
        let range = Range::of(key);
        let number = word.parse().ok();
        number
            .filter(|&number| range.is_none_or(|range| range.contains(number)))
            .ok_or_else(|| expected(range))
    }
}

/// A number in the range of the setting `key`.
pub(super) fn real(
    key: &'static str,
) -> impl Fn(&str) -> Result<f64, String> + Clone + Send + Sync + 'static {
    move |word| {
        let range = Range::of(key);
        let number = word.parse::<f64>().ok();
        number
            .filter(|&number| range.is_none_or(|range| range.contains_real(number)))
            .ok_or_else(|| expected(range))
    }
}

/// A number for which `holds` is true; `expected` says of which that is so.
pub(super) fn number<T: FromStr + Copy + 'static>(
    holds: fn(T) -> bool,
    expected: &'static str,
) -> impl Fn(&str) -> Result<T, &'static str> + Clone + Send + Sync + 'static {
    move |word| {
        let number = word.parse().ok();
        number.filter(|&number| holds(number)).ok_or(expected)
    }
}

fn expected(range: Option<Range>) -> String {
    match range {
        Some(range) => format!("expected {range}"),
        None => "expected a number".to_owned(),
    }
}

/// What the library reads itself, with its errors in words about flags.
pub(super) fn parsed<T: FromStr<Err: Display>>(word: &str) -> Result<T, String> {
    word.parse()
        .map_err(|error: T::Err| with_flags(&error.to_string()))
}

/// Lets every flag of a command, and of those below it, take a negative number: it's out of range then,
/// which says more than that there is no flag -1.
pub(super) fn allow_negative(command: Command) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    let command = command.mut_args(|argument| {
        if argument.get_long().is_some() && argument.get_action().takes_values() {
            argument.allow_negative_numbers(true)
        } else {
            argument
        }
    });
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, allow_negative)
    })
}
