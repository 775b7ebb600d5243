//! Classes from a table: `--labels FILE.csv`, with a column for the path and one for the class.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::error::DataError;

/// A path without what says that it begins here.
pub(super) fn plain(name: &str) -> &str {
    name.trim_start_matches("./").trim_start_matches(".\\")
}

/// The class of each path, as the table at `path` has them.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>, DataError> {
    let wrong = |problem: String| DataError::Labels {
        file: path.to_owned(),
        problem,
    };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| wrong(error.to_string()))?;
    let headers = reader.headers().map_err(|error| wrong(error.to_string()))?;
    let column = |name: &str| {
        let place = headers.iter().position(|header| {
            let header = header.trim_start_matches('\u{feff}');
            header.eq_ignore_ascii_case(name)
        });
        place.ok_or_else(|| wrong(format!("its first line has no column `{name}`")))
    };
    let (paths, classes) = (column("path")?, column("class")?);
    let mut labels = BTreeMap::new();
    for record in reader.into_records() {
        let record = record.map_err(|error| wrong(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |place: usize| record.get(place).unwrap_or_default();
        let name = plain(field(paths)).to_owned();
        let class = field(classes).to_owned();
        if name.is_empty() || class.is_empty() {
            return Err(wrong(format!("line {line} lacks a path or a class")));
        }
        if let Some(earlier) = labels.insert(name.clone(), class.clone())
            && earlier != class
        {
            return Err(wrong(format!(
                "line {line} gives {name} the class {class}, and an earlier one {earlier}"
            )));
        }
    }
    if labels.is_empty() {
        return Err(wrong("it has no line with a path and a class".to_owned()));
    }
    Ok(labels)
}
