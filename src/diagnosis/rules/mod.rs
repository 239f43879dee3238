//! Signals: what one line cannot tell, as functions over the counts. `docs/catalog.md` lists them for authors of pages.

mod client;
mod hosts;
mod scope;
mod sides;
mod timing;

use super::case::Case;

/// A signal.
pub struct Rule {
    /// Name in the pages.
    pub name: &'static str,
    /// The evidence in words, without capital and full stop.
    pub says: &'static str,
    /// The same in Chinese.
    pub zh: &'static str,
    /// Whether it holds for a group of records.
    pub holds: fn(&Case<'_>) -> bool,
}

/// All signals.
pub static RULES: &[Rule] = &[
    Rule {
        name: "all-fail",
        says: "nothing succeeded there in this log",
        zh: "在本日志中那里没有一个请求成功",
        holds: scope::all_fail,
    },
    Rule {
        name: "amid-successes",
        says: "requests succeed before, between and after the failures",
        zh: "失败之前、之间和之后都有请求成功",
        holds: scope::amid_successes,
    },
    Rule {
        name: "sparse",
        says: "less than 5 % of the requests",
        zh: "不到请求的 5 %",
        holds: scope::sparse,
    },
    Rule {
        name: "quick", says: "most failed within 25 ms", zh: "大多在 25 ms 内失败", holds: timing::quick
    },
    Rule {
        name: "some-waited",
        says: "some waited before the others failed at once, as behind a connect that times out",
        zh: "一些请求先等待，其余随即失败，像是排在超时的连接之后",
        holds: timing::some_waited,
    },
    Rule {
        name: "worked-on",
        says: "most ended only after some milliseconds: the request had arrived",
        zh: "大多在若干毫秒之后才结束：请求已经到达",
        holds: timing::worked_on,
    },
    Rule {
        name: "constant-duration",
        says: "the durations are all but equal: a timer",
        zh: "耗时几乎相同：是定时器",
        holds: timing::constant,
    },
    Rule {
        name: "timer-10s",
        says: "they end after 10 s",
        zh: "都在 10 s 后结束",
        holds: |c| timing::timer(c, 10_000),
    },
    Rule {
        name: "timer-15s",
        says: "they end after 15 s, Envoy's default route timeout",
        zh: "都在 15 s 后结束，即 Envoy 默认的路由超时",
        holds: |c| timing::timer(c, 15_000),
    },
    Rule {
        name: "timer-60s",
        says: "they end after 60 s, a common idle timeout of load balancers",
        zh: "都在 60 s 后结束，是负载均衡器常见的空闲超时",
        holds: |c| timing::timer(c, 60_000),
    },
    Rule {
        name: "timer-300s",
        says: "they end after 300 s, Envoy's default stream idle timeout",
        zh: "都在 300 s 后结束，即 Envoy 默认的流空闲超时",
        holds: |c| timing::timer(c, 300_000),
    },
    Rule {
        name: "timer-3600s",
        says: "they end after an hour, Envoy's default idle timeout of connections",
        zh: "都在一小时后结束，即 Envoy 默认的连接空闲超时",
        holds: |c| timing::timer(c, 3_600_000),
    },
    Rule {
        name: "connect-timer",
        says: "the durations are multiples of a connect timeout",
        zh: "耗时是连接超时的整数倍",
        holds: timing::connect_timer,
    },
    Rule {
        name: "after-failures",
        says: "the same upstream failed in another way before",
        zh: "同一上游此前已以另一种方式失败",
        holds: scope::after_failures,
    },
    Rule {
        name: "after-5xx",
        says: "the same upstream answered 5xx or refused connections before",
        zh: "同一上游此前返回过 5xx 或拒绝过连接",
        holds: scope::after_5xx,
    },
    Rule {
        name: "from-start",
        says: "it never worked before in this log",
        zh: "在本日志中此前从未成功",
        holds: scope::from_start,
    },
    Rule {
        name: "only-first-seconds",
        says: "only in the first seconds of the log; the same requests succeed later",
        zh: "只出现在日志最初几秒；同样的请求后来成功",
        holds: timing::only_first_seconds,
    },
    Rule {
        name: "hosts-vanish",
        says: "the failing hosts are not used again, while other hosts go on",
        zh: "失败的主机不再被使用，其他主机继续工作",
        holds: hosts::vanish,
    },
    Rule {
        name: "new-hosts",
        says: "new hosts appear after the failures began",
        zh: "失败开始之后出现了新的主机",
        holds: hosts::appear,
    },
    Rule {
        name: "one-host",
        says: "one host has nearly all of them, the others are fine",
        zh: "几乎都发生在一个主机上，其余主机正常",
        holds: hosts::one,
    },
    Rule {
        name: "one-prefix",
        says: "all failing hosts are in one network, hosts elsewhere are fine",
        zh: "失败的主机都在同一网段，其他网段的主机正常",
        holds: hosts::one_prefix,
    },
    Rule {
        name: "many-upstreams",
        says: "several upstreams fail in the same way",
        zh: "多个上游以同样的方式失败",
        holds: scope::many_upstreams,
    },
    Rule {
        name: "served-before",
        says: "the same authority was served before",
        zh: "同一 authority 此前可以正常服务",
        holds: scope::served_before,
    },
    Rule {
        name: "ip-authority",
        says: "the authority is an address",
        zh: "authority 是一个 IP 地址",
        holds: client::ip_authority,
    },
    Rule {
        name: "scanner-path",
        says: "the paths are those that scanners try",
        zh: "路径是扫描器常试的路径",
        holds: client::scanner_path,
    },
    Rule {
        name: "gateway", says: "the lines are a gateway's", zh: "日志来自网关", holds: scope::gateway
    },
    Rule {
        name: "sidecar-inbound",
        says: "the listener is a sidecar's inbound listener",
        zh: "监听器是 Sidecar 的入站监听器",
        holds: scope::sidecar_inbound,
    },
    Rule {
        name: "listener-serves-tls",
        says: "the same listener serves clients that speak TLS",
        zh: "同一监听器正在为使用 TLS 的客户端服务",
        holds: scope::listener_serves_tls,
    },
    Rule {
        name: "sni-known",
        says: "the SNI is served elsewhere in this log",
        zh: "本日志别处可以为该 SNI 正常服务",
        holds: scope::sni_known,
    },
    Rule {
        name: "peer-envoy-bytes",
        says: "the size of the answer is that of an error made by an Envoy",
        zh: "响应长度与 Envoy 自身生成的错误一致",
        holds: scope::peer_envoy_bytes,
    },
    Rule {
        name: "grpc",
        says: "the status is 200 although it failed: gRPC",
        zh: "状态码为 200 却失败：是 gRPC",
        holds: |c| c.key.code == 200 && c.key.outcome.failed(),
    },
    Rule {
        name: "mesh-service",
        says: "the upstream is a service of the mesh",
        zh: "上游是网格内的服务",
        holds: scope::mesh_service,
    },
    Rule {
        name: "passthrough",
        says: "the destination is unknown to the mesh and was passed through",
        zh: "目标不在网格中，流量被透传",
        holds: scope::passthrough,
    },
    Rule {
        name: "eastwest-host",
        says: "the host is an east-west gateway (port 15443)",
        zh: "主机是东西向网关（端口 15443）",
        holds: hosts::east_west,
    },
    Rule {
        name: "hbone-host",
        says: "the host is reached through HBONE (port 15008)",
        zh: "经 HBONE（端口 15008）访问该主机",
        holds: hosts::hbone,
    },
    Rule {
        name: "metrics-request",
        says: "the requests are scrapes of metrics",
        zh: "这些请求是指标抓取",
        holds: client::metrics,
    },
    Rule {
        name: "probe-request",
        says: "the requests are health probes",
        zh: "这些请求是健康探测",
        holds: client::probe,
    },
    Rule {
        name: "slower-than-before",
        says: "the upstream is at least three times slower than before",
        zh: "上游比之前慢了至少三倍",
        holds: timing::slower_than_before,
    },
    Rule {
        name: "at-the-limit",
        says: "they are the longest requests of the upstream: a limit cuts them",
        zh: "它们是该上游耗时最长的请求：被某个时限切断",
        holds: timing::at_the_limit,
    },
    Rule {
        name: "retries", says: "the requests were retried", zh: "请求被重试过", holds: client::retries
    },
    Rule {
        name: "fault-injected-too",
        says: "faults are injected into the same upstream",
        zh: "同一上游被注入了故障",
        holds: scope::fault_injected_too,
    },
    Rule {
        name: "drain-window",
        says: "all within a minute and never again",
        zh: "都集中在一分钟之内，之后不再出现",
        holds: timing::drain_window,
    },
    Rule {
        name: "mixed-with-plaintext",
        says: "the same upstream answers in plaintext where TLS is spoken, or the reverse",
        zh: "同一上游时而明文、时而 TLS，两边不一致",
        holds: scope::mixed_with_plaintext,
    },
    Rule {
        name: "same-request-500",
        says: "the upstream also answers 5xx itself",
        zh: "上游自身也返回 5xx",
        holds: scope::own_5xx,
    },
    Rule {
        name: "breaks-both-ways",
        says: "closed connections and unreadable answers side by side, and no success",
        zh: "连接被关闭与响应无法解析并存，且没有成功",
        holds: scope::breaks_both_ways,
    },
    Rule {
        name: "peer-no-filter-chain",
        says: "the callee's listener found no filter chain for such connections",
        zh: "被调用方的监听器找不到与这类连接匹配的过滤器链",
        holds: scope::peer_no_filter_chain,
    },
    Rule {
        name: "same-connection-unmatched",
        says: "the callee's listener logged the very same connections: no filter chain took them",
        zh: "被调用方的监听器记录了同一批连接，且没有过滤器链匹配",
        holds: sides::connection_unmatched,
    },
    Rule {
        name: "callee-never-saw",
        says: "the callee's proxy, whose log is here, never saw them",
        zh: "被调用方代理的日志在此，但其中没有这些请求",
        holds: sides::callee_never_saw,
    },
    Rule {
        name: "callee-served",
        says: "the callee's proxy served them: the answer was lost on the way back",
        zh: "被调用方代理已正常应答：应答在返回途中丢失",
        holds: sides::callee_served,
    },
    Rule {
        name: "known-details",
        says: "the details are among those that Envoy itself writes",
        zh: "响应码详情是 Envoy 自身会写的内容",
        holds: scope::known_details,
    },
    Rule {
        name: "tls-hello-bytes",
        says: "the sessions moved a ClientHello in and an alert out, and nothing else",
        zh: "会话只传入一个 ClientHello、传出一个 alert，别无其他数据",
        holds: client::tls_hello,
    },
    Rule {
        name: "turned-away",
        says: "they moved no byte and were given no upstream, while the same listener carried other sessions",
        zh: "它们没有传输任何字节，也没有分配到上游，而同一监听器上的其他会话正常",
        holds: client::turned_away,
    },
    Rule {
        name: "unanswered",
        says: "no upstream service time, which other records of this log have: this proxy made the answer",
        zh: "没有上游处理时间，而本日志的其他记录有：响应是本代理生成的",
        holds: scope::unanswered,
    },
    Rule {
        name: "small-split-sample",
        says: "fewer than 100 requests are too few to judge a traffic split by",
        zh: "不到 100 个请求，不足以判断流量比例",
        holds: scope::small_split,
    },
];

/// The signal of this name.
pub(super) fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

pub(super) use hosts::{network, worst_prefix};
pub(super) use timing::constant_ms as timing_constant_ms;
