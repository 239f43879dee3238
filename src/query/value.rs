//! The values of conditions, read from what the user typed.

use super::wrong;
use crate::error::Result;
use crate::record::{OUTCOMES, Outcome, time};

/// RFC 3339, or `-15m` before now.
pub(super) fn time_us(text: &str, now_us: i64) -> Result<i64> {
    if let Some(ago) = text.strip_prefix('-') {
        let ms = duration_ms(ago).ok_or_else(|| {
            wrong(both!("{text:?}: a time such as -15m is expected", "{text:?}：应为 -15m 这样的时间"))
        })?;
        let us = i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000);
        return Ok(now_us.saturating_sub(us));
    }
    time::parse_us(text.as_bytes()).ok_or_else(|| {
        wrong(both!(
            "{text:?} is no time: 2026-01-02T03:04:05Z or -15m is expected",
            "{text:?} 不是时间：应为 2026-01-02T03:04:05Z 或 -15m"
        ))
    })
}

/// `end-15m` as `-15m`, to be counted from the last record instead of from now; `None`: another way to name a time.
pub fn before_the_last(text: &str) -> Option<String> {
    let (not, value) = text.strip_prefix('!').map_or(("", text), |value| ("!", value));
    value.strip_prefix("end").filter(|rest| rest.starts_with('-')).map(|rest| format!("{not}{rest}"))
}

/// Milliseconds of `250ms`, `1.5s`, `15m`, `2h`, `1d`; a bare number is milliseconds.
pub fn duration_ms(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit_ms = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') {
        return None;
    }
    let thousandths: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(unit_ms)?.checked_add(thousandths * unit_ms / 1000)
}

pub(super) fn outcome(name: &str) -> Result<Outcome> {
    OUTCOMES.into_iter().find(|o| o.name() == name).ok_or_else(|| {
        let known = OUTCOMES.map(Outcome::name);
        let names = known.join(", ");
        let message =
            both!("{name:?} is no outcome; there are: {names}", "没有结果类别 {name:?}；可用的有：{names}");
        wrong(message.meant(name, known))
    })
}

pub(super) fn direction(name: &str) -> Result<&'static str> {
    let known = ["inbound", "outbound"];
    known.into_iter().find(|known| *known == name).ok_or_else(|| {
        let message = both!(
            "{name:?} is no direction: inbound or outbound is expected",
            "{name:?} 不是方向：应为 inbound 或 outbound"
        );
        wrong(message.meant(name, known))
    })
}

/// The numbers that fit a condition such as `>` 7: all from the first to the last. `None`: no such condition, or none fits.
fn bounds(operator: &str, than: u64) -> Option<(u64, u64)> {
    match operator {
        ">" => Some((than.checked_add(1)?, u64::MAX)),
        ">=" => Some((than, u64::MAX)),
        "<" => Some((0, than.checked_sub(1)?)),
        "<=" => Some((0, than)),
        "=" => Some((than, than)),
        _ => None,
    }
}

/// `>=500` taken apart. The operator is empty where there is none.
fn comparison(text: &str) -> (&str, &str) {
    let (operator, value) = text.split_at(text.find(|c| !"<>=".contains(c)).unwrap_or(text.len()));
    (operator, value.trim())
}

/// Ranges of codes.
#[derive(Debug, Clone)]
pub(super) struct Codes(Vec<(u64, u64)>);

impl Codes {
    /// `503`, `5xx`, `50x`, `0`, `>=500`.
    pub(super) fn parse<'v>(values: impl Iterator<Item = &'v str>) -> Result<Codes> {
        let code = |text: &str, with: &str| {
            let plain =
                text.len() <= 3 && text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains('+');
            text.to_ascii_lowercase().replace('x', with).parse().ok().filter(|_| plain)
        };
        let range = |text: &str| {
            let range = match comparison(text) {
                ("", _) => code(text, "0").zip(code(text, "9")),
                (operator, value) => code(value, "x").and_then(|code| bounds(operator, code)),
            };
            range.ok_or_else(|| {
                wrong(both!(
                    "{text:?} is no code: 503, 5xx or '>=500' is expected",
                    "{text:?} 不是状态码：应为 503、5xx 或 '>=500'"
                ))
            })
        };
        Ok(Codes(values.map(range).collect::<Result<_>>()?))
    }

    pub(super) fn contain(&self, code: u16) -> bool {
        self.0.iter().any(|(low, high)| (*low..=*high).contains(&code.into()))
    }
}

/// `>1s`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comparison {
    low_ms: u64,
    high_ms: u64,
}

impl Comparison {
    pub(super) fn parse(text: &str) -> Result<Comparison> {
        let (operator, value) = comparison(text);
        let range = duration_ms(value).and_then(|ms| bounds(operator, ms));
        let (low_ms, high_ms) = range.ok_or_else(|| {
            wrong(both!(
                "{text:?} is no condition on a duration: '>1s' or '<=250ms' is expected",
                "{text:?} 不是耗时条件：应为 '>1s' 或 '<=250ms'"
            ))
        })?;
        Ok(Comparison { low_ms, high_ms })
    }

    pub(super) fn holds(self, ms: u64) -> bool {
        (self.low_ms..=self.high_ms).contains(&ms)
    }
}
