//! A report of what is known so far, into a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use crate::diagnosis::{Rulebook, only_failures};
use crate::incident;
use crate::pipeline::Live;
use crate::record::time::rfc3339_s;
use crate::report::{Account, Hide, Report, SourceInfo, View, matters, narrator};
use crate::words::Lang;

/// Writes a report, and tells where.
pub(super) fn save(live: &Live, rulebook: &Rulebook, form: &str, lang: Lang, top: usize) -> String {
    match write(live, rulebook, form, lang, top) {
        Ok(path) => {
            let path = path.display();
            say!(lang, "saved: {path}", "已保存：{path}")
        }
        Err(error) => say!(lang, "not saved: {error}", "未能保存：{error}"),
    }
}

fn write(live: &Live, rulebook: &Rulebook, form: &str, lang: Lang, top: usize) -> io::Result<PathBuf> {
    let narrator = narrator(form).map_err(io::Error::other)?;
    let (summary, detail, passed, names, unread, now_us) = live.look(|known| {
        let unread: Vec<String> = known.unread.iter().map(|said| said.in_lang(lang).to_owned()).collect();
        (
            known.summary().clone(),
            known.detail.clone(),
            known.passed(),
            known.sources.clone(),
            unread,
            known.now_us(),
        )
    });
    let now_us = now_us.or(summary.span.last_us()).unwrap_or_default();
    let diagnosis = rulebook.diagnose(&summary, now_us);
    let mut incidents = incident::find_in_detail(&summary, &detail, only_failures(&summary));
    incidents.retain(|incident| matters(&diagnosis.findings, incident));
    let source = |name: String| SourceInfo { name, container: "plain", bytes: 0, lines: 0 };
    let sources: Vec<SourceInfo> = names.into_iter().map(source).collect();
    let account = Account {
        report: Report {
            summary: &summary,
            findings: &diagnosis.findings,
            suppressed: &diagnosis.suppressed,
            sources: &sources,
            failures: &unread,
            warnings: &diagnosis.notes,
            filtered: passed.left_out,
            view: View { lang, top, ..View::default() },
        },
        incidents: &incidents,
        detail: &detail,
        slo_percent: None,
        // As the command `report` does without being asked.
        hide: Hide { secrets: form != "json", persons: false, authorities: false },
    };
    let (path, file) = create(now_us, if form == "markdown" { "md" } else { form })?;
    let mut out = BufWriter::new(file);
    narrator.narrate(&account, &mut out).map_err(io::Error::other)?;
    out.flush()?;
    Ok(path)
}

/// A file that was not there before, named after the moment.
fn create(now_us: i64, ending: &str) -> io::Result<(PathBuf, File)> {
    let stem = format!("meshwhy-{}", rfc3339_s(now_us).replace([':', '.'], ""));
    for more in 1..100 {
        let number = if more == 1 { String::new() } else { format!("-{more}") };
        let path = PathBuf::from(format!("{stem}{number}.{ending}"));
        match File::options().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}
