//! What happened when.

use std::collections::BTreeMap;

use super::super::escape::utf8;
use super::super::units::{count, counted};
use super::{Block, Section, Table, Teller, clock};
use crate::aggregate::{Host, Upstream};
use crate::arrange::Arrange;
use crate::incident::Incident;
use crate::record::time::{rfc3339_ms, rfc3339_s};

/// Events told at most.
const MOST: usize = 40;
/// Hosts told of each upstream.
const HOSTS: usize = 6;
/// With so many requests expected of a host and none seen it has gone (or had not come yet).
const EXPECTED: f64 = 5.0;

impl Teller<'_, '_> {
    /// The timeline.
    pub(super) fn events(&self, incident: &Incident) -> Section {
        let lang = self.lang();
        let mut events: Vec<(i64, String)> = Vec::new();
        let summary = self.account.report.summary;
        for name in &incident.upstreams {
            let upstream = match name {
                Some(name) => summary.upstreams.get(name),
                None => Some(&summary.no_upstream),
            };
            let Some(upstream) = upstream else { continue };
            let title = self.name(name.as_deref());
            if let Some(first) = upstream.failure.first_us().filter(|first| *first < incident.onset_us) {
                events.push((
                    first,
                    say!(
                        lang,
                        "first failure in this log of {title}: background, or its harbinger",
                        "{title} 在本日志中第一次失败：背景噪声或前兆"
                    ),
                ));
            }
            self.hosts(upstream, &title, &mut events);
        }
        self.flag_sets(incident, &mut events);
        let begun = match incident.began_before {
            true => lang.pick("it may have begun before the log does", "可能在日志开始之前就已发生"),
            false => lang.pick("onset", "开始"),
        };
        let place = self.place(incident);
        events.push((incident.began_us, say!(lang, "{begun}: {place} fails", "{begun}：{place} 失败")));
        if incident.began_us > incident.onset_us {
            let text = lang.pick(
                "start of the first request that failed: it was still running when the fault came",
                "第一个失败请求开始：故障发生时它仍在进行",
            );
            events.push((incident.onset_us, text.to_owned()));
        }
        let bucket = match incident.resolution_s {
            1 => lang.pick("a second", "一秒").to_owned(),
            s => super::super::units::duration(s.unsigned_abs() * 1000),
        };
        let (failures, n) = (counted(incident.peak_failed, "failure"), count(incident.peak_failed));
        events.push((
            incident.peak_us.max(incident.onset_us),
            say!(lang, "peak: {failures} within {bucket}", "峰值：{bucket}内 {n} 个失败"),
        ));
        let end = if incident.ongoing {
            lang.pick(
                "last failure before the log ends: still going on",
                "日志结束前的最后一次失败：仍在持续",
            )
        } else if incident.over_us > incident.last_us {
            let text = lang.pick("end: requests that had to wait are answered", "结束：等待中的请求得到应答");
            events.push((incident.over_us, text.to_owned()));
            lang.pick("start of the last request that failed", "最后一个失败请求开始")
        } else {
            lang.pick("end: the last failure", "结束：最后一次失败")
        };
        events.push((incident.last_us, end.to_owned()));
        events.arrange();
        let hidden = events.len().saturating_sub(MOST);
        let day = |us: i64| rfc3339_s(us).split('T').next().unwrap_or_default().to_owned();
        let days = events.first().zip(events.last()).map(|(a, b)| (day(a.0), day(b.0))).unwrap_or_default();
        // A log of several days needs the day beside each time.
        let one_day = days.0 == days.1;
        let time = |us| if one_day { clock(us) } else { rfc3339_ms(us) };
        let rows = events.into_iter().take(MOST).map(|(us, text)| vec![time(us), text]).collect();
        let head = lang.pick(["UTC", "what"], ["UTC", "事项"]);
        let mut blocks = vec![Block::Table(Table::new(head, rows, 2))];
        if hidden > 0 {
            let en = counted(hidden as u64, "event");
            blocks.push(Block::Text(say!(lang, "{en} more.", "另有 {hidden} 项。")));
        }
        let title = lang.pick("Timeline", "时间线");
        let title = if one_day { format!("{title}{}", lang.aside(&days.0)) } else { title.to_owned() };
        Section { title, blocks }
    }

    fn flag_sets(&self, incident: &Incident, events: &mut Vec<(i64, String)>) {
        let lang = self.lang();
        let mut sets: BTreeMap<String, (i64, u64)> = BTreeMap::new();
        for (key, symptom, n) in self.failures(incident) {
            let what = match (key.flags.is_empty(), key.unknown_flags.is_empty()) {
                (_, false) => utf8(&key.unknown_flags).into_owned(),
                (true, _) => {
                    let code = key.code;
                    say!(lang, "status {code} without a flag", "没有标志的状态码 {code}")
                }
                _ => key.flags.to_string(),
            };
            let Some(first) = symptom.span.first_us() else { continue };
            let entry = sets.entry(what).or_insert((first, 0));
            entry.0 = entry.0.min(first);
            entry.1 += n;
        }
        for (what, (first, n)) in sets {
            let n = count(n);
            events.push((
                first,
                say!(
                    lang,
                    "{what} appears for the first time ({n} during the incident)",
                    "首次出现 {what}（事件期间 {n} 次）"
                ),
            ));
        }
    }

    /// Hosts that come, go, begin to fail or recover.
    fn hosts(&self, upstream: &Upstream, title: &str, events: &mut Vec<(i64, String)>) {
        let lang = self.lang();
        let mut rows: Vec<_> = upstream.hosts().collect();
        rows.arrange_by(|a, b| b.1.counts.failed().cmp(&a.1.counts.failed()).then(a.0.cmp(b.0)));
        let Some((start, end)) = upstream.span.ends_us() else { return };
        for (name, host) in rows.into_iter().take(HOSTS) {
            let name = utf8(name);
            let Some((first, last)) = host.span.ends_us() else { continue };
            if missed(&host, first - start) {
                events.push((
                    first,
                    say!(lang, "host {name} of {title} appears", "{title} 的主机 {name} 出现"),
                ));
            }
            if missed(&host, end - last) {
                events.push((
                    last,
                    say!(
                        lang,
                        "host {name} of {title} is used for the last time",
                        "{title} 的主机 {name} 最后一次被使用"
                    ),
                ));
            }
            if let Some(failed) = host.failure.first_us() {
                events.push((failed, say!(lang, "first failure of host {name}", "主机 {name} 第一次失败")));
            }
            let (ok, failed) = (host.ok.last_us(), host.failure.last_us());
            if let (Some(ok), Some(failed)) = (ok, failed)
                && ok < failed
            {
                events.push((ok, say!(lang, "last success of host {name}", "主机 {name} 最后一次成功")));
            }
        }
    }
}

/// True when the host, at its own pace, would have been used in a stretch of time in which it was not.
fn missed(host: &Host, away_us: i64) -> bool {
    let Some((first, last)) = host.span.ends_us() else { return false };
    let here_us = (last - first).max(1_000_000) as f64;
    host.counts.requests() as f64 * away_us as f64 / here_us >= EXPECTED
}
