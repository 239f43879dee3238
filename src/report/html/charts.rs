//! Charts as inline SVG, drawn here: they are there without scripts. One unit across is one bucket, so that zooming is a
//! change of the view box. No style attributes: the content security policy forbids them.

use super::super::escape::html;
use super::super::story::{Figure, Heat, Lines, Stack};
use super::super::units::{bucket, capital, count, duration};
use crate::record::time::{clock_s, rfc3339_s};
use crate::words::Lang;

pub(super) fn figure(figure: &Figure, lang: Lang, out: &mut String) {
    match figure {
        Figure::Stack(stack) => stacked(stack, lang, out),
        Figure::Heat(heat) => heat_map(heat, lang, out),
        Figure::Lines(lines) => curves(lines, lang, out),
        Figure::Graph(graph) => super::graph::graph(graph, lang, out),
    }
}

/// Layers of the stack that have a colour; the last is for the rest.
const COLOURS: usize = 7;

fn stacked(stack: &Stack, lang: Lang, out: &mut String) {
    let Some(first) = stack.buckets.first() else { return };
    let n = stack.buckets.len();
    let most = stack.buckets.iter().map(|b| b.2.max(b.3.iter().sum())).max().unwrap_or(0).max(1);
    let (every, highest, what) = (bucket(stack.width_s, lang), count(most), capital(stack.what));
    let caption = say!(
        lang,
        "{what} per {every} by response flags, highest {highest}; shaded: incidents",
        "每{every}{what}数，按响应标志，最高 {highest}；阴影：事件"
    );
    *out += &format!("<figure class=\"zoom\"><figcaption>{caption}</figcaption>\n");
    let label = say!(lang, "{what} per {every}", "每{every}{what}数");
    *out += &open_plot(n, first.0, stack.width_s, &label);
    marks(&stack.marks, first.0, stack.width_s, n, out);
    for (x, (us, requests, failed, layers)) in stack.buckets.iter().enumerate().filter(|(_, b)| b.2 > 0) {
        let rest = failed.saturating_sub(layers.iter().sum());
        let words = stack
            .layers
            .iter()
            .zip(layers)
            .filter(|(_, n)| **n > 0)
            .map(|(name, n)| format!(", {} {}", html(name), count(*n)))
            .collect::<String>();
        let (at, hit, requests, what) = (clock_s(*us), count(*failed), count(*requests), stack.what);
        *out += &say!(
            lang,
            "<g><title>{at}: {hit} {what} of {requests} requests{words}</title>",
            "<g><title>{at}：{requests} 个请求中{what} {hit} 个{words}</title>"
        );
        let mut y = 100.0;
        for (layer, n) in layers.iter().chain([&rest]).enumerate().filter(|(_, n)| **n > 0) {
            let height = *n as f64 * 95.0 / most as f64;
            y -= height;
            let class = layer.min(COLOURS - 1);
            let class = if layer == layers.len() { COLOURS - 1 } else { class };
            *out += &format!(
                "<rect class=\"l{class}\" x=\"{x}.05\" y=\"{y:.2}\" width=\"0.9\" height=\"{height:.2}\"/>"
            );
        }
        *out += "</g>\n";
    }
    *out += "</svg>\n";
    axis(first.0, stack.width_s, n, out);
    *out += "<ul class=\"legend\">";
    let other = stack.buckets.iter().any(|b| b.2 > b.3.iter().sum());
    let names = stack.layers.iter().map(String::as_str).map(|name| (name, false));
    for (at, (name, last)) in names.chain(other.then_some((lang.pick("others", "其他"), true))).enumerate()
    {
        let class = if last { COLOURS - 1 } else { at.min(COLOURS - 1) };
        *out += &format!("<li>{}{}</li>", swatch(&format!("l{class}")), html(name));
    }
    *out += "</ul></figure>\n";
}

fn swatch(class: &str) -> String {
    format!(
        "<svg class=\"swatch\" viewBox=\"0 0 1 1\" aria-hidden=\"true\"><rect class=\"{class}\" width=\"1\" \
         height=\"1\"/></svg>"
    )
}

fn open_plot(buckets: usize, start_us: i64, width_s: i64, label: &str) -> String {
    format!(
        "<svg class=\"plot\" viewBox=\"0 0 {buckets} 100\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{}\" data-buckets=\"{buckets}\" data-start=\"{}\" data-width=\"{width_s}\">\n",
        html(label),
        start_us.div_euclid(1_000_000)
    )
}

/// Incidents, as shades behind the data.
fn marks(marks: &[(i64, i64)], start_us: i64, width_s: i64, buckets: usize, out: &mut String) {
    let width_us = width_s as f64 * 1e6;
    for (from, to) in marks {
        let from = ((from - start_us) as f64 / width_us).floor().max(0.0);
        let to = (((to - start_us) as f64 / width_us).floor() + 1.0).min(buckets as f64);
        *out += &format!(
            "<rect class=\"mark\" x=\"{from:.0}\" y=\"0\" width=\"{:.0}\" height=\"100\"/>\n",
            (to - from).max(0.0)
        );
    }
}

fn axis(start_us: i64, width_s: i64, buckets: usize, out: &mut String) {
    let at = |half: i64| {
        start_us.saturating_add(
            width_s.saturating_mul(1_000_000).saturating_mul(buckets as i64).saturating_mul(half) / 2,
        )
    };
    *out += &format!(
        "<div class=\"axis\"><span>{}</span><span>{}</span><span>{}</span></div>\n",
        rfc3339_s(at(0)),
        clock_s(at(1)),
        rfc3339_s(at(2))
    );
}

fn heat_map(heat: &Heat, lang: Lang, out: &mut String) {
    let most = heat.rows.iter().flat_map(|(_, counts)| counts).copied().max().unwrap_or(0);
    let caption = lang.pick(
        "Failures and denials by upstream and response flags (status where there are none), the whole log",
        "各上游的失败和拒绝，按响应标志（没有标志的按状态码），整个日志",
    );
    let upstream = lang.pick("upstream", "上游");
    *out += &format!(
        "<figure><figcaption>{caption}</figcaption>\n<div class=\"wide\"><table class=\"sortable heat\"><thead><tr>\
         <th scope=\"col\">{upstream}</th>"
    );
    for flag in &heat.columns {
        *out += &format!("<th scope=\"col\" class=\"n\">{}</th>", html(flag));
    }
    *out += "</tr></thead><tbody>\n";
    for (name, counts) in &heat.rows {
        *out += &format!("<tr><td>{}</td>", html(name));
        for n in counts {
            *out += &format!("<td class=\"h h{}\">{}</td>", level(*n, most), count(*n));
        }
        *out += "</tr>\n";
    }
    *out += "</tbody></table></div></figure>\n";
}

/// 0 for nothing, then 1 to 5 by orders of magnitude below the highest.
fn level(n: u64, most: u64) -> u32 {
    if n == 0 {
        return 0;
    }
    let share = (n as f64 + 1.0).ln() / (most as f64 + 1.0).ln();
    ((share * 5.0).ceil() as u32).clamp(1, 5)
}

fn curves(lines: &Lines, lang: Lang, out: &mut String) {
    let (Some(first), Some(last)) = (lines.points.first(), lines.points.last()) else { return };
    let width_us = lines.width_s.saturating_mul(1_000_000).max(1);
    let buckets = usize::try_from((last.0 - first.0) / width_us + 1).unwrap_or(1);
    let most = lines.points.iter().map(|(_, q)| q[2]).max().unwrap_or(0).max(10);
    let (every, highest) = (bucket(lines.width_s, lang), duration(most));
    let caption = say!(
        lang,
        "Latency per {every}, logarithmic, highest {highest}",
        "每{every}延迟，对数坐标，最高 {highest}"
    );
    *out += &format!("<figure class=\"zoom\"><figcaption>{caption}</figcaption>\n");
    let label = lang.pick("Latency p50, p90, p99", "延迟 p50、p90、p99");
    *out += &open_plot(buckets, first.0, lines.width_s, label);
    marks(&lines.marks, first.0, lines.width_s, buckets, out);
    let height = |ms: u64| 98.0 - 93.0 * (ms as f64 + 1.0).ln() / (most as f64 + 1.0).ln();
    for quantile in 0..3 {
        let points: Vec<String> = lines
            .points
            .iter()
            .map(|(us, q)| {
                format!("{:.1},{:.2}", (us - first.0) as f64 / width_us as f64 + 0.5, height(q[quantile]))
            })
            .collect();
        *out += &format!("<polyline class=\"p{quantile}\" points=\"{}\"/>\n", points.join(" "));
    }
    *out += "</svg>\n";
    axis(first.0, lines.width_s, buckets, out);
    *out += "<ul class=\"legend\">";
    for (at, name) in ["p50", "p90", "p99"].into_iter().enumerate() {
        *out += &format!("<li>{}{name}</li>", swatch(&format!("f{at}")));
    }
    *out += "</ul></figure>\n";
}
