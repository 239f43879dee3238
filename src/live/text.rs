//! Text for a screen: clipped, broken, as bars, and a failure as one line.

use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::pipeline::Failure;
use crate::report::escape::terminal;
use crate::report::{Times, shortened};
use crate::words::Lang;

/// At most so many columns: what is too long ends in an ellipsis.
pub(super) fn clipped(spans: Vec<Span<'static>>, width: usize) -> Line<'static> {
    let mut left = width;
    let mut out = Vec::new();
    for span in spans {
        let wide = span.content.width();
        if wide <= left {
            left -= wide;
            out.push(span);
            continue;
        }
        let mut text = String::new();
        let mut taken = 0;
        for c in span.content.chars() {
            let columns = c.width().unwrap_or(0);
            if taken + columns + 1 > left {
                break;
            }
            taken += columns;
            text.push(c);
        }
        if left > 0 {
            text.push('…');
        }
        out.push(Span::styled(text, span.style));
        break;
    }
    Line::from(out)
}

/// A line as lines of the screen: what is too long goes on below, so that a command can be read to its end.
pub(super) fn broken(line: &str, width: usize) -> Vec<String> {
    if width == 0 || line.width() <= width {
        return vec![line.to_owned()];
    }
    let (mut out, mut text, mut taken) = (Vec::new(), String::new(), 0);
    for c in line.chars() {
        let columns = c.width().unwrap_or(0);
        if taken + columns > width {
            out.push(std::mem::take(&mut text));
            taken = 0;
        }
        taken += columns;
        text.push(c);
    }
    out.push(text);
    out
}

/// None is the lowest block and anything is above it: a single failure must be seen.
pub(super) fn block(n: u64, peak: u64) -> char {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    match n {
        0 => BLOCKS[0],
        n => BLOCKS[(n.saturating_mul(7).div_ceil(peak.max(1)) as usize).clamp(1, 7)],
    }
}

/// One line of a request that failed; with the upstream where a language for its name is given.
pub(super) fn failure(failure: &Failure, times: Times, now_us: Option<i64>, lang: Option<Lang>) -> String {
    let shown = |bytes: &[u8], most: usize| shortened(&terminal(bytes), most);
    let upstream = lang.map(|lang| match &failure.upstream {
        Some(name) => super::board::row_name(Some(name), lang),
        None => shown(&failure.authority, 40),
    });
    let words = [
        times.moment(failure.logged_us, now_us),
        failure.code.to_string(),
        shown(&failure.flags, 12),
        upstream.map(|name| shortened(&name, 32)).unwrap_or_default(),
        shown(&failure.method, 8),
        shown(&failure.path, 40),
        shown(&failure.details, 80),
    ];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_clipped_by_columns() {
        let line = |text: &str, width| clipped(vec![Span::raw(text.to_owned())], width).to_string();
        assert_eq!(line("一切正常", 8), "一切正常");
        assert_eq!(line("一切正常", 7), "一切正…");
        assert_eq!(line("abc", 0), "");
        assert_eq!(broken("一切正常", 5), ["一切", "正常"]);
    }

    #[test]
    fn a_single_failure_is_above_the_ground() {
        assert_eq!([block(0, 0), block(0, 9), block(1, 900), block(900, 900)], ['▁', '▁', '▂', '█']);
    }
}
