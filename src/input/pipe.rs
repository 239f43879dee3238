//! A pipe that may dribble.
//!
//! A thread of its own does the reading, so that somebody can notice that nothing comes for a while, and an interrupt
//! need not wait for the writer. The thread ends with the pipe; a reader that goes away early leaves it behind.

use std::io::{self, Read};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::{Duration, Instant};

use super::walk::Bytes;

/// One read: Linux gives at most so much at once from a pipe of default size.
const PIECE_BYTES: usize = 64 << 10;

/// Pieces read ahead.
const PIECES: usize = 16;

/// How long a line may lie around before it is handed on, also while more keeps dribbling in: below what a person
/// notices.
const PATIENCE: Duration = Duration::from_millis(50);

struct Piece {
    bytes: Vec<u8>,
    len: usize,
}

/// The reading end.
pub struct Pipe<'s> {
    pieces: Receiver<io::Result<Piece>>,
    empty: Sender<Vec<u8>>,
    piece: Piece,
    at: usize,
    error: Option<io::Error>,
    ended: bool,
    /// When it was last said that nothing more is to be had for now: what lay around then was handed on.
    handed_on: Instant,
    stop: &'s (dyn Fn() -> bool + Sync),
}

impl<'s> Pipe<'s> {
    /// Starts reading. `stop` is asked while nothing comes, and ends the stream.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn new<R: Read + Send + 'static>(
        reader: R,
        stop: &'s (dyn Fn() -> bool + Sync),
    ) -> io::Result<Pipe<'s>> {
        let (full, pieces) = mpsc::sync_channel(PIECES);
        let (empty, used) = mpsc::channel();
        std::thread::Builder::new().name("pipe".to_owned()).spawn(move || pump(reader, &full, &used))?;
        let piece = Piece { bytes: Vec::new(), len: 0 };
        Ok(Pipe { pieces, empty, piece, at: 0, error: None, ended: false, handed_on: Instant::now(), stop })
    }

    fn take(&mut self, piece: io::Result<Piece>) {
        match piece {
            Ok(piece) => {
                self.at = 0;
                let used = std::mem::replace(&mut self.piece, piece);
                // The other end may be gone; then nobody needs the buffer.
                drop(self.empty.send(used.bytes));
            }
            Err(error) => self.error = Some(error),
        }
    }

    fn is_drained(&self) -> bool {
        self.at >= self.piece.len && self.error.is_none() && !self.ended
    }
}

fn pump(mut reader: impl Read, full: &SyncSender<io::Result<Piece>>, used: &Receiver<Vec<u8>>) {
    loop {
        let mut bytes = used.try_recv().unwrap_or_default();
        bytes.resize(PIECE_BYTES, 0);
        let piece = match reader.read(&mut bytes) {
            Ok(0) => return,
            Ok(len) => Ok(Piece { bytes, len }),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = piece.is_err();
        if full.send(piece).is_err() || failed {
            return;
        }
    }
}

impl Bytes for Pipe<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.is_drained() {
            match self.pieces.recv_timeout(PATIENCE) {
                Ok(piece) => self.take(piece),
                Err(RecvTimeoutError::Timeout) => self.ended = (self.stop)(),
                Err(RecvTimeoutError::Disconnected) => self.ended = true,
            }
        }
        if let Some(error) = self.error.take() {
            self.ended = true;
            return Err(error);
        }
        let got = self.piece.bytes.get(self.at..self.piece.len).map_or(Ok(0), |mut left| left.read(out))?;
        self.at += got;
        Ok(got)
    }

    fn waits(&mut self) -> bool {
        if !self.is_drained() {
            return false;
        }
        // Where nothing was handed on for a while, what has just come need not wait at all.
        match self.pieces.recv_timeout(PATIENCE.saturating_sub(self.handed_on.elapsed())) {
            Ok(piece) => self.take(piece),
            Err(RecvTimeoutError::Timeout) => {
                self.handed_on = Instant::now();
                return true;
            }
            Err(RecvTimeoutError::Disconnected) => self.ended = true,
        }
        false
    }
}
