//! What the proxies of the pods log, read side by side.
//!
//! A log that ends is an input of its own, in the order of the pods, so that the result does not depend on who answers
//! first; a few are fetched ahead. Logs that are followed have no end: their lines come as they come, each with the
//! name of its pod before it.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use meshwhy::input::{Input, Stream};

use super::{Ask, Pod, said};

const PIECE_BYTES: usize = 64 << 10;

/// Pieces fetched ahead of the reading, for each pod: 4 MiB.
const AHEAD: usize = 64;

/// Bytes of an error message that are kept.
const MESSAGE_BYTES: u64 = 8 << 10;

/// Longest line that waits for its end before its pod's name is put before it.
const LINE_BYTES: usize = 1 << 20;

type Piece = io::Result<Vec<u8>>;

/// The pods' logs, as they are now.
pub(crate) fn logs(ask: &Ask, pods: &[Pod]) -> Vec<Input> {
    let (mut inputs, mut work) = (Vec::new(), Vec::new());
    for pod in pods {
        let (sender, pieces) = sync_channel(AHEAD);
        work.push((command(ask, pod, false), sender));
        inputs.push(stream(pod.source(), pieces));
    }
    // Taken from the front: whoever is read next is always under way.
    let work = Arc::new(Mutex::new(work.into_iter()));
    for _ in 0..ask.at_once.clamp(1, pods.len().max(1)) {
        let work = Arc::clone(&work);
        thread::spawn(move || {
            loop {
                let next = work.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((mut command, sender)) = next else { return };
                fetch(&mut command, |piece| sender.send(piece).is_ok());
            }
        });
    }
    inputs
}

/// The pods' logs as one stream without an end, each line behind the name of its pod.
pub(crate) fn following(ask: &Ask, pods: &[Pod]) -> Input {
    let (sender, pieces) = sync_channel(AHEAD);
    for pod in pods {
        let (mut command, name, sender) = (command(ask, pod, true), pod.source(), sender.clone());
        thread::spawn(move || follow(&mut command, &name, &sender));
    }
    stream("kubectl".to_owned(), pieces)
}

fn stream(name: String, pieces: Receiver<Piece>) -> Input {
    let pieces = Mutex::new(Some(pieces));
    Input::Stream(Stream::new(name, move || {
        let pieces = pieces.lock().unwrap_or_else(PoisonError::into_inner).take();
        let pieces = pieces.ok_or_else(|| io::Error::other("it was read already"))?;
        Ok(Box::new(Fetched { pieces, piece: Vec::new(), at: 0 }))
    }))
}

fn command(ask: &Ask, pod: &Pod, follow: bool) -> Command {
    let mut command = ask.kubectl();
    command.args(["logs", &pod.name, "-n", &pod.namespace, "-c", &pod.container]).args(&ask.logs);
    if follow {
        command.arg("--follow");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command, and passes on what it prints, then why it failed. Ends it when nobody wants more.
fn fetch(command: &mut Command, mut pass: impl FnMut(Piece) -> bool) {
    let mut child = match command.spawn() {
        Ok(child) => Ended(child),
        Err(cause) => {
            pass(Err(cause));
            return;
        }
    };
    let (Some(mut out), Some(err)) = (child.0.stdout.take(), child.0.stderr.take()) else { return };
    let complaint = thread::spawn(move || {
        let (mut err, mut text) = (err, Vec::new());
        // What follows is read as well, for a full pipe would stop the program.
        let _ = err.by_ref().take(MESSAGE_BYTES).read_to_end(&mut text);
        let _ = io::copy(&mut err, &mut io::sink());
        text
    });
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        match out.read(&mut piece) {
            Ok(0) => break,
            Ok(len) => {
                piece.truncate(len);
                if !pass(Ok(piece)) {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                pass(Err(error));
                return;
            }
        }
    }
    match child.0.wait() {
        Ok(status) if !status.success() => {
            pass(Err(said(&complaint.join().unwrap_or_default(), status)));
        }
        Ok(_) => {}
        Err(error) => {
            pass(Err(error));
        }
    }
}

fn follow(command: &mut Command, name: &str, sender: &SyncSender<Piece>) {
    let mut labels = Labels { prefix: format!("[{name}] ").into_bytes(), rest: Vec::new() };
    fetch(command, |piece| {
        let labelled = match piece {
            Ok(bytes) => labels.put_on(&bytes),
            Err(error) => {
                complain(name, &error);
                Vec::new()
            }
        };
        labelled.is_empty() || sender.send(Ok(labelled)).is_ok()
    });
    let rest = labels.rest();
    if !rest.is_empty() {
        // The reader may be gone; then nobody misses it.
        let _ = sender.send(Ok(rest));
    }
}

/// Puts the name of the pod before each line.
struct Labels {
    prefix: Vec<u8>,
    /// A line whose end has not come yet.
    rest: Vec<u8>,
}

impl Labels {
    fn put_on(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.rest.extend_from_slice(bytes);
        let whole = match memchr::memrchr(b'\n', &self.rest) {
            Some(end) => end + 1,
            None if self.rest.len() >= LINE_BYTES => self.rest.len(),
            None => return Vec::new(),
        };
        let mut out = Vec::with_capacity(whole + whole / 8);
        for line in self.rest[..whole].split_inclusive(|b| *b == b'\n') {
            out.extend_from_slice(&self.prefix);
            out.extend_from_slice(line);
        }
        self.rest.drain(..whole);
        out
    }

    /// The last line, which no newline ended.
    fn rest(&mut self) -> Vec<u8> {
        if self.rest.is_empty() {
            return Vec::new();
        }
        self.rest.push(b'\n');
        self.put_on(&[])
    }
}

/// One pod that fails must not end the others: that is said at once, and the lines go on.
fn complain(name: &str, error: &io::Error) {
    let text = meshwhy::report::escape::terminal(format!("{name}: {error}").as_bytes());
    // Nothing can be done when standard error is gone.
    let _ = writeln!(io::stderr(), "meshwhy: {text}");
}

/// A child that does not outlive us.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The reading end.
struct Fetched {
    pieces: Receiver<Piece>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Fetched {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at >= self.piece.len() {
            match self.pieces.recv() {
                Ok(piece) => (self.piece, self.at) = (piece?, 0),
                Err(_) => return Ok(0),
            }
        }
        let got = (&self.piece[self.at..]).read(out)?;
        self.at += got;
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_labelled_once_wherever_the_pieces_end() {
        let whole = b"one\ntwo\n\nlast";
        for cut in 0..whole.len() {
            let mut labels = Labels { prefix: b"[p] ".to_vec(), rest: Vec::new() };
            let mut out = labels.put_on(&whole[..cut]);
            out.extend(labels.put_on(&whole[cut..]));
            out.extend(labels.rest());
            assert_eq!(out, b"[p] one\n[p] two\n[p] \n[p] last\n", "{cut}");
        }
    }
}
