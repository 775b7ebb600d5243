//! Names of run folders: the local time, and a name that every file system can hold.

use chrono::{DateTime, Local};

use super::RunError;

/// Sorts by time as text, and has no `:`, which Windows refuses in names.
const TIMESTAMP: &str = "%Y-%m-%dT%H-%M-%S";
/// Leaves room for the timestamp and a suffix below the 255 bytes that file systems allow.
const LONGEST_NAME: usize = 100;

/// `<timestamp>_<name>`.
///
/// # Errors
/// [`RunError::Name`] for a name that would leave the folder of all runs, or that couldn't be copied
/// to another system.
pub(super) fn folder_name(name: &str, now: DateTime<Local>) -> Result<String, RunError> {
    check(name)?;
    Ok(format!("{}_{name}", now.format(TIMESTAMP)))
}

fn check(name: &str) -> Result<(), RunError> {
    let problem = if name.is_empty() {
        "is empty"
    } else if name.len() > LONGEST_NAME {
        "is longer than 100 bytes"
    } else if name.chars().any(char::is_control) {
        "contains a control character"
    } else if name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|']) {
        r#"contains one of / \ : * ? " < > |"#
    } else if name.contains("..") {
        "contains `..`"
    } else if name.ends_with('.') || name.trim() != name {
        "starts or ends with a space, or ends with a dot"
    } else {
        return Ok(());
    };
    Err(RunError::Name {
        name: name.to_owned(),
        problem,
    })
}
