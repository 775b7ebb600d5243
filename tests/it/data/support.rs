//! Small IDX sets in temporary directories, and a web server that misbehaves on demand.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io, thread};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use trainer::data::{FILE_STEMS, Sources};

pub const IMAGE_LEN: usize = 28 * 28;

/// An image file of `count` images, the first all `first`, the next all `first + 1`, and so on.
pub fn images(count: u8, first: u8) -> Vec<u8> {
    let mut file = image_header(u32::from(count), 28, 28);
    file.extend((first..first + count).flat_map(|value| [value; IMAGE_LEN]));
    file
}

pub fn image_header(count: u32, height: u32, width: u32) -> Vec<u8> {
    [0x803, count, height, width].map(u32::to_be_bytes).concat()
}

pub fn labels(labels: &[u8]) -> Vec<u8> {
    let count = u32::try_from(labels.len()).unwrap();
    [&[0, 0, 8, 1], &count.to_be_bytes()[..], labels].concat()
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub fn sha256(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

/// Ten different images, one of each class: six in the training files, four in the test files.
pub fn ten_images() -> [Vec<u8>; 4] {
    [
        images(6, 10),
        labels(&[0, 1, 2, 3, 4, 5]),
        images(4, 16),
        labels(&[6, 7, 8, 9]),
    ]
}

pub fn write_gzipped(dir: &Path, files: &[Vec<u8>; 4]) {
    for (stem, content) in FILE_STEMS.iter().zip(files) {
        fs::write(dir.join(format!("{stem}.gz")), gzip(content)).unwrap();
    }
}

pub enum Reply {
    /// The whole body.
    Body(Vec<u8>),
    /// This body, under a header that promises more bytes.
    CutShort(Vec<u8>),
    /// Zeros until the client hangs up, of undeclared length.
    Endless,
}

/// Serves `replies` by file name, 404 for any other, until the process ends. Returns the URL to use
/// as a mirror, and the number of requests so far.
pub fn serve(replies: HashMap<String, Reply>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let count = requests.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            // An error is a client that hung up, which some tests make it do.
            let _ = answer(&stream.unwrap(), &replies);
        }
    });
    (url, requests)
}

fn answer(mut stream: &TcpStream, replies: &HashMap<String, Reply>) -> io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().unwrap()?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap();
    let (status, length, body): (_, _, Box<dyn Read>) = match replies.get(&path[1..]) {
        None => ("404 Not Found", Some(0), Box::new(io::empty())),
        Some(Reply::Body(body)) => ("200 OK", Some(body.len()), Box::new(&body[..])),
        Some(Reply::CutShort(body)) => ("200 OK", Some(body.len() + 1000), Box::new(&body[..])),
        Some(Reply::Endless) => ("200 OK", None, Box::new(io::repeat(0))),
    };
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n")?;
    if let Some(length) = length {
        write!(stream, "Content-Length: {length}\r\n")?;
    }
    write!(stream, "\r\n")?;
    io::copy(&mut { body }, &mut stream)?;
    Ok(())
}

/// Replies that serve `files` gzip'd, under their official names.
pub fn gzipped_replies(files: &[Vec<u8>; 4]) -> HashMap<String, Reply> {
    let name = |stem: &&str| format!("{stem}.gz");
    let bodies = files.iter().map(|content| Reply::Body(gzip(content)));
    FILE_STEMS.iter().map(name).zip(bodies).collect()
}

/// The URL of a port that refuses connections: bound once, so that it is free, and let go.
pub fn refused() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

/// Sources that know `files` by checksum, with a cache inside `dir` and no other directory.
pub fn sources(dir: &Path, files: &[Vec<u8>; 4], mirrors: &[&str]) -> Sources {
    Sources {
        cache_dir: Some(dir.join("cache")),
        system_dir: dir.join("system"),
        mirrors: mirrors.iter().map(ToString::to_string).collect(),
        checksums: files.each_ref().map(|content| sha256(content)),
    }
}
