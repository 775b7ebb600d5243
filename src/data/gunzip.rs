//! Decompression of gzip'd files as `gzip -d` does it: member by member, and past zeros at the end.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::GzDecoder;

/// What each member of a gzip'd file begins with.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The content of a gzip'd source.
pub(super) struct Gunzip<R> {
    /// None at the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gunzip<R> {
    pub fn new(source: R) -> Self {
        Self {
            member: Some(GzDecoder::new(source)),
        }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.member = next_member(self.member.take().map(GzDecoder::into_inner))?;
        }
        Ok(0)
    }
}

/// The member that follows, if any does. Tapes and archives fill the last block of a file with zeros.
fn next_member<R: BufRead>(source: Option<R>) -> io::Result<Option<GzDecoder<R>>> {
    let Some(mut source) = source else {
        return Ok(None);
    };
    loop {
        let buffer = source.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        let zeros = buffer.iter().take_while(|&&byte| byte == 0).count();
        let next = buffer.get(zeros).copied();
        source.consume(zeros);
        match next {
            None => {}
            Some(byte) if byte == MAGIC[0] => return Ok(Some(GzDecoder::new(source))),
            Some(_) => {
                let message = "something that isn't gzip'd follows the gzip'd content";
                return Err(io::Error::new(ErrorKind::InvalidData, message));
            }
        }
    }
}
