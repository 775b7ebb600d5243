//! Files: read as a whole, and written as a whole or not at all.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The content of a file.
pub(crate) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// What the names of temporary files begin and end with.
const PREFIX: &str = ".new-";
const SUFFIX: &str = ".tmp";

/// Whether a file or folder of that name is one that [`write_file`] or the user of [`new_folder`] never
/// finished.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Names and permissions of what is to be written and then renamed. Temporary files are private by default;
/// these are results, so that of `mode` the umask decides.
fn temporary(mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

/// A new folder in `parent`, under the name of a temporary file, to be filled and then renamed; it is removed
/// where it is dropped.
pub(crate) fn new_folder(parent: &Path) -> io::Result<tempfile::TempDir> {
    temporary(0o777).tempdir_in(parent).map_err(without_path)
}

/// The same for a file.
pub(crate) fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    temporary(0o666).tempfile_in(folder).map_err(without_path)
}

/// Replaces the content of a file, or leaves it as it was. A reader sees the old content or the new,
/// never a half: the bytes go to a temporary file in the same folder, which must exist, reach the disk,
/// and then take the name.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, &mut |file| file.write_all(bytes), None)
}

/// Writes to what the user named. A link stays, and what it leads to is written. A file is replaced as
/// [`write_file`] does it, and keeps its owner and permissions; a device or a pipe, which a file must not
/// take the place of, is opened and written to.
pub(crate) fn write_output(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_output_with(path, &mut |output| output.write_all(bytes))
}

/// As [`write_output`], piece by piece: `write` is called once, with what takes the bytes.
pub(crate) fn write_output_with(
    path: &Path,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let existing = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return replace(&end_of_links(path)?, write, None);
        }
        Err(error) => return Err(error),
    };
    // Fails for a file that is protected against writing, and would be replaced all the same.
    let mut opened = File::options().write(true).open(path)?;
    if existing.is_file() {
        return replace(&fs::canonicalize(path)?, write, Some(&existing));
    }
    write(&mut opened)
}

/// Whether [`write_output`] would be let write a file, found by trying: an existing one is opened, and a temporary
/// file is made, and removed, in the folder that the file is to be in, or in the nearest above it that there is.
pub(crate) fn check_output(path: &Path) -> io::Result<()> {
    let path = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            File::options().write(true).open(path)?;
            fs::canonicalize(path)?
        }
        Ok(metadata) if metadata.is_dir() => return Err(ErrorKind::IsADirectory.into()),
        // A pipe would wait for its reader.
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => end_of_links(path)?,
        Err(error) => return Err(error),
    };
    let mut folder = folder_of(&path);
    while let Some(above) = folder.parent()
        && !folder.exists()
    {
        folder = folder_or_here(above);
    }
    new_file(folder).map(|_| ())
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    folder_or_here(path.parent().unwrap_or(Path::new("")))
}

/// A folder, which is the current one where it has no name.
fn folder_or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

/// The path of the new file that a link leads to; `path` itself if it's none.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    /// As many as Linux follows.
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            // From the folder that the link is in.
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links in a row"))
}

/// The system's words alone. `tempfile` adds the path of its file, which says nothing to anyone, and keeps
/// what it was given to itself.
fn without_path(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path \"") {
        Some((words, _)) => io::Error::new(error.kind(), words),
        None => error,
    }
}

/// As [`write_file`], with the owner and the permissions of the file that is replaced.
fn replace(
    path: &Path,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    existing: Option<&Metadata>,
) -> io::Result<()> {
    // A rename is atomic only within one file system, so the temporary file can't be in /tmp.
    let file = new_file(folder_of(path))?;
    if let Some(existing) = existing {
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, fchown};
            // Only root can give a file away.
            let _ = fchown(file.as_file(), Some(existing.uid()), Some(existing.gid()));
        }
        file.as_file().set_permissions(existing.permissions())?;
    }
    // Not to `file`, whose errors name the temporary file.
    write(&mut file.as_file())?;
    // Without this, a power cut after the rename can leave an empty file under the final name.
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
