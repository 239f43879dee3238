//! The screen for an input without any access record: what it was instead, and what to do.

use std::io;

use super::Tone;
use super::text::{Sheet, shortened};
use crate::report::escape::terminal;
use crate::report::units::{count, counted};
use crate::report::{Report, quality};
use crate::words::Lang;

/// `standard input`, a path, or the number of inputs.
pub(super) fn sources(report: &Report<'_>) -> String {
    let lang = report.view.lang;
    match report.sources {
        [] => lang.pick("no input", "无输入").to_owned(),
        [one] if one.name == "-" => lang.pick("standard input", "标准输入").to_owned(),
        [one] => shortened(&terminal(one.name.as_bytes()), 60),
        many => {
            let (en, n) = (counted(many.len() as u64, "input"), many.len());
            say!(lang, "{en}", "{n} 个输入")
        }
    }
}

pub(super) fn to_read(report: &Report<'_>, sheet: &mut Sheet<'_>) -> io::Result<()> {
    let lang = report.view.lang;
    sheet.labelled("", 0, &answer(report))?;
    if report.filtered > 0 || quality::rejects(report.summary, lang).is_some() {
        return Ok(());
    }
    if report.summary.lines.proxy == 0 {
        sheet.line(lang.pick(
            "Access logs are in the proxy's container, istio-proxy:",
            "访问日志在代理容器 istio-proxy 里：",
        ))?;
        sheet.line("    kubectl logs deploy/productpage -c istio-proxy | meshwhy")?;
    }
    switch_on(lang, sheet)
}

fn answer(report: &Report<'_>) -> String {
    let (lines, lang) = (&report.summary.lines, report.view.lang);
    let from = sources(report);
    let (en, n) = (counted(lines.total, "line"), count(lines.total));
    if lines.total == 0 {
        say!(lang, "Nothing to read: {from} is empty.", "没有可读的内容：{from}为空。")
    } else if report.filtered > 0 {
        let (records, n) = (counted(report.filtered, "access record"), count(report.filtered));
        say!(
            lang,
            "None of {records} from {from} passed the filters.",
            "{from}的 {n} 条访问记录都被过滤条件排除。"
        )
    } else if lines.rejected > 0 {
        let like = count(lines.rejected);
        say!(
            lang,
            "No readable access-log line in {en} from {from}: {like} of them look like one.",
            "{from}的 {n} 行中没有可读的访问日志：其中 {like} 行看起来像。"
        )
    } else if lines.proxy > 0 {
        let (proxy, own) = (counted(lines.proxy, "line"), count(lines.proxy));
        say!(
            lang,
            "No access-log line in {en} from {from}: {proxy} of the proxy's own log, so access logging seems to be off.",
            "{from}的 {n} 行中没有访问日志：{own} 行是代理自身的日志，访问日志似乎没有开启。"
        )
    } else {
        say!(
            lang,
            "No access-log line in {en} from {from}: these look like an application's log.",
            "{from}的 {n} 行中没有访问日志：看起来是应用的日志。"
        )
    }
}

/// A resource that can be applied as it stands; the heredoc's end must stand at the line's start.
fn switch_on(lang: Lang, sheet: &mut Sheet<'_>) -> io::Result<()> {
    sheet.line(lang.pick(
        "Access logging is off unless it was switched on; for the whole mesh:",
        "访问日志默认关闭；为整个网格开启：",
    ))?;
    sheet.blank()?;
    for line in [
        "kubectl apply -f - <<'END'",
        "apiVersion: telemetry.istio.io/v1",
        "kind: Telemetry",
        "metadata: {name: access-logs, namespace: istio-system}",
        "spec: {accessLogging: [{providers: [{name: envoy}]}]}",
        "END",
    ] {
        sheet.line(line)?;
    }
    sheet.blank()?;
    let other = lang.pick(
        "or set meshConfig.accessLogFile to /dev/stdout in the Istio installation",
        "或在 Istio 安装配置中把 meshConfig.accessLogFile 设为 /dev/stdout",
    );
    sheet.line(&sheet.paint(Tone::Dim, other))
}
