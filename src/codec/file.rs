//! The file of compressed codes: written and read block by block, so that there may be any number of images.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};

use super::symbols::SymbolModel;

/// How a file begins. The number is raised whenever older versions would misread one.
const MAGIC: &[u8] = b"trainer codes 1\n";
/// The part of it that no version changes.
const KIND: &[u8] = b"trainer codes ";

/// Images of a block at most.
pub const BLOCK: usize = 4096;
/// Bytes that the record may have, which has some hundreds.
const LONGEST_HEADER: usize = 1 << 20;
/// Bytes of the names in a block, which are paths.
const LONGEST_NAMES: u64 = (BLOCK as u64) << 16;
/// Of an image, as of those that are read.
const LONGEST_SIDE: usize = 65_535;
/// And of pixels: what a crafted file says is room that is asked for.
const MOST_PIXELS: usize = 1 << 27;
/// Bytes that a value takes at most: 48 decisions, each of at most 13 bits.
const LONGEST_VALUE: usize = 80;

/// What a file says of its codes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// SHA-256 of the tensors of the model that its codes are of.
    pub model: String,
    /// Values of a code.
    pub latent_dim: usize,
    /// What a whole number is multiplied with.
    pub step: f32,
}

/// What is kept of an image besides its code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodedImage {
    /// Its path, as [`InputImage::path`](crate::data::InputImage::path).
    pub path: String,
    /// Height and width of the picture, upright.
    pub size: [usize; 2],
}

/// Some images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Their codes `[n, latent_dim]`.
    pub values: Vec<i32>,
    /// `[n]`, unless they were left out.
    pub images: Option<Vec<CodedImage>>,
}

/// Why a file of compressed codes can't be read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The system refuses it.
    #[error("can't read it")]
    Unreadable(#[from] io::Error),
    /// It is something else.
    #[error("it isn't a file that `trainer compress` wrote")]
    Foreign,
    /// It is of a later version.
    #[error("a newer version of trainer has made it, which this one can't read")]
    Newer,
    /// Some of it is missing, or not what was written.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
}

const CUT_OFF: CodecError = CodecError::Damaged("its end is missing");
const CHANGED: CodecError =
    CodecError::Damaged("a checksum doesn't match, so bytes of it have changed");

/// Writes a file, image by image.
pub struct Writer<W: Write> {
    out: Summed<W>,
    symbols: SymbolModel,
    /// Images that no block has yet.
    waiting: Block,
    images: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file, with names and sizes of the images or without, under these first probabilities.
    ///
    /// # Errors
    ///
    /// Where `out` can't be written.
    pub fn new(
        out: W,
        header: &Header,
        symbols: SymbolModel,
        with_images: bool,
    ) -> io::Result<Self> {
        let mut out = Summed::new(out);
        out.write_all(MAGIC)?;
        let record = serde_json::to_vec(header)?;
        out.write_part(&record)?;
        out.write_sum()?;
        Ok(Self {
            out,
            symbols,
            waiting: Block {
                values: Vec::new(),
                images: with_images.then(Vec::new),
            },
            images: 0,
        })
    }

    /// Adds an image with the values of its code.
    ///
    /// # Errors
    ///
    /// Where the file can't be written.
    ///
    /// # Panics
    ///
    /// Where the code has another width, or a value beyond [`GREATEST`](super::GREATEST).
    pub fn push(&mut self, values: &[i32], image: CodedImage) -> io::Result<()> {
        assert_eq!(values.len(), self.symbols.width(), "a whole code");
        self.waiting.values.extend(values);
        if let Some(images) = &mut self.waiting.images {
            images.push(image);
        }
        self.images += 1;
        if self.waiting.values.len() == BLOCK * values.len() {
            self.write_block()?;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// Where it can't be written.
    pub fn finish(mut self) -> io::Result<W> {
        if !self.waiting.values.is_empty() {
            self.write_block()?;
        }
        self.out.write_all(&0_u32.to_le_bytes())?;
        self.out.write_all(&self.images.to_le_bytes())?;
        self.out.write_sum()?;
        self.out.inner.flush()?;
        Ok(self.out.inner)
    }

    fn write_block(&mut self) -> io::Result<()> {
        let Block { values, images } = &mut self.waiting;
        let count = length(values.len() / self.symbols.width())?;
        self.out.write_all(&count.to_le_bytes())?;
        let (mut names, mut sizes) = (Vec::new(), Vec::new());
        for CodedImage { path, size } in images.iter().flatten() {
            names.extend(length(path.len())?.to_le_bytes());
            names.extend(path.as_bytes());
            for side in size {
                sizes.extend(length(*side)?.to_le_bytes());
            }
        }
        for part in [names, sizes] {
            self.out.write_part(&deflated(&part)?)?;
        }
        self.out.write_part(&self.symbols.encode(values))?;
        self.out.write_sum()?;
        values.clear();
        images.iter_mut().for_each(Vec::clear);
        Ok(())
    }
}

/// Reads a file, block by block.
pub struct Reader<R: Read> {
    input: Summed<R>,
    header: Header,
    images: u64,
    /// Whether its images have names and sizes; not known before the first block.
    has_names: Option<bool>,
}

impl<R: Read> Reader<R> {
    /// Reads the beginning of a file.
    ///
    /// # Errors
    ///
    /// Where it can't be read, is something else or damaged, or of a later version.
    pub fn new(input: R) -> Result<Self, CodecError> {
        let mut input = Summed::new(input);
        let mut magic = [0; MAGIC.len()];
        let read = input.read_most(&mut magic)?;
        if read < KIND.len() || magic[..KIND.len()] != *KIND {
            return Err(CodecError::Foreign);
        }
        if magic != *MAGIC {
            return Err(if read < magic.len() {
                CUT_OFF
            } else {
                CodecError::Newer
            });
        }
        let record = input.read_part(LONGEST_HEADER)?;
        input.check_sum()?;
        let header: Header = serde_json::from_slice(&record).map_err(|_| CHANGED)?;
        if header.latent_dim == 0 || !(header.step.is_finite() && header.step > 0.0) {
            return Err(CHANGED);
        }
        Ok(Self {
            input,
            header,
            images: 0,
            has_names: None,
        })
    }

    /// What the file says of its codes.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next images, whose probabilities are `symbols` as the blocks before have left them; none at the end.
    ///
    /// # Errors
    ///
    /// Where the file can't be read, or is damaged.
    ///
    /// # Panics
    ///
    /// Where `symbols` are of codes of another width.
    pub fn next_block(&mut self, symbols: &mut SymbolModel) -> Result<Option<Block>, CodecError> {
        let width = self.header.latent_dim;
        assert_eq!(symbols.width(), width, "probabilities of these codes");
        let count = self.input.read_number()? as usize;
        if count == 0 {
            let mut images = [0; 8];
            self.input.read_exactly(&mut images)?;
            self.input.check_sum()?;
            if u64::from_le_bytes(images) != self.images {
                return Err(CodecError::Damaged("images of it are missing"));
            }
            if self.input.read_most(&mut [0])? > 0 {
                return Err(CodecError::Damaged("something follows its end"));
            }
            return Ok(None);
        }
        if count > BLOCK {
            return Err(CHANGED);
        }
        let most = usize::try_from(LONGEST_NAMES).unwrap_or(usize::MAX);
        let names = self.input.read_part(most)?;
        let sizes = self.input.read_part(most)?;
        let most = LONGEST_VALUE.saturating_mul(width).saturating_mul(count);
        let bytes = self.input.read_part(most.saturating_add(LONGEST_VALUE))?;
        self.input.check_sum()?;
        let images = images(&names, &sizes, count).ok_or(CHANGED)?;
        // All blocks have names, or none.
        if *self.has_names.get_or_insert(images.is_some()) != images.is_some() {
            return Err(CHANGED);
        }
        let values = symbols.decode(&bytes, count).ok_or(CHANGED)?;
        self.images += count as u64;
        Ok(Some(Block { values, images }))
    }
}

/// Names and sizes of a block's images; an inner none where it has neither, and an outer one where they aren't
/// those of so many.
#[expect(
    clippy::option_option,
    reason = "both can be missing, for different reasons"
)]
fn images(names: &[u8], sizes: &[u8], count: usize) -> Option<Option<Vec<CodedImage>>> {
    let names = inflated(names, LONGEST_NAMES)?;
    let sizes = inflated(sizes, 8 * BLOCK as u64)?;
    if names.is_empty() && sizes.is_empty() {
        return Some(None);
    }
    let (numbers, []) = sizes.as_chunks() else {
        return None;
    };
    let (pairs, []) = numbers.as_chunks() else {
        return None;
    };
    let mut rest = names.as_slice();
    let images = pairs.iter().map(|pair: &[[u8; 4]; 2]| {
        let (length, after) = rest.split_first_chunk()?;
        let length = u32::from_le_bytes(*length) as usize;
        let (name, after) = after.split_at_checked(length)?;
        rest = after;
        let size = pair.map(|side| u32::from_le_bytes(side) as usize);
        let is_size = size.iter().all(|side| (1..=LONGEST_SIDE).contains(side))
            && size[0] * size[1] <= MOST_PIXELS;
        let path = std::str::from_utf8(name).ok()?.to_owned();
        is_size.then_some(CodedImage { path, size })
    });
    let images: Vec<CodedImage> = images.collect::<Option<_>>()?;
    (images.len() == count && rest.is_empty()).then_some(Some(images))
}

fn length(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(io::Error::other)
}

/// Nothing of nothing.
fn deflated(bytes: &[u8]) -> io::Result<Vec<u8>> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn inflated(bytes: &[u8], most: u64) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    if !bytes.is_empty() {
        let decoder = ZlibDecoder::new(bytes);
        decoder.take(most).read_to_end(&mut found).ok()?;
    }
    Some(found)
}

/// A file with the CRC-32C of what has passed.
struct Summed<F> {
    inner: F,
    sum: u32,
}

impl<F> Summed<F> {
    fn new(inner: F) -> Self {
        Self { inner, sum: 0 }
    }
}

impl<W: Write> Summed<W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum = crc32c::crc32c_append(self.sum, bytes);
        self.inner.write_all(bytes)
    }

    /// Bytes behind their number.
    fn write_part(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(&length(bytes.len())?.to_le_bytes())?;
        self.write_all(bytes)
    }

    /// The sum itself isn't summed: what follows one would always have the same sum before it.
    fn write_sum(&mut self) -> io::Result<()> {
        self.inner.write_all(&self.sum.to_le_bytes())
    }
}

impl<R: Read> Summed<R> {
    /// As many bytes as there are; how many.
    fn read_most(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < bytes.len() {
            match self.inner.read(&mut bytes[read..]) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.sum = crc32c::crc32c_append(self.sum, &bytes[..read]);
        Ok(read)
    }

    fn read_exactly(&mut self, bytes: &mut [u8]) -> Result<(), CodecError> {
        if self.read_most(bytes)? < bytes.len() {
            return Err(CUT_OFF);
        }
        Ok(())
    }

    fn read_number(&mut self) -> Result<u32, CodecError> {
        let mut bytes = [0; 4];
        self.read_exactly(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Bytes behind their number, of which there are `most`. A number that is no true one takes no memory.
    fn read_part(&mut self, most: usize) -> Result<Vec<u8>, CodecError> {
        let length = self.read_number()? as usize;
        if length > most {
            return Err(CHANGED);
        }
        let mut bytes = Vec::new();
        let input = &mut self.inner;
        input.take(length as u64).read_to_end(&mut bytes)?;
        self.sum = crc32c::crc32c_append(self.sum, &bytes);
        if bytes.len() < length {
            return Err(CUT_OFF);
        }
        Ok(bytes)
    }

    fn check_sum(&mut self) -> Result<(), CodecError> {
        let expected = self.sum;
        let found = self.read_number()?;
        self.sum = expected;
        if found != expected {
            return Err(CHANGED);
        }
        Ok(())
    }
}
