//! Codes and their images as a table in Apache Parquet, which data frames and databases read: `row`, `path`, `class`, and
//! `code`, a list of 32-bit floats.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Type as PhysicalType};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use super::{CodeRow, CodesError, Found, malformed, unreadable};
use crate::device::catch_panics;

const SCHEMA: &str = "
    message codes {
        required int64 row;
        required binary path (STRING);
        optional binary class (STRING);
        required group code (LIST) { repeated group list { required float element; } }
    }";

/// Values that are kept until they are written together: 16 MiB.
const GROUP_VALUES: usize = 1 << 22;

/// And images, which DuckDB reads as many of at a time.
const GROUP_ROWS: usize = 122_880;

/// Writes codes as they are made, in groups of rows.
pub struct ParquetCodes<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    latent_dim: usize,
    numbers: Vec<i64>,
    paths: Vec<ByteArray>,
    /// Of the images that have one.
    classes: Vec<ByteArray>,
    /// 1 for an image that has a class.
    has_class: Vec<i16>,
    /// `[N, latent_dim]`
    codes: Vec<f32>,
}

impl<W: Write + Send> ParquetCodes<W> {
    /// Begins a file of codes of `latent_dim` values.
    ///
    /// # Errors
    ///
    /// Where `out` can't be written.
    pub fn new(out: W, latent_dim: usize) -> Result<Self> {
        let schema = Arc::new(parse_message_type(SCHEMA)?);
        let code = ColumnPath::new(["code", "list", "element"].map(Into::into).into());
        let properties = WriterProperties::builder()
            .set_created_by(concat!("trainer version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::SNAPPY)
            // Hardly a value comes twice.
            .set_column_dictionary_enabled(code, false)
            .build();
        Ok(Self {
            writer: SerializedFileWriter::new(out, schema, Arc::new(properties))?,
            latent_dim,
            numbers: Vec::new(),
            paths: Vec::new(),
            classes: Vec::new(),
            has_class: Vec::new(),
            codes: Vec::new(),
        })
    }

    /// Adds the code of an image, with its number among all images.
    ///
    /// # Errors
    ///
    /// Where the output can't be written.
    ///
    /// # Panics
    ///
    /// Where the code has another length than those of this file.
    pub fn write(&mut self, number: usize, row: &CodeRow, code: &[f32]) -> Result<()> {
        assert_eq!(code.len(), self.latent_dim, "values of a code");
        let number = i64::try_from(number).map_err(|error| ParquetError::External(error.into()))?;
        self.numbers.push(number);
        self.paths.push(row.path.as_str().into());
        self.has_class.push(row.class.is_some().into());
        self.classes
            .extend(row.class.as_deref().map(ByteArray::from));
        self.codes.extend(code);
        if self.codes.len() >= GROUP_VALUES || self.paths.len() >= GROUP_ROWS {
            self.write_group()?;
        }
        Ok(())
    }

    /// Writes what is left, and the end of the file.
    ///
    /// # Errors
    ///
    /// Where the output can't be written.
    pub fn finish(mut self) -> Result<W> {
        if !self.paths.is_empty() {
            self.write_group()?;
        }
        self.writer.into_inner()
    }

    fn write_group(&mut self) -> Result<()> {
        // Lists are told by where they begin, and none of them is empty.
        let places = 0..self.codes.len();
        let begins = places.map(|place| i16::from(place % self.latent_dim != 0));
        let begins: Vec<i16> = begins.collect();
        let has_value = vec![1; begins.len()];

        let mut group = self.writer.next_row_group()?;
        let whole = "as many columns as the schema has";
        let mut column = group.next_column()?.expect(whole);
        column
            .typed::<Int64Type>()
            .write_batch(&self.numbers, None, None)?;
        column.close()?;
        let mut column = group.next_column()?.expect(whole);
        column
            .typed::<ByteArrayType>()
            .write_batch(&self.paths, None, None)?;
        column.close()?;
        let mut column = group.next_column()?.expect(whole);
        column
            .typed::<ByteArrayType>()
            .write_batch(&self.classes, Some(&self.has_class), None)?;
        column.close()?;
        let mut column = group.next_column()?.expect(whole);
        column
            .typed::<FloatType>()
            .write_batch(&self.codes, Some(&has_value), Some(&begins))?;
        column.close()?;
        group.close()?;

        self.numbers.clear();
        self.paths.clear();
        self.classes.clear();
        self.has_class.clear();
        self.codes.clear();
        Ok(())
    }
}

/// The codes in a file, and their images if it has their paths. Its columns may be as others write them: optional, of
/// 64-bit floats, with lists of one length.
pub(super) fn read(path: &Path) -> std::result::Result<Found, CodesError> {
    // Where a page's content isn't what its header says, the reader panics.
    catch_panics(|| read_whole(path)).unwrap_or_else(|panic| {
        Err(malformed(
            path,
            format!("it is damaged ({})", panic.message),
        ))
    })
}

fn read_whole(path: &Path) -> std::result::Result<Found, CodesError> {
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    let malformed = |problem: String| malformed(path, problem);
    let damaged = |error: ParquetError| malformed(error.to_string());
    let file = SerializedFileReader::new(file).map_err(damaged)?;
    let columns = file.metadata().file_metadata().schema_descr().columns();
    let place = |name: &str| {
        columns
            .iter()
            .position(|column| column.path().parts()[0] == name)
    };

    let code = place("code").ok_or_else(|| malformed("it has no column `code`".to_owned()))?;
    let kind = columns[code].physical_type();
    if columns[code].max_rep_level() != 1
        || !matches!(kind, PhysicalType::FLOAT | PhysicalType::DOUBLE)
    {
        return Err(malformed(
            "its column `code` isn't one of lists of floats".to_owned(),
        ));
    }
    let text = |name| {
        let is_text = |&place: &usize| {
            columns[place].physical_type() == PhysicalType::BYTE_ARRAY
                && columns[place].max_rep_level() == 0
        };
        place(name).filter(is_text)
    };
    let (image, class) = (text("path"), text("class"));

    let (mut codes, mut rows, mut width) = (Vec::new(), Vec::new(), None);
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).map_err(damaged)?;
        for column in group.metadata().columns() {
            let compression = column.compression();
            if !matches!(compression, Compression::UNCOMPRESSED | Compression::SNAPPY) {
                return Err(malformed(format!(
                    "it is compressed by {compression}, and only Snappy is read here: write it with \
                     compression=\"snappy\""
                )));
            }
        }
        if kind == PhysicalType::FLOAT {
            let column = Column::<FloatType>::read(&*group, code).map_err(damaged)?;
            column.check_lists(&mut width).map_err(malformed)?;
            codes.extend(column.values);
        } else {
            let column = Column::<DoubleType>::read(&*group, code).map_err(damaged)?;
            column.check_lists(&mut width).map_err(malformed)?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "codes are in single precision"
            )]
            codes.extend(column.values.iter().map(|&value| value as f32));
        }
        let read_texts = |place: Option<usize>| {
            let column = place.map(|place| Column::<ByteArrayType>::read(&*group, place));
            column
                .transpose()
                .map_err(damaged)?
                .map(texts)
                .transpose()
                .map_err(damaged)
        };
        let classes = read_texts(class)?.unwrap_or_default();
        let mut classes = classes.into_iter();
        for path in read_texts(image)?.unwrap_or_default() {
            rows.push(CodeRow {
                path: path.ok_or_else(|| malformed("an image has no path".to_owned()))?,
                class: classes.next().flatten(),
            });
        }
    }
    Ok(Found {
        codes,
        width: width.ok_or_else(|| malformed("it has no codes".to_owned()))?,
        rows: image.map(|_| rows),
    })
}

/// A column of a group of rows.
struct Column<T: DataType> {
    /// Those that are there.
    values: Vec<T::T>,
    /// [`Self::is_there`] for each value that is there, less for what is missing; nothing where none may be.
    levels: Vec<i16>,
    is_there: i16,
    /// In a column of lists, 0 for each value that begins one.
    begins: Vec<i16>,
}

impl<T: DataType> Column<T> {
    fn read(group: &dyn RowGroupReader, place: usize) -> Result<Self> {
        /// Rows that are decoded at a time.
        const ROWS: usize = 1 << 16;
        let is_there = group
            .metadata()
            .column(place)
            .column_descr()
            .max_def_level();
        let (mut values, mut levels, mut begins) = (Vec::new(), Vec::new(), Vec::new());
        let mut reader = get_typed_column_reader::<T>(group.get_column_reader(place)?);
        loop {
            let (rows, ..) =
                reader.read_records(ROWS, Some(&mut levels), Some(&mut begins), &mut values)?;
            if rows == 0 {
                break;
            }
        }
        Ok(Self {
            values,
            levels,
            is_there,
            begins,
        })
    }

    /// Refuses lists that miss values, or differ in length from each other or from `width`.
    fn check_lists(&self, width: &mut Option<usize>) -> std::result::Result<(), String> {
        if self.levels.iter().any(|&level| level != self.is_there) {
            return Err("a code, or a value of one, is missing".to_owned());
        }
        let starts = self
            .begins
            .iter()
            .zip(0..)
            .filter(|(level, _)| **level == 0);
        let mut starts: Vec<usize> = starts.map(|(_, place)| place).collect();
        starts.push(self.begins.len());
        for ends in starts.windows(2) {
            let length = ends[1] - ends[0];
            let width = *width.get_or_insert(length);
            if length != width {
                return Err(format!(
                    "it has codes of {width} values, and one of {length}"
                ));
            }
        }
        Ok(())
    }
}

/// The texts of a column; none where one is missing.
fn texts(column: Column<ByteArrayType>) -> Result<Vec<Option<String>>> {
    let mut values = column
        .values
        .iter()
        .map(|value| value.as_utf8().map(str::to_owned));
    if column.levels.is_empty() {
        return values.map(|value| value.map(Some)).collect();
    }
    let is_there = column.levels.iter().map(|&level| level == column.is_there);
    let texts = is_there.map(|is_there| is_there.then(|| values.next()).flatten().transpose());
    texts.collect()
}
