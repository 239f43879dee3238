//! The only place that turns numbers into words: counts, rates, durations, bytes. Units are symbols, the same in every
//! language.

use crate::words::Lang;

/// `10,240`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 request`, `10,240 requests`: English alone; Chinese has its own measure words.
pub fn counted(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(n))
}

/// The first letter as a capital.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// `4.9 %` of a part in a whole. What is not nothing never reads as nothing, and what is not all never as all.
pub fn rate(part: u64, whole: u64) -> String {
    if whole == 0 || part == 0 {
        return "0 %".to_owned();
    }
    if part >= whole {
        return "100 %".to_owned();
    }
    let permille = (u128::from(part) * 2000 + u128::from(whole)) / (u128::from(whole) * 2);
    match permille {
        0 => "<0.1 %".to_owned(),
        1000.. => ">99.9 %".to_owned(),
        n => format!("{}.{} %", n / 10, n % 10),
    }
}

/// `91 %`: a confidence between 0 and 1, never shown as certain.
pub fn confidence(value: f64) -> String {
    format!("{:.0} %", (value * 100.0).clamp(1.0, 99.0))
}

/// `12 ms`, `10.0 s`, `14 min 46 s`, `2 h 5 min`, `3 d 4 h`: the unit that a person would say.
pub fn duration(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        0 => format!("{ms} ms"),
        1..60 => format!("{}.{} s", s, ms % 1000 / 100),
        60..3_600 => two(s / 60, "min", s % 60, "s"),
        3_600..172_800 => two(s / 3_600, "h", s % 3_600 / 60, "min"),
        _ => two(s / 86_400, "d", s % 86_400 / 3_600, "h"),
    }
}

fn two(large: u64, unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{} {unit}", count(large)),
        n => format!("{} {unit} {n} {small_unit}", count(large)),
    }
}

/// `second`, `minute`, `15 s`: what follows "failures per", or stands within `每…失败数`.
pub fn bucket(seconds: i64, lang: Lang) -> String {
    match seconds {
        1 => lang.pick("second", "秒").to_owned(),
        60 => lang.pick("minute", "分钟").to_owned(),
        3_600 => lang.pick("hour", "小时").to_owned(),
        86_400 => lang.pick("day", "天").to_owned(),
        604_800 => lang.pick("week", "周").to_owned(),
        s => {
            let text = duration(s.unsigned_abs().saturating_mul(1000)).replace(".0 s", " s");
            // Chinese stands close around words and apart from numbers.
            say!(lang, "{text}", " {text} ")
        }
    }
}

/// `512 B`, `1.4 MB`: powers of 1,000, as file managers and clouds count.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if n < 1000 {
        return format!("{n} B");
    }
    let mut whole = n;
    let mut tenths = 0;
    let mut unit = "B";
    for name in UNITS {
        if whole < 1000 {
            break;
        }
        (tenths, whole, unit) = (whole % 1000 / 100, whole / 1000, name);
    }
    if whole < 10 { format!("{whole}.{tenths} {unit}") } else { format!("{whole} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_three() {
        let shown: Vec<_> = [0, 999, 1_000, 10_240, 1_234_567].map(count).into();
        assert_eq!(shown, ["0", "999", "1,000", "10,240", "1,234,567"]);
    }

    #[test]
    fn rates_do_not_lie_at_the_ends() {
        assert_eq!(rate(0, 10), "0 %");
        assert_eq!(rate(1, 1_000_000), "<0.1 %");
        assert_eq!(rate(498, 10_240), "4.9 %");
        assert_eq!(rate(999_999, 1_000_000), ">99.9 %");
        assert_eq!(rate(7, 7), "100 %");
        assert_eq!(rate(u64::MAX / 2, u64::MAX), "50.0 %");
        assert_eq!(confidence(1.0), "99 %");
    }

    #[test]
    fn durations_have_the_unit_a_person_would_say() {
        let shown: Vec<_> =
            [12, 999, 10_000, 886_000, 3_600_000, 7_500_000, 300_000_000].map(duration).into();
        assert_eq!(shown, ["12 ms", "999 ms", "10.0 s", "14 min 46 s", "1 h", "2 h 5 min", "3 d 11 h"]);
        let shown: Vec<_> = [60, 15, 300].map(|seconds| bucket(seconds, Lang::En)).into();
        assert_eq!(shown, ["minute", "15 s", "5 min"]);
        assert_eq!((bucket(60, Lang::Zh), bucket(15, Lang::Zh)), ("分钟".into(), " 15 s ".into()));
    }

    #[test]
    fn bytes_have_at_most_three_digits() {
        let shown: Vec<_> = [0, 999, 1_000, 1_450_000, 12_000_000_000, u64::MAX].map(bytes).into();
        assert_eq!(shown, ["0 B", "999 B", "1.0 kB", "1.4 MB", "12 GB", "18 EB"]);
    }
}
