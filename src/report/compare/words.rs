//! The comparison as a document.

use super::super::story::{Block, Section, Story, Table};
use super::super::units::{count, counted, duration, rate};
use super::{Change, Comparison, Share, Side, Verdict, What};
use crate::record::time::rfc3339_s;
use crate::words::Lang;

/// Rows of a table.
const ROWS: usize = 30;

/// Both sides by their names.
pub(super) fn sides<'r>(comparison: &Comparison<'r>) -> [(&'static str, Side<'r>); 2] {
    let [before, after] = comparison.lang.pick(["before", "after"], ["之前", "之后"]);
    [(before, comparison.before), (after, comparison.after)]
}

pub(super) fn story(comparison: &Comparison<'_>) -> Story {
    let lang = comparison.lang;
    let of = |verdict| comparison.changes.iter().filter(move |c| c.verdict == verdict);
    let sections = [
        (lang.pick("New", "新出现"), Verdict::New),
        (lang.pick("Worse", "变差"), Verdict::Worse),
        (lang.pick("Better", "变好"), Verdict::Better),
        (lang.pick("Gone", "已消失"), Verdict::Gone),
    ]
    .map(|(title, verdict)| {
        let rows: Vec<Vec<String>> = of(verdict).map(|change| row(change, lang)).collect();
        let more = rows.len().saturating_sub(ROWS);
        let mut blocks = Vec::new();
        if !rows.is_empty() {
            let head = lang.pick(
                ["where", "what", "before", "after", "chance"],
                ["位置", "项目", "之前", "之后", "偶然概率"],
            );
            let rows = rows.into_iter().take(ROWS).collect();
            blocks.push(Block::Table(Table::new(head, rows, 2)));
        }
        if more > 0 {
            let more = count(more as u64);
            blocks.push(Block::Text(say!(lang, "{more} more in the JSON.", "其余 {more} 项见 JSON。")));
        }
        Section { title: title.to_owned(), blocks }
    });
    let mut sections: Vec<Section> = sections.into();
    sections.push(data(comparison));
    sections.retain(|s| !s.blocks.is_empty());
    let (title, lead, key) = (title(comparison), vec![lead(comparison)], key(comparison));
    Story { lang, title, lead, key, sections }
}

fn title(comparison: &Comparison<'_>) -> String {
    let lang = comparison.lang;
    let n =
        |verdicts: &[Verdict]| comparison.changes.iter().filter(|c| verdicts.contains(&c.verdict)).count();
    let text = match (n(&[Verdict::New, Verdict::Worse]), n(&[Verdict::Better, Verdict::Gone])) {
        (0, 0) => lang.pick("Nothing changed that chance would not explain", "没有变化，或变化可用偶然解释"),
        (0, _) => lang.pick("Better than before", "比之前好"),
        (_, 0) => lang.pick("Worse than before", "比之前差"),
        _ => lang.pick("Some of it is worse than before, some better", "有的变差，有的变好"),
    };
    text.to_owned()
}

fn lead(comparison: &Comparison<'_>) -> String {
    let lang = comparison.lang;
    let side = |summary: &crate::aggregate::Summary| {
        let c = summary.totals().counts;
        let (failed, all, rate) = (count(c.failed()), count(c.requests()), rate(c.failed(), c.requests()));
        let en = counted(c.requests(), "request");
        say!(lang, "{failed} of {en} failed ({rate})", "{all} 个请求中 {failed} 个失败（{rate}）")
    };
    let (before, after) = (side(comparison.before.summary), side(comparison.after.summary));
    say!(lang, "Before: {before}. After: {after}.", "之前：{before}。之后：{after}。")
}

fn key(comparison: &Comparison<'_>) -> Vec<(&'static str, String)> {
    let share = |summary: &crate::aggregate::Summary| {
        let counts = summary.totals().counts;
        rate(counts.failed(), counts.requests())
    };
    let [before, after] =
        comparison.lang.pick(["failed before", "failed after"], ["之前的失败率", "之后的失败率"]);
    vec![(before, share(comparison.before.summary)), (after, share(comparison.after.summary))]
}

fn row(change: &Change, lang: Lang) -> Vec<String> {
    let scope = change.scope.clone();
    let scope = scope.unwrap_or_else(|| lang.pick("all requests", "全部请求").to_owned());
    let what = match (&change.cause, change.what) {
        (Some((_, title)), _) => title.clone(),
        (None, What::Latency) => lang.pick("latency p50 / p90 / p99", "延迟 p50 / p90 / p99").to_owned(),
        (None, _) => lang.pick("failures", "失败率").to_owned(),
    };
    let [before, after] = match change.latency {
        Some(sides) => sides.map(|quantiles| quantiles.map(duration).join(" / ")),
        None => [change.before, change.after].map(|side| share(side, lang)),
    };
    vec![scope, what, before, after, chance(change.p)]
}

fn share(share: Share, lang: Lang) -> String {
    let (rate, hits, of) = (rate(share.hits, share.of), count(share.hits), count(share.of));
    say!(lang, "{rate} ({hits} of {of})", "{rate}（{of} 中 {hits}）")
}

/// The chance that it is chance.
fn chance(p: f64) -> String {
    match p {
        p if p < 0.0001 => "<0.01 %".to_owned(),
        p => format!("{:.2} %", p * 100.0),
    }
}

fn data(comparison: &Comparison<'_>) -> Section {
    let lang = comparison.lang;
    let mut items = Vec::new();
    for (name, side) in sides(comparison) {
        let span = side.summary.span;
        if let Some((first, last)) = span.ends_us() {
            let (first, last) = (rfc3339_s(first), rfc3339_s(last));
            items.push(say!(lang, "{name}: {first} – {last}", "{name}：{first} – {last}"));
        }
    }
    let same = comparison.changes.iter().filter(|c| c.verdict == Verdict::Same).count();
    let alone = comparison.changes.iter().filter(|c| c.verdict == Verdict::Unknown).count();
    let made = comparison.changes.len() - alone;
    let (en, level) = (counted(made as u64, "comparison"), format!("{:.3} %", comparison.level * 100.0));
    items.push(say!(
        lang,
        "{en} made; a difference counts when the chance to see it without a change is below {level}; {same} show none",
        "共 {made} 项比较；在没有变化时出现该差异的概率低于 {level} 才算数；{same} 项没有差异"
    ));
    if alone > 0 {
        let en = counted(alone as u64, "comparison");
        items.push(say!(
            lang,
            "{en} could not be made: no request on one side",
            "{alone} 项无法比较：有一侧没有请求"
        ));
    }
    items.extend(comparison.warnings());
    Section { title: lang.pick("The data", "数据").to_owned(), blocks: vec![Block::Items(items)] }
}
