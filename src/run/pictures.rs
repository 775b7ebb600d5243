//! What is wrong with the pictures of a run and with `test.csv`, as far as it shows without reading all of
//! them: a list of a thousand runs has no time for that.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use super::files::table;
use super::{RunDir, TestImage};

/// What every PNG file begins with.
const PNG_START: &[u8] = b"\x89PNG\r\n\x1a\n";
/// And ends with: an empty chunk, its name, its checksum.
const PNG_END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";
/// Bytes of a table in which its header ends.
const LONGEST_HEADER: usize = 1 << 12;

impl RunDir {
    /// The faults of the run's pictures and of `test.csv`, one line each. A file that isn't there is no
    /// fault: other versions write others, and a run that isn't finished has none.
    #[must_use]
    pub(super) fn faults_at_a_glance(&self) -> Vec<String> {
        let pictures = [
            self.test_picture(),
            self.best_picture(),
            self.worst_picture(),
            self.thumbnails_picture(),
            self.curves_picture(),
        ];
        let faults = pictures.iter().filter_map(|path| {
            let fault = picture_fault(path)?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Some(format!("{name}: {fault}"))
        });
        faults
            .chain(self.reconstructions_fault())
            .chain(self.test_images_fault())
            .collect()
    }

    fn reconstructions_fault(&self) -> Option<String> {
        match fs::read_dir(self.reconstructions()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Some(format!("reconstructions: {error}"))
            }
            _ => None,
        }
    }

    fn test_images_fault(&self) -> Option<String> {
        let path = self.test_images_path();
        match start(&path) {
            Ok(bytes) => {
                let end = bytes.iter().position(|&byte| byte == b'\n');
                let header = &bytes[..end.unwrap_or(bytes.len())];
                let rows = table::<TestImage>(&path, header, TestImage::TABLE, TestImage::KEY);
                Some(rows.err()?.in_one_line())
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => Some(format!("test.csv: {error}")),
        }
    }
}

/// What is wrong with a PNG file, by its first and last bytes; none if it isn't there.
#[must_use]
pub fn picture_fault(path: &Path) -> Option<String> {
    match ends(path) {
        Ok((start, _)) if start.is_empty() => Some("it is empty".to_owned()),
        Ok((start, _)) if start != PNG_START => Some("it isn't a PNG file".to_owned()),
        Ok((_, end)) if end != PNG_END => Some("it is cut off".to_owned()),
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(error.to_string()),
    }
}

/// The first and the last bytes, as many as PNG files have there.
fn ends(path: &Path) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut file = open_regular(path)?;
    let mut start = Vec::with_capacity(PNG_START.len());
    file.by_ref()
        .take(PNG_START.len() as u64)
        .read_to_end(&mut start)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(PNG_END.len() as u64)))?;
    let mut end = Vec::with_capacity(PNG_END.len());
    file.take(PNG_END.len() as u64).read_to_end(&mut end)?;
    Ok((start, end))
}

fn start(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(LONGEST_HEADER);
    let mut file = open_regular(path)?.take(LONGEST_HEADER as u64);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a regular file: opening a pipe would wait for a writer.
fn open_regular(path: &Path) -> io::Result<File> {
    super::check_regular(path)?;
    File::open(path)
}
