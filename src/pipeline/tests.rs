//! Every way in gives the same lines: container × block size × threads, one expected answer.

mod again;

use std::fs;
use std::io::Write;
use std::path::Path;

use super::*;
use crate::frame::{LONG_LINE_HEAD, MAX_LINE_BYTES};
use crate::record::Reason;

/// One line as it was seen: source, line, offset, bytes.
type Row = (String, u64, u64, Vec<u8>, bool);

struct Rows<const NUMBERED: bool>(Vec<Row>);

impl<const NUMBERED: bool> Fold for Rows<NUMBERED> {
    const NUMBERED: bool = NUMBERED;

    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        let too_long = matches!(seen, Seen::Reject(reject) if reject.reason == Reason::TooLong);
        self.0.push((place.name.to_owned(), place.line, place.offset, place.raw.to_vec(), too_long));
    }
}

fn rows<const NUMBERED: bool>(inputs: &[Input], block_bytes: usize, threads: usize) -> (Vec<Row>, Outcome) {
    let options = Options { block_bytes, threads, ..Options::default() };
    let mut all = Vec::new();
    let reader = Reader::new();
    let outcome = run(
        inputs,
        &reader,
        || Rows::<NUMBERED>(Vec::new()),
        &options,
        None,
        |part| {
            assert_eq!(part.lines as usize, part.fold.0.len());
            assert!(!NUMBERED || part.first_line == 0);
            all.extend(part.fold.0.into_iter().map(|mut row| {
                row.1 += part.first_line;
                row
            }));
            Ok(())
        },
    );
    (all, outcome.unwrap())
}

/// The lines of a text, found in the plainest way there is.
fn expected(name: &str, text: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive(|b| *b == b'\n') {
        let bare = line.strip_suffix(b"\n").unwrap_or(line);
        let too_long = bare.len() > MAX_LINE_BYTES;
        let kept = if too_long { &bare[..LONG_LINE_HEAD] } else { bare };
        rows.push((name.to_owned(), rows.len() as u64 + 1, offset, kept.to_vec(), too_long));
        offset += line.len() as u64;
    }
    rows
}

fn sample(lines: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for n in 0..lines {
        match n % 7 {
            0 => text.extend_from_slice(b"\n"),
            1 => writeln!(text, "{}", "x".repeat(n * 3 % 200)).unwrap(),
            2 => text.extend_from_slice(b"nul \0 and \xff bytes\r\n"),
            _ => writeln!(text, "[2026-01-02T03:04:05.678Z] \"GET /{n} HTTP/1.1\" 200 -").unwrap(),
        }
    }
    text.extend_from_slice(b"the last line has no end");
    text
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, ::zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn bytes(name: &str, bytes: Vec<u8>) -> Input {
    Input::Bytes { name: name.to_owned(), bytes }
}

/// Reads the inputs in every way and checks that each gives these rows.
fn check(inputs: &[Input], expected: &[Row], sizes: &[usize]) {
    for &size in sizes {
        for threads in [1, 2, 4] {
            let (numbered, outcome) = rows::<true>(inputs, size, threads);
            assert!(numbered == expected, "numbered, block size {size}, {threads} threads");
            assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
            let (relative, outcome) = rows::<false>(inputs, size, threads);
            assert!(relative == expected, "relative, block size {size}, {threads} threads");
            assert_eq!(outcome.sources.iter().map(|s| s.lines).sum::<u64>(), expected.len() as u64);
        }
    }
}

const SIZES: &[usize] = &[1, 7, 64, 777, 64 << 10];

#[test]
fn every_container_gives_the_same_lines() {
    let text = sample(300);
    let dir = tempfile::tempdir().unwrap();
    let half = text.len() / 2;
    let members = [gzip(&text[..half]), gzip(&text[half..])].concat();
    let zstd = ::zstd::encode_all(&text[..], 1).unwrap();
    let ways: [(&str, Vec<u8>, &str); 8] = [
        ("plain", text.clone(), ""),
        ("gz", gzip(&text), ""),
        ("members", members, ""),
        ("zst", zstd, ""),
        ("nested", gzip(&gzip(&text)), ""),
        ("tar", tar(&[("./a/b.log", &text)]), "!a/b.log"),
        ("tar.gz", gzip(&tar(&[("a/b.log", &text)])), "!a/b.log"),
        ("zip", zip(&[("a/b.log", &text)]), "!a/b.log"),
    ];
    // The sample holds NUL bytes, and members of archives are only read when they hold text.
    for (way, packed, inside) in ways {
        let named = inside.is_empty();
        let text: Vec<u8> = text.iter().map(|b| if *b == 0 && !named { b'0' } else { *b }).collect();
        let packed = match way {
            "tar" => tar(&[("./a/b.log", &text)]),
            "tar.gz" => gzip(&tar(&[("a/b.log", &text)])),
            "zip" => zip(&[("a/b.log", &text)]),
            _ => packed,
        };
        let path = dir.path().join(way);
        fs::write(&path, &packed).unwrap();
        let name = path.display().to_string();
        check(&[Input::Path(path)], &expected(&format!("{name}{inside}"), &text), SIZES);
        check(&[bytes("mem", packed)], &expected(&format!("mem{inside}"), &text), SIZES);
    }
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_read_as_it_comes() {
    let text = sample(100);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    for threads in [1, 2] {
        let (written, to) = (text.clone(), path.clone());
        let writer = std::thread::spawn(move || {
            let mut pipe = fs::OpenOptions::new().write(true).open(to).unwrap();
            for piece in written.chunks(613) {
                pipe.write_all(piece).unwrap();
            }
        });
        let (got, _) = rows::<true>(&[Input::Path(path.clone())], 777, threads);
        writer.join().unwrap();
        assert!(got == expected(&path.display().to_string(), &text));
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_that_dribbles_is_folded_as_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    for threads in [1, 2] {
        let (seen, was_seen) = std::sync::mpsc::channel();
        let to = path.clone();
        let writer = std::thread::spawn(move || {
            let mut pipe = fs::OpenOptions::new().write(true).open(to).unwrap();
            for n in 0..3 {
                writeln!(pipe, "line {n}").unwrap();
                // The next line is written only when this one has come out at the other end.
                was_seen.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
            }
        });
        let options = Options { threads, ..Options::default() };
        let mut parts = 0;
        run(
            &[Input::Path(path.clone())],
            &Reader::new(),
            || Rows::<false>(Vec::new()),
            &options,
            None,
            |part| {
                parts += part.lines;
                seen.send(()).unwrap();
                Ok(())
            },
        )
        .unwrap();
        writer.join().unwrap();
        assert_eq!(parts, 3);
    }
}

#[test]
fn several_files_come_in_order_whatever_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut inputs = Vec::new();
    let mut all = Vec::new();
    for n in 0..9 {
        let text: Vec<u8> = sample(40 + n * 31).into_iter().filter(|b| *b != 0).collect();
        let path = dir.path().join(format!("{n}.log"));
        let name = path.display().to_string();
        match n % 4 {
            0 => fs::write(&path, &text).unwrap(),
            3 => fs::write(&path, gzip(&tar(&[("x", &text), ("y", &text)]))).unwrap(),
            _ => fs::write(&path, gzip(&text)).unwrap(),
        }
        inputs.push(Input::Path(path));
        if n % 4 == 3 {
            all.extend(expected(&format!("{name}!x"), &text));
            all.extend(expected(&format!("{name}!y"), &text));
        } else {
            all.extend(expected(&name, &text));
        }
    }
    check(&inputs, &all, &[7, 777, 64 << 10]);
    // The directory says the same as its files in order.
    check(&[Input::Path(dir.path().to_owned())], &all, &[777]);
}

#[test]
fn a_line_above_the_limit_is_a_reject_and_reading_goes_on() {
    let mut text = b"before\n".to_vec();
    for over in [0, 1, MAX_LINE_BYTES, 5] {
        text.resize(text.len() + MAX_LINE_BYTES + over, b'l');
        text.extend_from_slice(b"\nbetween\n");
    }
    text.resize(text.len() + MAX_LINE_BYTES * 2, b'e');
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long");
    fs::write(&path, &text).unwrap();
    let rows = expected(&path.display().to_string(), &text);
    assert_eq!(rows.iter().filter(|row| row.4).count(), 4);
    check(&[Input::Path(path)], &rows, &[64 << 10, 1 << 20, 3_000_001]);
    check(&[bytes("m", gzip(&text))], &expected("m", &text), &[64 << 10, 1 << 20, 3_000_001]);
}

#[test]
fn a_truncated_gzip_gives_what_it_held_and_says_where_it_ends() {
    let text = sample(20_000);
    let whole = gzip(&text);
    let cut = &whole[..whole.len() / 2];
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.gz");
    fs::write(&path, cut).unwrap();
    for inputs in [
        vec![Input::Path(path.clone()), bytes("next", b"more\n".to_vec())],
        // Two compressed files in a row: each is one task.
        vec![
            Input::Path(path.clone()),
            Input::Path({
                let other = dir.path().join("whole.gz");
                fs::write(&other, gzip(b"more\n")).unwrap();
                other
            }),
        ],
    ] {
        for threads in [1, 2] {
            let (got, outcome) = rows::<false>(&inputs, 4096, threads);
            assert_eq!(outcome.failures.len(), 1);
            let crate::ErrorKind::Read { source, offset, .. } = outcome.failures[0].kind() else { panic!() };
            assert_eq!(*source, path.display().to_string());
            let read = *offset as usize;
            assert!(read > 1000 && read < text.len());
            assert_eq!(outcome.sources[0].bytes, *offset);
            let mut all = expected(source, &text[..read]);
            all.push((outcome.sources[1].name.clone(), 1, 0, b"more".to_vec(), false));
            assert!(got == all);
        }
    }
}

#[test]
fn what_follows_a_gzip_is_padding_or_an_error() {
    let padded = [gzip(b"one\n"), vec![0; 5000]].concat();
    let (got, outcome) = rows::<true>(&[bytes("p", padded)], 64, 1);
    assert_eq!((got.len(), outcome.failures.len()), (1, 0));
    let garbage = [gzip(b"one\n"), b"garbage".to_vec()].concat();
    let (got, outcome) = rows::<true>(&[bytes("g", garbage)], 64, 1);
    assert_eq!((got.len(), outcome.failures.len()), (1, 1));
    assert_eq!(outcome.failures[0].to_string(), "g: at byte 4: garbage after the gzip data");
}

#[test]
fn a_broken_member_does_not_hide_its_neighbours() {
    let text: Vec<u8> = sample(5000).into_iter().filter(|b| *b != 0).collect();
    let broken = gzip(&text);
    let files: &[(&str, &[u8])] = &[("a", b"a\n"), ("b.gz", &broken[..broken.len() / 2]), ("c", b"c\n")];
    for (packed, inside) in [(tar(files), "b.gz"), (zip(files), "b.gz")] {
        let (got, outcome) = rows::<true>(&[bytes("x", packed)], 4096, 2);
        assert_eq!(got.first().unwrap().0, "x!a");
        assert_eq!(got.last().unwrap().0, "x!c");
        assert_eq!(outcome.failures.len(), 1);
        assert!(outcome.failures[0].to_string().starts_with(&format!("x!{inside}: at byte ")));
    }
    // The archive itself ends inside its last file: told once, by that file's name.
    let archive = tar(&[("a", b"a\n"), ("b", &[b'b'; 9000])]);
    let (got, outcome) = rows::<true>(&[bytes("x", archive[..4000].to_vec())], 4096, 2);
    assert_eq!(got.len(), 2);
    assert_eq!(outcome.failures.len(), 1);
    assert!(outcome.failures[0].to_string().starts_with("x!b: at byte "), "{}", outcome.failures[0]);
}

#[test]
fn limits_are_told_and_hold() {
    let mut nested = b"deep\n".to_vec();
    for _ in 0..6 {
        nested = gzip(&nested);
    }
    let (got, outcome) = rows::<true>(&[bytes("n", nested)], 64, 1);
    assert!(got.is_empty());
    assert_eq!(outcome.failures[0].to_string(), "n: at byte 0: more than 4 containers inside each other");
    let many: Vec<(String, &[u8])> = (0..20).map(|n| (format!("{n}"), b"x\n".as_slice())).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    let limits = Limits { entries: 5, ..Limits::default() };
    for packed in [tar(&many), zip(&many)] {
        let options = Options { threads: 1, limits, ..Options::default() };
        let mut lines = 0;
        let inputs = [bytes("m", packed)];
        let outcome = run(
            &inputs,
            &Reader::new(),
            || Rows::<true>(Vec::new()),
            &options,
            None,
            |part| {
                lines += part.lines;
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(lines, 5);
        assert_eq!(outcome.failures.len(), 1);
    }
}

#[cfg(unix)]
#[test]
fn directories_are_walked_once() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir(root.join("sub")).unwrap();
    fs::write(root.join("a.log"), "a\n").unwrap();
    fs::write(root.join("sub/b.log"), "b\n").unwrap();
    fs::write(root.join("sub/image"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR").unwrap();
    fs::hard_link(root.join("a.log"), root.join("sub/same.log")).unwrap();
    symlink(root, root.join("sub/loop")).unwrap();
    symlink(root.join("self"), root.join("self")).unwrap();
    symlink(root.join("sub/b.log"), root.join("z.log")).unwrap();
    let (got, outcome) = rows::<true>(&[Input::Path(root.to_owned())], 64, 2);
    assert_eq!(got.iter().map(|row| row.3.as_slice()).collect::<Vec<_>>(), [b"a", b"b"]);
    assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
    assert_eq!(outcome.skipped, 1);
    // Named by the user, even a picture is read.
    let (got, outcome) = rows::<true>(&[Input::Path(root.join("sub/image"))], 64, 2);
    assert_eq!((got.len(), outcome.skipped), (3, 0));
}

#[test]
fn a_missing_file_is_told_and_the_rest_is_read() {
    let missing = Path::new("/nonexistent/access.log");
    for threads in [1, 2] {
        let inputs =
            [bytes("a", b"a\n".to_vec()), Input::Path(missing.to_owned()), bytes("b", b"b\n".to_vec())];
        let (got, outcome) = rows::<true>(&inputs, 64, threads);
        assert_eq!(got.len(), 2);
        assert_eq!(outcome.failures.len(), 1);
        assert!(outcome.failures[0].to_string().starts_with("/nonexistent/access.log: at byte 0: "));
    }
}

#[test]
fn empty_inputs_have_no_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("empty");
    fs::write(&path, "").unwrap();
    for input in [Input::Path(path), bytes("e", Vec::new()), bytes("z", gzip(b""))] {
        check(&[input], &[], &[1, 64]);
    }
}

#[test]
fn byte_order_marks_are_no_part_of_the_text() {
    let utf8 = b"\xef\xbb\xbfone\ntwo\n".to_vec();
    let rows =
        [("m".to_owned(), 1, 3, b"one".to_vec(), false), ("m".to_owned(), 2, 7, b"two".to_vec(), false)];
    check(&[bytes("m", utf8.clone())], &rows, SIZES);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bom");
    fs::write(&path, utf8).unwrap();
    let name = path.display().to_string();
    check(&[Input::Path(path)], &rows.map(|row| (name.clone(), row.1, row.2, row.3, row.4)), SIZES);
    let text = "one \u{e9}\u{1f600}\r\ntwo";
    for little in [true, false] {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        let wide = units.flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() }).collect();
        check(&[bytes("w", wide)], &expected("w", text.as_bytes()), SIZES);
    }
}

#[test]
fn documents_are_taken_apart() {
    let loki = r#"{"status":"success","data":{"resultType":"streams","result":[
      {"stream":{"app":"web","x":"]}"},"values":[["1","line \"one\" \\"],["2","two",{"trace":"1"}]]},
      {"stream":{"app":"api"},"values":[["3","three"]]}],"stats":{"a":[1,{"b":2}]}}}"#;
    let lines = [
        r#"{"labels":{"app":"web","x":"]}"},"line":"line \"one\" \\","timestamp":"1"}"#,
        r#"{"labels":{"app":"web","x":"]}"},"line":"two","timestamp":"2"}"#,
        r#"{"labels":{"app":"api"},"line":"three","timestamp":"3"}"#,
    ];
    taken_apart(loki, &lines);
    taken_apart(&loki.replace('\n', ""), &lines);
    let lines = [r#"{"logStreamName":"s","message":"LINE"}"#, r#"{"message":"a,b {c","eventId":"36"}"#];
    let events =
        format!("{{\n  \"events\": [\n    {},\n {}\n ],\n \"nextToken\": \"n\"\n}}\n", lines[0], lines[1]);
    taken_apart(&events, &lines);
    let pushed = format!(r#"{{"messageType":"DATA_MESSAGE","logEvents":[{},{}]}}"#, lines[0], lines[1]);
    taken_apart(&pushed, &lines);
    taken_apart(&pushed.repeat(2), &[lines[0], lines[1], lines[0], lines[1]]);
    let hits = format!(r#"{{"took":1,"hits":{{"total":2,"hits":[{},{}]}}}}"#, lines[0], lines[1]);
    taken_apart(&hits, &lines);
    let array = format!("[\n  {},\r\n  {}\n]\n", lines[0], lines[1]);
    taken_apart(&array, &lines);
    // What is no document stays as it is: JSON lines, text, and what only begins like a document.
    for text in [
        "{\"a\":1}\n{\"b\":2}\n",
        "[2026-01-02T03:04:05.678Z] \"GET / HTTP/1.1\" 200 -\n",
        "{\"status\":\"success\",\"data\":{\"rows\":[]}}\n[x]\n",
        "{\n\"kind\": \"PodList\"\n}\n",
        "[",
        "{",
    ] {
        let lines: Vec<&str> = text.lines().collect();
        taken_apart(text, &lines);
    }
}

fn taken_apart(document: &str, lines: &[&str]) {
    for packed in [document.as_bytes().to_vec(), gzip(document.as_bytes())] {
        for size in [7, 64 << 10] {
            let (got, outcome) = rows::<true>(&[bytes("d", packed.clone())], size, 2);
            let got: Vec<_> = got.iter().map(|row| String::from_utf8_lossy(&row.3).into_owned()).collect();
            assert_eq!(got, lines, "{document}");
            assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
        }
    }
}

#[test]
fn a_truncated_document_gives_its_whole_entries() {
    let text = r#"{"events":[{"message":"one"},{"message":"two"#;
    let (got, outcome) = rows::<true>(&[bytes("d", text.into())], 64, 1);
    assert_eq!(got[0].3, br#"{"message":"one"}"#);
    assert_eq!(got.len(), 2);
    assert!(outcome.failures[0].to_string().ends_with("the JSON document ends before it is complete"));
}

#[test]
fn what_the_caller_refuses_ends_the_run() {
    for threads in [1, 2] {
        let options = Options { block_bytes: 64, threads, ..Options::default() };
        let inputs = [bytes("a", sample(500))];
        let result = run(
            &inputs,
            &Reader::new(),
            || Rows::<true>(Vec::new()),
            &options,
            None,
            |_| Err(crate::ErrorKind::Write(std::io::ErrorKind::BrokenPipe.into()).into()),
        );
        assert!(result.unwrap_err().is_broken_pipe());
    }
}

#[test]
fn an_interrupt_keeps_what_was_read() {
    for threads in [1, 2] {
        let progress = Progress::new();
        let options = Options { block_bytes: 64, threads, ..Options::default() };
        let inputs = [bytes("a", sample(5000)), bytes("b", sample(10))];
        let mut lines = 0;
        let outcome = run(
            &inputs,
            &Reader::new(),
            || Rows::<true>(Vec::new()),
            &options,
            Some(&progress),
            |part| {
                lines += part.lines;
                progress.stop.store(true, Ordering::Relaxed);
                Ok(())
            },
        )
        .unwrap();
        assert!(outcome.interrupted);
        assert_eq!(outcome.sources.len(), 1);
        assert_eq!(outcome.sources[0].lines, lines);
        assert!(lines > 0 && lines < 5000);
    }
}

/// A fold that gets heavy at once: compressed files folded as one task still come in several parts.
struct Heavy(Rows<true>);

impl Fold for Heavy {
    const NUMBERED: bool = true;

    fn see(&mut self, seen: &Seen<'_>, place: &Place<'_>) {
        self.0.see(seen, place);
    }

    fn weight(&self) -> usize {
        usize::MAX
    }
}

#[test]
fn a_heavy_fold_is_merged_early() {
    let dir = tempfile::tempdir().unwrap();
    let text: Vec<u8> = sample(2000).into_iter().filter(|b| *b != 0).collect();
    let mut all = Vec::new();
    let inputs = ["a.gz", "b.gz", "c.gz"].map(|name| {
        let path = dir.path().join(name);
        fs::write(&path, gzip(&text)).unwrap();
        all.extend(expected(&path.display().to_string(), &text));
        Input::Path(path)
    });
    let options = Options { block_bytes: 777, threads: 2, ..Options::default() };
    let (mut got, mut parts) = (Vec::new(), 0);
    let outcome = run(
        &inputs,
        &Reader::new(),
        || Heavy(Rows(Vec::new())),
        &options,
        None,
        |part| {
            got.extend(part.fold.0.0);
            parts += 1;
            Ok(())
        },
    );
    assert!(got == all);
    assert!(parts > 100);
    assert!(outcome.unwrap().sources.iter().all(|source| source.bytes == text.len() as u64));
}

/// Documents cut anywhere and with any byte broken end, and give the same lines for every block size.
#[test]
fn broken_documents_end() {
    let document =
        r#"{"data":{"result":[{"stream":{"a":"b\"]"},"values":[["1","x \\ y"],["2",null],3]}],"z":[[{}]]}}"#;
    let whole = document.as_bytes();
    for at in 0..whole.len() {
        for byte in *b"\"\\{}[],:x \n\xff" {
            let mut broken = whole.to_vec();
            broken[at] = byte;
            for text in [broken, whole[..at].to_vec()] {
                let inputs = [bytes("d", text)];
                assert!(rows::<true>(&inputs, 3, 1).0 == rows::<true>(&inputs, 4096, 1).0);
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_shrinks_while_it_is_read_is_told_and_what_is_left_is_folded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shrunk");
    fs::write(&path, "one\ntwo\nthr").unwrap();
    let (options, progress, reader) = (Options::default(), Progress::new(), Reader::new());
    let make = || Rows::<false>(Vec::new());
    let store = store::Store::new(make);
    let bench =
        task::Bench { reader: &reader, folds: &store, options: &options, progress: &progress, threads: 1 };
    let work =
        task::Work::Chunk { file: fs::File::open(&path).unwrap().into(), start: 0, end: 50, size: 100 };
    let (mut lines, mut failures) = (0, Vec::new());
    task::Task { source: 0, name: "shrunk".into(), work }.run(&bench, &mut |event| {
        match event {
            task::Event::Part { folded, .. } => lines += folded.lines,
            task::Event::Failed { error, .. } => failures.push(error.to_string()),
        }
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!(lines, 3);
    assert_eq!(failures, ["shrunk: at byte 11: the file became shorter while it was read"]);
}

#[test]
fn lines_that_a_runtime_cut_are_joined_across_blocks_and_streams() {
    let time = "2026-01-02T03:04:05.678901234Z";
    let mut text = format!("{time} stdout F first\n{time} stdout P one \n{time} stderr P other \n");
    text += &format!("{time} stdout P two \n{time} stdout F three\n{time} stdout F between P words\n");
    text += &format!("{time} stderr F side\n{time} stdout P never ended\n");
    let joined = [
        (1, "stdout F first"),
        (2, "stdout P one two three"),
        (6, "stdout F between P words"),
        (3, "stderr P other side"),
        (8, "stdout P never ended"),
    ];
    let starts: Vec<u64> = expected("", text.as_bytes()).iter().map(|row| row.2).collect();
    let rows = |name: String| {
        joined.map(|(line, rest)| {
            let bytes = format!("{time} {rest}").into_bytes();
            (name.clone(), line, starts[line as usize - 1], bytes, false)
        })
    };
    let dir = tempfile::tempdir().unwrap();
    let packed = gzip(text.as_bytes());
    let mut all = Vec::new();
    let paths = [("0.log", text.as_bytes()), ("1.gz", &packed), ("2.gz", &packed)].map(|(name, bytes)| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        all.extend(rows(path.display().to_string()));
        Input::Path(path)
    });
    check(&paths, &all, SIZES);
    check(&[bytes("m", text.into_bytes())], &rows("m".to_owned()), SIZES);
}
