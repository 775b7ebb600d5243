//! Compressed codes: whole numbers, their entropy coding, and the file that they stand in.
//!
//! ```text
//! codes [n, latent_dim] of whole numbers → SymbolModel → bytes → Writer → file → Reader → the same numbers
//! ```
//!
//! A file begins with a line that names its format and with a record in JSON, [`Header`]. Blocks of at most
//! [`BLOCK`] images follow, the last of them empty, and after the header and each block a CRC-32C of all that
//! stands before it. How codes become whole numbers and images again is
//! [`Compressor`](crate::apply::Compressor)'s.

mod file;
mod symbols;

pub use file::{BLOCK, Block, CodecError, CodedImage, Header, Reader, Writer};
pub use symbols::{GREATEST, SymbolModel};
