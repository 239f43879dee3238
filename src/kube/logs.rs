//! What the proxies of the pods log, read side by side.
//!
//! A log that ends is an input of its own, in the order of the pods, so that the result does not depend on who answers
//! first; a few are fetched ahead, and one that falls silent is given up, so that it does not keep the others waiting.
//! Logs that are followed have no end: their lines come as they come, each with the name of its pod before it.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use meshwhy::input::{Input, Stream};

use super::{Ask, Pod, said};

const PIECE_BYTES: usize = 64 << 10;

/// Pieces fetched ahead of the reading, for each pod: 4 MiB.
const AHEAD: usize = 64;

/// Bytes of an error message that are kept.
const MESSAGE_BYTES: u64 = 8 << 10;

/// Longest line that waits for its end before its pod's name is put before it.
const LINE_BYTES: usize = 1 << 20;

/// So long a log that has an end may say nothing: a node that does not answer says nothing at all, one that looks for
/// the first line of `--since` in a large file says nothing for seconds.
const SILENCE: Duration = Duration::from_secs(30);

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
                fetch(&mut command, Some(SILENCE), |piece| sender.send(piece).is_ok());
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

/// Runs a command, and passes on what it prints, then why it failed. Ends it when nobody wants more, or when it was
/// silent for so long.
fn fetch(command: &mut Command, silence: Option<Duration>, mut pass: impl FnMut(Piece) -> bool) {
    let mut child = match command.spawn() {
        Ok(child) => Ended(child),
        Err(cause) => {
            pass(Err(cause));
            return;
        }
    };
    let (Some(out), Some(err)) = (child.0.stdout.take(), child.0.stderr.take()) else { return };
    let complaint = thread::spawn(move || {
        let (mut err, mut text) = (err, Vec::new());
        // What follows is read as well, for a full pipe would stop the program.
        let _ = err.by_ref().take(MESSAGE_BYTES).read_to_end(&mut text);
        let _ = io::copy(&mut err, &mut io::sink());
        text
    });
    let (heard, pieces) = sync_channel(1);
    thread::spawn(move || listen(out, &heard));
    loop {
        let piece = match silence {
            Some(most) => pieces.recv_timeout(most),
            None => pieces.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let piece = match piece {
            Ok(piece) => piece,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let waited = silence.unwrap_or_default().as_secs_f64();
                Err(io::Error::other(format!("nothing came for {waited} s, so it was given up")))
            }
        };
        let last = piece.is_err();
        if !pass(piece) || last {
            return;
        }
    }
    match child.0.wait() {
        Ok(status) if !status.success() && !is_interrupted(status) => {
            pass(Err(said(&complaint.join().unwrap_or_default(), status)));
        }
        Ok(_) => {}
        Err(error) => {
            pass(Err(error));
        }
    }
}

/// Reads until the end, or until nobody listens.
fn listen(mut out: impl Read, heard: &SyncSender<Piece>) {
    loop {
        let mut bytes = vec![0; PIECE_BYTES];
        let piece = match out.read(&mut bytes) {
            Ok(0) => return,
            Ok(len) => {
                bytes.truncate(len);
                Ok(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        if heard.send(piece).is_err() {
            return;
        }
    }
}

/// Ctrl-C at a terminal ends what we started, too: that is no failure of the pod.
#[cfg(unix)]
fn is_interrupted(status: ExitStatus) -> bool {
    const SIGINT: i32 = 2;
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(SIGINT)
}

#[cfg(not(unix))]
fn is_interrupted(_: ExitStatus) -> bool {
    false
}

fn follow(command: &mut Command, name: &str, sender: &SyncSender<Piece>) {
    let mut labels = Labels { prefix: format!("[{name}] ").into_bytes(), rest: Vec::new() };
    fetch(command, None, |piece| {
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

    #[cfg(unix)]
    #[test]
    fn what_falls_silent_is_given_up() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; sleep 60; echo two"]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let begun = std::time::Instant::now();
        let mut pieces = Vec::new();
        fetch(&mut command, Some(Duration::from_millis(300)), |piece| {
            pieces.push(piece.map_err(|error| error.to_string()));
            true
        });
        assert!(begun.elapsed() < Duration::from_secs(30));
        let given_up = "nothing came for 0.3 s, so it was given up".to_owned();
        assert_eq!(pieces, [Ok(b"one\n".to_vec()), Err(given_up)]);
    }

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
