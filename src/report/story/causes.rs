//! Why: causes with what speaks for and against them, and the lines that show them.

use super::super::escape::utf8;
use super::super::known;
use super::super::units::{confidence, count, counted, rate};
use super::{Block, Section, Teller};
use crate::diagnosis::{Finding, Remedy, Severity, help, only_failures};
use crate::record::time::rfc3339_ms;

/// Lines shown of each cause.
const LINES: usize = 3;

impl Teller<'_, '_> {
    /// Causes that are told in full: those of the incident first, then all that matter.
    fn told(&self) -> Vec<&Finding> {
        let mine = self.findings();
        let others = self.account.report.findings.iter();
        let others =
            others.filter(|f| f.severity > Severity::Note && !mine.iter().any(|m| std::ptr::eq(*m, *f)));
        let mut all = mine.clone();
        all.extend(others);
        all.truncate(self.account.report.view.top);
        all
    }

    pub(super) fn causes(&self) -> Section {
        let mut blocks = Vec::new();
        for (at, finding) in self.told().into_iter().enumerate() {
            self.cause(at + 1, finding, &mut blocks);
        }
        let lang = self.lang();
        let hidden = self.account.report.findings.len().saturating_sub(self.told().len());
        if hidden > 0 {
            let en = counted(hidden as u64, "further note");
            blocks.push(Block::Text(say!(lang, "{en} left out here.", "另有 {hidden} 条提示未列出。")));
        }
        if let Some(known) = known::sentence(self.account.report.suppressed, lang) {
            let known = self.redact.prose(&known);
            blocks.push(Block::Text(say!(lang, "{known}.", "{known}。")));
        }
        Section { title: lang.pick("Likely causes", "可能的原因").to_owned(), blocks }
    }

    fn cause(&self, number: usize, finding: &Finding, blocks: &mut Vec<Block>) {
        let lang = self.lang();
        let prose = |text: &str| self.redact.prose(text);
        let scope = match &finding.scope.authority {
            Some(authority) if finding.scope.upstream.is_none() => self.redact.authority(authority),
            _ => finding.scope.title(lang),
        };
        let (title, severity) = (&finding.title, finding.severity.word(lang));
        let sure = confidence(finding.confidence);
        blocks.push(Block::Head(say!(
            lang,
            "{number}. {scope}: {title} ({severity}, {sure} sure)",
            "{number}. {scope}：{title}（{severity}，置信度 {sure}）"
        )));
        let share = match only_failures(self.account.report.summary) {
            true => String::new(),
            false => {
                let (of, rate) = (finding.of, rate(finding.requests, finding.of));
                say!(lang, " of {of} ({rate})", "，共 {of} 条（{rate}）")
            }
        };
        let guide = match finding.guide.is_empty() {
            true => String::new(),
            false => {
                let sections = finding.guide.join(lang.comma());
                say!(lang, ", guide {sections}", "，手册 {sections}")
            }
        };
        let (cause, id) = (prose(&finding.likely_cause), &finding.id);
        let (en, n) = (counted(finding.requests, "record"), count(finding.requests));
        blocks.push(Block::Text(say!(
            lang,
            "{cause} {en}{share}. [{id}{guide}]",
            "{cause}{n} 条记录{share}。[{id}{guide}]"
        )));
        let [speaks_for, speaks_against] = lang.pick(["for: ", "against: "], ["依据：", "反证："]);
        let mut facts: Vec<String> =
            finding.evidence.iter().map(|fact| format!("{speaks_for}{}", prose(&fact.text))).collect();
        facts.extend(finding.against.iter().map(|fact| format!("{speaks_against}{}", prose(&fact.text))));
        for other in &finding.alternatives {
            let (title, id, sure) = (&other.title, &other.id, confidence(other.confidence));
            facts.push(say!(lang, "instead: {title} ({id}), {sure}", "或为：{title}（{id}），{sure}"));
        }
        if !facts.is_empty() {
            blocks.push(Block::Items(facts));
        }
        let [check, fix] = lang.pick(["Check", "Fix"], ["检查", "修复"]);
        for (label, remedies) in [(check, &finding.confirm), (fix, &finding.fix)] {
            for remedy in remedies {
                self.remedy(label, remedy, blocks);
            }
        }
        let id = &finding.id;
        blocks.push(Block::Text(match help(id) {
            Some(page) => say!(
                lang,
                "The whole page: `meshwhy explain {id}`, or `{page}`.",
                "完整说明：`meshwhy explain {id}`，或 `{page}`。"
            ),
            None => {
                say!(lang, "The whole page: `meshwhy explain {id}`.", "完整说明：`meshwhy explain {id}`。")
            }
        }));
    }

    fn remedy(&self, label: &str, remedy: &Remedy, blocks: &mut Vec<Block>) {
        let lang = self.lang();
        let text = match remedy.text.is_empty() {
            true => format!("{label}{}", lang.pick(":", "：")),
            false => format!("{label}{}{}", lang.pick(": ", "："), self.redact.prose(&remedy.text)),
        };
        blocks.push(Block::Text(text));
        blocks.extend(remedy.command.iter().map(|c| Block::Code(self.redact.prose(c))));
        blocks.extend(remedy.yaml.iter().map(|y| Block::Code(self.redact.prose(y))));
    }

    pub(super) fn exemplars(&self) -> Section {
        let lang = self.lang();
        let mut blocks = Vec::new();
        for finding in self.told() {
            if finding.exemplars.is_empty() {
                continue;
            }
            let (scope, title) = (finding.scope.title(lang), &finding.title);
            blocks.push(Block::Head(say!(lang, "{scope}: {title}", "{scope}：{title}")));
            for exemplar in finding.exemplars.iter().take(LINES) {
                let no_time = || lang.pick("no time", "无时间").to_owned();
                let time = exemplar.time_us.map_or_else(no_time, rfc3339_ms);
                let id = exemplar.request_id.as_deref().map(utf8);
                let id = id.map_or(String::new(), |id| say!(lang, "request {id}, ", "请求 {id}，"));
                let source = self.account.report.source(exemplar.source);
                let (line, byte) = (exemplar.line, exemplar.offset);
                blocks.push(Block::Text(say!(
                    lang,
                    "{time}, {id}{source} line {line}, byte {byte}",
                    "{time}，{id}{source} 第 {line} 行，第 {byte} 字节"
                )));
                blocks.push(Block::Code(self.redact.exemplar(exemplar)));
                blocks.extend(self.way(exemplar));
            }
        }
        Section { title: lang.pick("Lines that show it", "相关日志行").to_owned(), blocks }
    }
}
