//! Codes and their images as a table, or the images alone, beside an array of the codes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;

use csv::StringRecord;

use super::{CodeRow, CodesError, Found, malformed, unreadable};

/// Columns before the codes themselves.
const COLUMNS: [&str; 3] = ["row", "path", "class"];

/// What the columns of values are called, before their numbers from 0 on.
const VALUE: &str = "code_";

/// Begins a table of codes: the images' columns, and one for each of `latent_dim` values.
///
/// # Errors
///
/// Where `out` can't be written.
pub fn write_codes_header(out: &mut impl Write, latent_dim: usize) -> io::Result<()> {
    let names = (0..latent_dim).map(|index| format!("{VALUE}{index}"));
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(COLUMNS.iter().map(|name| (*name).to_owned()).chain(names))?;
    writer.flush()
}

/// The images and codes of a table that has both.
pub(super) fn read_codes(path: &Path) -> Result<Found, CodesError> {
    let (rows, codes, width) = read(path, false)?;
    if width == 0 {
        return Err(malformed(
            path,
            "it is the table beside an array of codes, without codes itself; give the array",
        ));
    }
    Ok(Found {
        codes,
        width,
        rows: Some(rows),
    })
}

/// The images of the table beside an array.
pub(super) fn read_rows(path: &Path) -> Result<Vec<CodeRow>, CodesError> {
    let (rows, ..) = read(path, true)?;
    Ok(rows)
}

/// Where a table has what.
struct Columns {
    row: usize,
    image: usize,
    class: usize,
    values: Vec<usize>,
}

impl Columns {
    /// Those of a header, told by their names; or what is wrong with it.
    fn named(header: &StringRecord) -> Result<Self, String> {
        let places: HashMap<&str, usize> = header.iter().zip(0..).collect();
        let [Some(&row), Some(&image), Some(&class)] = COLUMNS.map(|name| places.get(name)) else {
            return Err(format!("it has no columns {}", COLUMNS.join(", ")));
        };
        let is_value = |name: &&str| {
            let number = name.strip_prefix(VALUE);
            number.is_some_and(|number| number.parse::<usize>().is_ok())
        };
        let width = header.iter().filter(is_value).count();
        let values: Option<Vec<usize>> = (0..width)
            .map(|index| places.get(format!("{VALUE}{index}").as_str()).copied())
            .collect();
        let values = values.ok_or_else(|| {
            format!("its {width} columns of values aren't {VALUE}0 and those that follow")
        })?;
        Ok(Self {
            row,
            image,
            class,
            values,
        })
    }

    /// Those of a later part of several, which has no header, so that it can be appended to the first.
    fn as_written(count: usize) -> Self {
        Self {
            row: 0,
            image: 1,
            class: 2,
            values: (COLUMNS.len()..count).collect(),
        }
    }
}

/// Images, codes and how many values each has, none in a table without them. With `is_beside`, of an array whose rows
/// are in the order in which they were written.
fn read(path: &Path, is_beside: bool) -> Result<(Vec<CodeRow>, Vec<f32>, usize), CodesError> {
    let malformed = |problem: String| malformed(path, problem);
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(BufReader::new(file));
    let mut records = reader
        .records()
        .map(|record| record.map_err(|error| malformed(error.to_string())))
        .peekable();
    let columns = match records.next_if(|record| {
        let is_row = |record: &StringRecord| record[0].parse::<usize>().is_ok();
        record.as_ref().is_ok_and(|record| !is_row(record))
    }) {
        Some(header) => Columns::named(&header?).map_err(malformed)?,
        None => match records.peek() {
            Some(Ok(row)) if row.len() < COLUMNS.len() => {
                return Err(malformed(format!(
                    "it has no columns {}",
                    COLUMNS.join(", ")
                )));
            }
            Some(Ok(row)) => Columns::as_written(row.len()),
            // Of more parts than images, some are empty.
            Some(Err(_)) | None => Columns::as_written(COLUMNS.len()),
        },
    };
    let (mut rows, mut codes) = (Vec::new(), Vec::new());
    let mut next = 0;
    for record in records {
        let record = record?;
        if is_beside {
            // A file that couldn't be used leaves its number out.
            let number = record[columns.row].parse::<usize>();
            let number = number.ok().filter(|&number| number >= next);
            next = 1 + number.ok_or_else(|| {
                malformed(format!(
                    "row {} of the table beside it stands where one from {next} on should: it has been sorted, so \
                     that it can't be told which code is whose",
                    &record[columns.row]
                ))
            })?;
        }
        let class = record[columns.class].to_owned();
        rows.push(CodeRow {
            path: record[columns.image].to_owned(),
            class: (!class.is_empty()).then_some(class),
        });
        for value in columns.values.iter().map(|&place| &record[place]) {
            let number = value.trim().parse::<f32>();
            codes.push(number.map_err(|_| malformed(format!("`{value}` is no number")))?);
        }
    }
    Ok((rows, codes, columns.values.len()))
}
