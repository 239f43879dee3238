//! The page that says what the keys do.

use unicode_width::UnicodeWidthStr;

use crate::words::Lang;

/// Its lines.
pub(super) fn help(lang: Lang) -> Vec<String> {
    let rows = [
        ("q", lang.pick("quit; the summary stays on the screen", "退出；摘要留在屏幕上")),
        ("Ctrl-C", lang.pick("the same, as an interrupt", "同上，作为中断")),
        ("↑ ↓ PgUp PgDn", lang.pick("choose a row; scroll", "选择行；滚动")),
        ("Enter →", lang.pick("open the upstream, or the finding", "打开上游或诊断")),
        ("Esc ←", lang.pick("back; on the board: drop the filter", "返回；在主屏：清除过滤")),
        ("Tab", lang.pick("upstreams, findings", "上游、诊断")),
        (
            "s",
            lang.pick(
                "sort: failures, rate, requests, newest trouble, name",
                "排序：失败数、失败率、请求数、最新故障、名称",
            ),
        ),
        (
            "/",
            lang.pick(
                "show only upstreams whose name has this; * and ? are globs",
                "只显示名称含此文字的上游；* 和 ? 为通配符",
            ),
        ),
        (
            "1 5 a",
            lang.pick("window of the flags: 1 minute, 5 minutes, all", "标志的窗口：1 分钟、5 分钟、全部"),
        ),
        ("p", lang.pick("pause the screen; counting goes on", "暂停屏幕；计数继续")),
        ("w", lang.pick("save a report: Markdown, HTML, JSON", "保存报告：Markdown、HTML、JSON")),
        ("?", lang.pick("this page", "本页")),
    ];
    let mut out: Vec<String> = rows
        .iter()
        .map(|(keys, text)| format!("{keys}{}{text}", " ".repeat(16_usize.saturating_sub(keys.width()))))
        .collect();
    out.push(String::new());
    let notes = lang.pick(
        [
            "Times and windows are the log's own: now is its newest record, and goes on while nothing comes.",
            "A request counts when it ended. APP: the upstream itself answered with an error.",
            "A finding fades when nothing of it came for a minute, and is over after five.",
        ],
        [
            "时间和窗口以日志自身为准：“现在”是最新一条记录，无新记录时随时钟前进。",
            "请求在结束时计入。应用：上游自身返回了错误。",
            "一分钟没有新记录的诊断变暗，五分钟后视为结束。",
        ],
    );
    out.extend(notes.map(str::to_owned));
    out
}
