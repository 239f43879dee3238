//! Input that arrives broken: what was read is reported, what was not is named with file and byte, the exit code is 3, and
//! `lines = access + proxy + other + rejected` holds always (`Ran::lines` asserts it).

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::paths::{gzip, zip};
use crate::program::{FAILING, GOOD, Ran, fed, meshwhy, on_path, piped, plain, program, run, start};

const JSON: [&str; 4] = ["--output", "json", "--threads", "2"];

fn read(bytes: &[u8]) -> Ran {
    piped(&JSON, bytes)
}

/// Code, all lines, access lines, other lines, rejects.
#[track_caller]
fn counted(ran: &Ran) -> (i32, u64, u64, u64, u64) {
    let lines = ran.lines();
    (ran.code(), lines.all, lines.access, lines.other, lines.rejected)
}

/// A file in a folder of its own.
pub(crate) fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file");
    (folder, path)
}

/// Says what could not be read: the file, and the byte.
#[track_caller]
pub(crate) fn names(ran: &Ran, file: &str) {
    assert_eq!(ran.code(), 3, "{}", ran.err);
    let (_, rest) = ran.err.split_once(file).unwrap_or_else(|| panic!("{file} is not in {}", ran.err));
    let (_, byte) = rest.split_once("byte ").unwrap_or_else(|| panic!("no byte in {}", ran.err));
    assert!(byte.starts_with(|c: char| c.is_ascii_digit()), "{}", ran.err);
}

#[test]
fn empty_input() {
    assert_eq!(counted(&read(b"")), (4, 0, 0, 0, 0));
    let (_folder, path) = file("empty.log", b"");
    assert_eq!(counted(&on_path(&JSON, &path)), (4, 0, 0, 0, 0));
    assert_eq!(counted(&read(b"\n\n\n")), (4, 3, 0, 3, 0));
}

#[test]
fn binary_and_nul_bytes() {
    let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let ran = read(&noise);
    assert_eq!((ran.code(), ran.lines().access), (4, 0), "{}", ran.err);
    // What was written before a machine lost its power, and after.
    let log = [GOOD.as_bytes(), &[0; 5000], b"\n", FAILING.as_bytes()].concat();
    assert_eq!(counted(&read(&log)), (0, 3, 2, 1, 0));
    let (_folder, path) = file("a.log", &log);
    assert_eq!(counted(&on_path(&JSON, &path)), (0, 3, 2, 1, 0));
    let before = [&[0; 700][..], b"\n", GOOD.as_bytes(), &[0; 8]].concat();
    assert_eq!(counted(&read(&before)), (0, 3, 1, 2, 0));
}

#[test]
fn ends_of_lines_and_marks_of_encodings() {
    let log = format!("{GOOD}{FAILING}");
    let same = |what: &str, bytes: &[u8]| {
        let ran = read(bytes);
        assert_eq!(counted(&ran), (0, 2, 2, 0, 0), "{what}: {}", ran.err);
        assert_eq!(ran.json()["totals"]["flags"]["UF"], 1, "{what}");
        assert_eq!(
            ran.json()["upstreams"][0]["upstream"],
            "outbound|80||web.shop.svc.cluster.local",
            "{what}"
        );
    };
    let utf16 = |big: bool| {
        let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        format!("\u{feff}{}", log.replace('\n', "\r\n")).encode_utf16().flat_map(unit).collect::<Vec<u8>>()
    };
    same("plain", log.as_bytes());
    same("no final newline", log.trim_end().as_bytes());
    same("CRLF", log.replace('\n', "\r\n").as_bytes());
    same("a mark of UTF-8", format!("\u{feff}{log}").as_bytes());
    same("UTF-16, little end first", &utf16(false));
    same("UTF-16, big end first", &utf16(true));
    same("UTF-16 in gzip", &gzip(&utf16(false)));
}

/// What was still being written, or was cut on its way: the rest of the text is read, and the cut is told.
#[test]
fn texts_that_end_inside_what_they_began() {
    let utf16: Vec<u8> = format!("\u{feff}{GOOD}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let quoted =
        format!("ts,message\n1,\"{}\"\n2,\"{}", GOOD.trim_end().replace('"', "\"\""), "x".repeat(500));
    let document =
        format!("[{},{{\"textPayload\":\"x", serde_json::json!({ "textPayload": GOOD.trim_end() }));
    for (name, text) in [
        ("a.utf16", &utf16[..utf16.len() - 1]),
        ("a.csv", quoted.as_bytes()),
        ("a.json", document.as_bytes()),
    ] {
        let (_folder, path) = file(name, text);
        let ran = on_path(&JSON, &path);
        names(&ran, name);
        assert_eq!(ran.lines().access, 1, "{name}: {}", ran.err);
    }
}

/// The long run has 10 GB of it (`endurance`).
#[test]
fn a_line_without_an_end_takes_no_memory() {
    let piece = vec![b'x'; 1 << 20];
    let ran = fed(&JSON, |stdin| {
        stdin.write_all(GOOD.as_bytes())?;
        (0..300).try_for_each(|_| stdin.write_all(&piece))?;
        stdin.write_all(format!("\n{FAILING}").as_bytes())
    });
    let (code, all, access, ..) = counted(&ran);
    assert_eq!((code, all, access), (0, 3, 2));
    assert!(ran.most.memory_kib < 96 << 10, "{:?}", ran.most);
}

/// Agents cut long lines, each at a size of its own; the rest stands on a line of its own.
#[test]
fn lines_cut_at_the_limits_of_agents() {
    for limit in [8 << 10, 16 << 10, 32 << 10, 256 << 10] {
        let long = FAILING.replace("/a ", &format!("/a?{} ", "q".repeat(limit)));
        let (head, tail) = long.split_at(limit);
        let ran = read(format!("{GOOD}{head}\n{tail}{FAILING}").as_bytes());
        let lines = ran.lines();
        assert_eq!((ran.code(), lines.all), (0, 4), "{limit}");
        assert!(lines.access >= 2, "{limit}: what stands around it is read");
        // Behind the code and the flags a cut line is a record.
        let agent = FAILING.replace("curl/8", &"u".repeat(limit));
        let (head, tail) = agent.split_at(limit);
        let ran = read(format!("{GOOD}{head}\n{tail}{FAILING}").as_bytes());
        assert_eq!((ran.lines().all, ran.lines().access), (4, 3), "{limit}");
        assert_eq!(ran.json()["totals"]["flags"]["UF"], 2, "{limit}");
    }
}

/// Two writers without a lock between them.
#[test]
fn interleaved_writes() {
    for at in [1, 10, 27, 40, 60, 100, 200, FAILING.len() - 2] {
        let (head, tail) = FAILING.split_at(at);
        let ran = read(format!("{GOOD}{head}{GOOD}{tail}{GOOD}").as_bytes());
        let lines = ran.lines();
        assert_eq!((ran.code(), lines.all), (0, 4), "{at}");
        assert!(lines.access >= 2, "{at}: {lines:?}");
    }
}

/// Starts on a file that takes a while to be read, and does something to it meanwhile.
fn meanwhile(path: &Path, act: impl FnOnce()) -> Ran {
    let mut command = meshwhy(&["--output", "json", "--threads", "1"]);
    command.arg(path);
    let running = start(command);
    std::thread::sleep(Duration::from_millis(60));
    act();
    running.end()
}

#[test]
fn a_log_that_is_truncated_while_it_is_read() {
    let lines = 250_000;
    let (_folder, path) = file("a.log", GOOD.repeat(lines).as_bytes());
    let ran = meanwhile(&path, || {
        fs::OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(0)).expect("a file");
    });
    let access = ran.lines().access;
    // A fast machine may have been done with it. Less than all is never told as all.
    match access == lines as u64 {
        true => assert_eq!(ran.code(), 0),
        false => names(&ran, "a.log"),
    }
}

#[test]
fn a_log_that_is_rotated_while_it_is_read() {
    let lines = 250_000;
    let (_folder, path) = file("a.log", GOOD.repeat(lines).as_bytes());
    let ran = meanwhile(&path, || {
        fs::rename(&path, path.with_extension("1")).expect("a folder of ours");
        fs::write(&path, FAILING).expect("a folder of ours");
    });
    assert_eq!((ran.code(), ran.lines().access), (0, lines as u64), "{}", ran.err);
    assert_eq!(ran.json()["totals"]["failed"], 0);
}

#[test]
fn gzip_truncated_corrupt_and_with_garbage() {
    let log: String = (0..2_000).map(|n| GOOD.replace("r-2", &format!("r-{n}-{:x}", n * 7_919))).collect();
    let whole = gzip(log.as_bytes());
    let read = |bytes: &[u8]| {
        let (_folder, path) = file("a.log.gz", bytes);
        on_path(&JSON, &path)
    };
    assert_eq!(counted(&read(&whole)), (0, 2_000, 2_000, 0, 0));
    assert_eq!(
        read(&[whole.clone(), whole.clone()].concat()).lines().access,
        4_000,
        "members follow each other"
    );

    let truncated = read(&whole[..whole.len() / 2]);
    names(&truncated, "a.log.gz");
    assert!((100..2_000).contains(&truncated.lines().access));

    let mut corrupt = whole.clone();
    let middle = whole.len() / 2;
    corrupt[middle..middle + 40].iter_mut().for_each(|b| *b = !*b);
    names(&read(&corrupt), "a.log.gz");

    let garbage = read(&[&whole[..], b"what is this"].concat());
    names(&garbage, "a.log.gz");
    assert_eq!(garbage.lines().access, 2_000, "what came before it is read");
    assert_eq!(counted(&read(&[&whole[..], &[0; 4096]].concat())).0, 0, "zeros are padding");
}

#[test]
fn zstd_and_zip_truncated() {
    let log: String = (0..2_000).map(|n| GOOD.replace("r-2", &format!("r-{n}-{:x}", n * 7_919))).collect();
    let zstd = zstd::encode_all(log.as_bytes(), 1).expect("memory");
    for (name, bytes) in [("a.log.zst", zstd), ("a.zip", zip(log.as_bytes()))] {
        let (_folder, path) = file(name, &bytes[..bytes.len() / 2]);
        names(&on_path(&JSON, &path), name);
    }
}

/// Small files that become large: neither memory nor patience is exhausted.
#[test]
fn decompression_bombs() {
    // 256 MiB in a line, from some 260 kB.
    let ran = read(&gzip(&vec![b'x'; 256 << 20]));
    assert_eq!((ran.lines().all, ran.lines().access), (1, 0));
    assert!(ran.most.memory_kib < 96 << 10, "{:?}", ran.most);

    // An honest log of that size passes: there is no limit on what comes out.
    let lines = 700_000;
    let ran = read(&gzip(GOOD.repeat(lines).as_bytes()));
    assert_eq!(counted(&ran), (0, lines as u64, lines as u64, 0, 0));
    assert!(ran.most.memory_kib < 128 << 10, "{:?}", ran.most);

    // The same from zstd and from zip, whose libraries are others.
    let line = vec![b'x'; 256 << 20];
    for (name, packed) in [("zstd", zstd::encode_all(&line[..], 1).expect("memory")), ("zip", zip(&line))] {
        let (_folder, path) = file("bomb", &packed);
        let ran = on_path(&JSON, &path);
        assert_eq!((ran.lines().all, ran.lines().access), (1, 0), "{name}");
        assert!(ran.most.memory_kib < 128 << 10, "{name}: {:?}", ran.most);
    }

    let nested = (0..6).fold(GOOD.as_bytes().to_vec(), |inner, _| gzip(&inner));
    let ran = read(&nested);
    names(&ran, "-");
    assert!(ran.err.contains("containers inside each other"), "{}", ran.err);

    let mut many = tar::Builder::new(Vec::new());
    for n in 0..100_050 {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_cksum();
        many.append_data(&mut header, format!("{n}"), &b""[..]).expect("memory");
    }
    let ran = read(&gzip(&many.into_inner().expect("memory")));
    names(&ran, "-");
    // Each of them is a header and nothing else.
    assert!(ran.err.contains("at byte 51200000: more than 100000 entries"), "{}", ran.err);
    assert!(ran.most.memory_kib < 128 << 10, "{:?}", ran.most);

    let mut many = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for n in 0..100_050 {
        many.start_file(format!("{n}"), zip::write::SimpleFileOptions::default()).expect("memory");
    }
    let (_folder, path) = file("many.zip", &many.finish().expect("memory").into_inner());
    let ran = on_path(&JSON, &path);
    names(&ran, "many.zip");
    assert!(ran.err.contains("more than 100000 entries"), "{}", ran.err);
    assert!(ran.most.memory_kib < 128 << 10, "{:?}", ran.most);
}

/// A tar header as hostile as one likes: the library would not write it.
pub(crate) fn member(kind: tar::EntryType, name: &str, link: &str, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    let place = &mut header.as_old_mut().name;
    place[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

pub(crate) fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out.resize(bytes.len().div_ceil(512) * 512, 0);
    out
}

/// Every name below a folder.
fn tree(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(tree(&path));
        }
        all.push(path);
    }
    all
}

/// Names of members are names in the output and nothing else: nothing is written to disk, no link is followed.
#[test]
fn tar_with_paths_and_links_that_lead_elsewhere() {
    let (folder, secret) = file("secret.log", FAILING.as_bytes());
    let secret_name = secret.to_str().expect("a name");
    let log = GOOD.as_bytes();
    let regular = tar::EntryType::Regular;
    let archive = [
        member(regular, "/etc/meshwhy-was-here", "", log.len() as u64),
        padded(log),
        member(regular, "../../escaped.log", "", log.len() as u64),
        padded(log),
        member(tar::EntryType::Symlink, "link.log", secret_name, 0),
        member(tar::EntryType::Link, "hard.log", secret_name, 0),
        member(tar::EntryType::Char, "device", "", 0),
        member(tar::EntryType::Fifo, "pipe", "", 0),
        member(regular, "last.log", "", log.len() as u64),
        padded(log),
        vec![0; 1024],
    ]
    .concat();
    let path = folder.path().join("x.tar");
    fs::write(&path, &archive).expect("a file");
    let mut command = meshwhy(&JSON);
    let before = tree(folder.path());
    command.arg(&path).current_dir(folder.path());
    let ran = run(command);
    assert_eq!(counted(&ran), (0, 3, 3, 0, 0), "{}", ran.err);
    let sources = ran.json()["input"]["sources"].to_string();
    assert!(
        sources.contains("x.tar!/etc/meshwhy-was-here") && sources.contains("x.tar!../../escaped.log"),
        "{sources}"
    );
    assert_eq!(tree(folder.path()), before);
    assert!(
        !Path::new("/etc/meshwhy-was-here").exists() && !folder.path().join("../../escaped.log").exists()
    );
}

/// The same in a zip.
#[test]
fn zip_with_paths_and_links_that_lead_elsewhere() {
    let (folder, secret) = file("secret.log", FAILING.as_bytes());
    let options = zip::write::SimpleFileOptions::default();
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in ["/etc/meshwhy-was-here", "../../escaped.log", "C:\\windows\\x.log", "last.log"] {
        archive.start_file(name, options).expect("memory");
        archive.write_all(GOOD.as_bytes()).expect("memory");
    }
    archive.add_symlink("link.log", secret.to_str().expect("a name"), options).expect("memory");
    archive.add_directory("folder", options).expect("memory");
    let path = folder.path().join("x.zip");
    fs::write(&path, archive.finish().expect("memory").into_inner()).expect("a file");
    let mut command = meshwhy(&JSON);
    let before = tree(folder.path());
    command.arg(&path).current_dir(folder.path());
    let ran = run(command);
    assert_eq!((ran.code(), ran.lines().access), (0, 4), "{}", ran.err);
    assert_eq!(ran.json()["totals"]["failed"], 0, "no link is followed");
    assert!(ran.json()["input"]["sources"].to_string().contains("x.zip!../../escaped.log"));
    assert_eq!(tree(folder.path()), before);
    assert!(
        !Path::new("/etc/meshwhy-was-here").exists() && !folder.path().join("../../escaped.log").exists()
    );
}

#[test]
fn tar_with_sparse_and_huge_entries() {
    // It says to be of eight exabytes, and ends.
    let huge = [
        member(tar::EntryType::Regular, "good.log", "", GOOD.len() as u64),
        padded(GOOD.as_bytes()),
        member(tar::EntryType::Regular, "huge.log", "", u64::MAX / 4),
        FAILING.as_bytes().to_vec(),
    ]
    .concat();
    let (_folder, path) = file("huge.tar", &huge);
    let ran = on_path(&JSON, &path);
    names(&ran, "huge.tar");
    assert_eq!((ran.lines().access, ran.json()["totals"]["flags"]["UF"].as_u64()), (2, Some(1)));
    assert!(ran.most.memory_kib < 96 << 10, "{:?}", ran.most);

    // A sparse file of 4 GB with one line at its end: the hole is zeros without a newline.
    let mut header = tar::Header::new_gnu();
    let body = format!("\n{GOOD}");
    let real: u64 = 1 << 30;
    let gnu = header.as_gnu_mut().expect("gnu");
    gnu.name[..10].copy_from_slice(b"sparse.log");
    gnu.sparse[0].set_offset(real - body.len() as u64);
    gnu.sparse[0].set_length(body.len() as u64);
    gnu.set_real_size(real);
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_mode(0o644);
    header.set_size(body.len() as u64);
    header.set_cksum();
    let good = [member(tar::EntryType::Regular, "good.log", "", GOOD.len() as u64), padded(GOOD.as_bytes())]
        .concat();
    let sparse = [header.as_bytes().to_vec(), padded(body.as_bytes()), good, vec![0; 1024]].concat();
    let (_folder, path) = file("sparse.tar", &sparse);
    let ran = on_path(&JSON, &path);
    assert!(matches!(ran.code(), 0 | 3), "{}", ran.err);
    assert!(ran.lines().access >= 1, "what stands beside it is read: {}", ran.err);
    assert!(ran.most.memory_kib < 96 << 10, "{:?}", ran.most);
}

/// A file that was there when it was found, and is not when its turn comes.
#[test]
fn a_file_that_vanishes() {
    let (folder, second) = file("second.log", FAILING.as_bytes());
    let first = folder.path().join("first.log");
    assert!(Command::new("mkfifo").arg(&first).status().expect("mkfifo").success());
    let mut command = meshwhy(&JSON);
    command.args([&first, &second]);
    let running = start(command);
    // The list is made before the first one is opened, which waits for a writer.
    let mut log = fs::OpenOptions::new().write(true).open(&first).expect("a reader");
    fs::remove_file(&second).expect("a file");
    log.write_all(GOOD.as_bytes()).expect("it reads");
    drop(log);
    let ran = running.end();
    names(&ran, "second.log");
    assert_eq!(ran.lines().access, 1);
}

/// Runs the program as somebody who may not read everything; `None` where that cannot be arranged.
fn as_nobody(args: &[&str], path: &Path) -> Option<Ran> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.starts_with(b"0\n"));
    if !root {
        return Some(on_path(args, path));
    }
    // Where the build lies may not be open to others.
    let copy = path.with_file_name("meshwhy");
    fs::copy(program(), &copy).expect("a copy");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("a file");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy).args(args).arg(path);
    let mut command = plain(command);
    command.stdin(Stdio::null());
    if !Command::new("setpriv").arg("--version").output().is_ok_and(|told| told.status.success()) {
        return None;
    }
    Some(run(command))
}

#[test]
#[expect(clippy::print_stderr, reason = "what was skipped is said")]
fn permission_denied() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a folder");
    let logs = folder.path().join("logs");
    fs::create_dir_all(logs.join("closed")).expect("a folder");
    fs::write(logs.join("a.log"), GOOD).expect("a file");
    fs::write(logs.join("b.log"), FAILING).expect("a file");
    fs::set_permissions(logs.join("b.log"), fs::Permissions::from_mode(0o0)).expect("a file");
    fs::set_permissions(logs.join("closed"), fs::Permissions::from_mode(0o0)).expect("a folder");
    let ran = as_nobody(&JSON, &logs);
    fs::set_permissions(logs.join("closed"), fs::Permissions::from_mode(0o755)).expect("a folder");
    let Some(ran) = ran else {
        return eprintln!("skipped: permission denied (needs setpriv)");
    };
    names(&ran, "b.log");
    assert!(ran.err.contains("closed"), "{}", ran.err);
    assert_eq!(ran.lines().access, 1);
}

#[test]
fn folders_in_circles() {
    let (folder, path) = file("a.log", GOOD.as_bytes());
    let deeper = folder.path().join("deeper");
    fs::create_dir(&deeper).expect("a folder");
    std::os::unix::fs::symlink(folder.path(), deeper.join("up")).expect("a link");
    std::os::unix::fs::symlink("self", folder.path().join("self")).expect("a link");
    std::os::unix::fs::symlink(&path, deeper.join("again.log")).expect("a link");
    let ran = on_path(&JSON, folder.path());
    assert_eq!(counted(&ran), (0, 1, 1, 0, 0), "{}", ran.err);
}

/// The result has no room. A closed pipe is tested in `contract.rs`.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "there is no /dev/full")]
fn no_room_for_the_result() {
    for args in [&["records", "-"][..], &["-"], &["--output", "json"], &["report"]] {
        let mut command = meshwhy(args);
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        command.stdin(Stdio::piped()).stdout(full);
        let mut running = start(command);
        let mut stdin = running.stdin();
        stdin.write_all(FAILING.repeat(20).as_bytes()).expect("it reads");
        drop(stdin);
        let ran = running.end();
        assert_eq!(ran.code(), 3, "{args:?}");
        assert!(
            ran.err.contains("cannot write the result") && ran.err.contains("space"),
            "{args:?}: {}",
            ran.err
        );
    }
}

/// A file is written whole or not at all: what was there before stays, and nothing half lies around.
#[test]
fn no_room_for_the_file() {
    let (folder, page) = file("page.html", b"the one of yesterday");
    let log = "sample-logs/istio-text/checkout-killed.log";
    let name = page.to_str().expect("a name");
    let args = ["report", log, "--output", "html", "--output-file", name];
    let mut command = Command::new("bash");
    // A limit on the size of files is the disk that any user can fill.
    command.args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" \"$@\""]).arg(program()).args(args);
    let ran = run(plain(command));
    assert_eq!(ran.code(), 3, "{}", ran.err);
    assert!(ran.err.contains("cannot write the result") && ran.err.contains(name), "{}", ran.err);
    assert_eq!(fs::read(&page).expect("a file"), b"the one of yesterday");
    assert_eq!(tree(folder.path()).len(), 1);

    let printed = run(meshwhy(&args[..4]));
    let written = run(meshwhy(&args));
    assert_eq!((written.code(), written.text()), (0, ""), "{}", written.err);
    assert_eq!(fs::read(&page).expect("a file"), printed.out);
    assert_eq!(tree(folder.path()).len(), 1);
    // What is no file is written to as it is.
    let null = run(meshwhy(&[&args[..5], &["/dev/null"]].concat()));
    assert_eq!(null.code(), 0, "{}", null.err);
    assert!(!fs::metadata("/dev/null").expect("it is there").is_file());
    let missing = folder.path().join("no/such/page.html");
    let nowhere = run(meshwhy(&[&args[..5], &[missing.to_str().expect("a name")]].concat()));
    assert!(nowhere.code() == 3 && nowhere.err.contains("no/such"), "{}", nowhere.err);
}

/// Time for a byte is the same in short and in long lines, whatever they are and whatever they come in: nothing is quadratic.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "reads /proc")]
fn time_per_byte_is_flat() {
    let total: usize = if cfg!(debug_assertions) { 4 << 20 } else { 256 << 20 };
    let text = |filling: &str| GOOD.trim_end().replace("curl/8", filling);
    let escaped = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"");
    let json = |filling: &str| {
        let agent = escaped(filling);
        format!(
            "{{\"start_time\":\"2026-01-02T03:04:06.678Z\",\"response_code\":200,\"response_flags\":\"-\",\"user_agent\":\"{agent}\",\"duration\":3}}"
        )
    };
    let docker = |filling: &str| {
        let line = escaped(&text(filling));
        format!("{{\"log\":\"{line}\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:06.6Z\"}}")
    };
    let cri = |filling: &str| format!("2026-01-02T03:04:06.678901234Z stdout F {}", text(filling));
    // What a runtime cut into pieces of 16 KiB.
    let pieces = |filling: &str| {
        let line = text(filling);
        let (rest, last) = line.split_at((line.len() - 1) / (16 << 10) * (16 << 10));
        let part = |piece: &str| format!("2026-01-02T03:04:06.678901234Z stdout P {piece}\n");
        let parts: String =
            rest.as_bytes().chunks(16 << 10).map(|c| part(&String::from_utf8_lossy(c))).collect();
        format!("{parts}2026-01-02T03:04:06.678901234Z stdout F {last}")
    };
    let bare = |filling: &str| filling.to_owned();
    type Shape<'s> = (&'s str, &'s dyn Fn(&str) -> String);
    // What is longer than a line may be is read as one that was cut there, which costs more than a whole one.
    let cut = |filling: &str| text(filling).split_once("\" \"r-2\"").expect("the column behind").0.to_owned();
    let shapes: [Shape<'_>; 7] = [
        ("Istio's text", &text),
        ("Istio's JSON", &json),
        ("docker", &docker),
        ("CRI", &cri),
        ("nothing known", &bare),
        ("CRI in pieces", &pieces),
        ("a line that was cut", &cut),
    ];
    let fillings = [
        ("letters", "x"),
        ("backslashes", "\\\\"),
        ("quotes and blanks", "\" "),
        ("braces", "{\"a\":["),
        ("columns", "- "),
        ("times", "[2026-01-02T03:04:05.678Z] \""),
    ];
    for (at, (shape, line)) in shapes.into_iter().enumerate() {
        // Where nothing is optimised, only the first shape is looked at in full; quotes in a line that was cut take seconds.
        let (fillings, longest) = match (cfg!(debug_assertions), at) {
            (false, _) | (true, 0) => (&fillings[..], 64 << 20),
            (true, 1..=3) => (&fillings[..3], 4 << 20),
            (true, _) => (&fillings[..2], 4 << 20),
        };
        for (what, filling) in fillings {
            let of =
                |line: &dyn Fn(&str) -> String, length: usize| line(&filling.repeat(length / filling.len()));
            let cut: Option<&dyn Fn(usize) -> String> = Some(&|length| of(&cut, length));
            let what = format!("{what} in {shape}");
            let cut = cut.filter(|_| shape == "CRI in pieces");
            time_is_flat(&what, [total, longest], false, &|length| of(line, length), cut);
        }
    }
    // What is packed costs what it unpacks to.
    time_is_flat("letters, in gzip", [total, 64 << 20], true, &|length| text(&"x".repeat(length)), None);
}

/// The system tells processor time in hundredths of a second.
const TICK_S: f64 = 0.01;

/// The shortest lines have the dearest bytes; none of the longer ones may cost a multiple of them.
#[track_caller]
fn time_is_flat(
    what: &str,
    [total, longest]: [usize; 2],
    packed: bool,
    line: &dyn Fn(usize) -> String,
    or: Option<&dyn Fn(usize) -> String>,
) {
    let seconds_per_byte = |line: &dyn Fn(usize) -> String, length: usize| {
        let line = line(length) + "\n";
        let times = (total / line.len()).max(1);
        let args = ["--output", "json", "--threads", "1"];
        let ran = match packed {
            true => piped(&args, &gzip(line.repeat(times).as_bytes())),
            false => fed(&args, |stdin| (0..times).try_for_each(|_| stdin.write_all(line.as_bytes()))),
        };
        assert_eq!(ran.lines().all, times as u64, "{what} of {length}");
        // Of the processor, and not of the clock: machines are shared. It is told in ticks, and less than one may be none.
        ran.most.cpu.as_secs_f64().max(TICK_S) / (times * line.len()) as f64
    };
    let short = seconds_per_byte(line, 1 << 10);
    let short = or.map_or(short, |or| short.max(seconds_per_byte(or, 1 << 10)));
    // Just below the longest line that is read whole, and far above it.
    for length in [1 << 14, 1 << 17, (1 << 20) - (1 << 12), longest] {
        let long = seconds_per_byte(line, length);
        assert!(long < short * 4.0, "{what}: {long:e} s a byte at {length}, {short:e} at 1 KiB");
    }
}
