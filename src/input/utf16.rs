//! UTF-16 with a byte-order mark, as PowerShell's `>` writes it. Becomes UTF-8; what is broken becomes U+FFFD, and a text
//! that ends in the middle of two bytes is told as cut.

use std::io::{self, Read};
use std::ops::ControlFlow;

use super::walk::{Container, Entry, Still, Walk};

/// UTF-16 text.
pub(super) struct Utf16;

impl Container for Utf16 {
    fn name(&self) -> &'static str {
        "utf-16"
    }

    fn recognises(&self, head: &[u8]) -> bool {
        head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff])
    }

    fn open(&self, entry: Entry<'_>, walk: &mut Walk<'_>) -> ControlFlow<()> {
        let mut reader = Still(Decoder::new(entry.reader));
        // It is text by its mark: binary files begin so too rarely to look twice.
        walk.enter(Entry { reader: &mut reader, file: None, named: true, ..entry })
    }
}

/// Units read at a time.
const INPUT_BYTES: usize = 64 << 10;

struct Decoder<R> {
    reader: R,
    input: Vec<u8>,
    /// An odd byte left of the last read.
    odd: Option<u8>,
    big_endian: Option<bool>,
    /// First half of a surrogate pair.
    high: Option<u16>,
    output: Vec<u8>,
    at: usize,
    error: Option<io::Error>,
    ended: bool,
}

impl<R: Read> Decoder<R> {
    fn new(reader: R) -> Decoder<R> {
        Decoder {
            reader,
            input: vec![0; INPUT_BYTES],
            odd: None,
            big_endian: None,
            high: None,
            output: Vec::new(),
            at: 0,
            error: None,
            ended: false,
        }
    }

    fn refill(&mut self) {
        self.output.clear();
        self.at = 0;
        match self.reader.read(&mut self.input) {
            Ok(0) => {
                self.ended = true;
                let odd = self.odd.take().is_some();
                if self.high.take().is_some() || odd {
                    self.push(char::REPLACEMENT_CHARACTER);
                }
                if odd {
                    let said = "the UTF-16 text ends inside a character";
                    self.error = Some(io::Error::new(io::ErrorKind::UnexpectedEof, said));
                }
            }
            Ok(got) => {
                for at in 0..got {
                    let byte = self.input[at];
                    match self.odd.take() {
                        None => self.odd = Some(byte),
                        Some(first) => self.unit([first, byte]),
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.error = Some(error);
                self.ended = true;
            }
        }
    }

    fn unit(&mut self, bytes: [u8; 2]) {
        let Some(big_endian) = self.big_endian else {
            self.big_endian = Some(bytes == [0xfe, 0xff]);
            return;
        };
        let unit = if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
        match (self.high.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                let code = 0x10000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(unit) - 0xdc00);
                self.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            (lone, unit) => {
                if lone.is_some() {
                    self.push(char::REPLACEMENT_CHARACTER);
                }
                if (0xd800..0xdc00).contains(&unit) {
                    self.high = Some(unit);
                } else {
                    self.push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
            }
        }
    }

    fn push(&mut self, c: char) {
        self.output.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.output.len() && !self.ended {
            self.refill();
        }
        let mut left = &self.output[self.at..];
        let got = left.read(out)?;
        self.at += got;
        // Told once, behind all that was decoded.
        match self.error.take() {
            Some(error) if got == 0 && !out.is_empty() => Err(error),
            kept => {
                self.error = kept;
                Ok(got)
            }
        }
    }
}
