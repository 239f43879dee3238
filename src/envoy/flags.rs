//! Response flags (`%RESPONSE_FLAGS%`): what Envoy itself says of a request.
//!
//! Source: Envoy `envoy/stream_info/stream_info.h` and
//! `source/common/stream_info/utility.cc` (1.40). Filters may register flags of
//! their own since 1.30, so an unknown upper-case token is data, not an error.

use std::fmt;

use crate::pack::{Broken, Pack, Packer, Unpacker};

/// Whose behaviour a flag speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client, or the connection to it.
    Downstream,
    /// This proxy and its configuration.
    Envoy,
    /// The upstream, or the connection to it.
    Upstream,
    /// A rule that somebody set on purpose.
    Policy,
}

/// One response flag.
#[derive(Debug)]
pub struct FlagRow {
    /// Short name as in the log, `UF`.
    pub code: &'static str,
    /// Long name (`%RESPONSE_FLAGS_LONG%`, Envoy 1.28).
    pub name: &'static str,
    /// Whose behaviour it speaks of.
    pub side: Side,
    /// The HTTP status usually seen with it.
    pub status: &'static str,
    /// First Envoy version that has it.
    pub since: &'static str,
    /// What it means, in a sentence without a capital and a full stop.
    pub meaning: &'static str,
    /// The same in Chinese.
    pub zh: &'static str,
    /// The status in Chinese, where it is said in words.
    pub status_zh: &'static str,
}

/// All flags of Envoy, in alphabetical order of the short name. The row number is the flag's bit in
/// [`FlagSet`], so that walking the bits gives the canonical order.
pub static FLAGS: &[FlagRow] = &[
    FlagRow {
        code: "DC",
        name: "DownstreamConnectionTermination",
        side: Side::Downstream,
        status: "0",
        since: "1.9",
        meaning: "the client connection went away before the response was complete",
        zh: "响应完成之前，客户端连接断开",
        status_zh: "0",
    },
    FlagRow {
        code: "DF",
        name: "DnsResolutionFailed",
        side: Side::Upstream,
        status: "503",
        since: "1.22",
        meaning: "the dynamic forward proxy could not resolve the host name",
        zh: "动态转发代理无法解析主机名",
        status_zh: "503",
    },
    FlagRow {
        code: "DI",
        name: "DelayInjected",
        side: Side::Policy,
        status: "that of the upstream",
        since: "1.2",
        meaning: "the fault filter delayed the request on purpose; a companion, no error by itself",
        zh: "故障注入过滤器有意延迟了请求；是伴随标志，本身不是错误",
        status_zh: "上游的状态码",
    },
    FlagRow {
        code: "DO",
        name: "DropOverload",
        side: Side::Policy,
        status: "503",
        since: "1.29",
        meaning: "dropped on purpose by the drop_overload policy of the endpoint assignment",
        zh: "被端点分配中的 drop_overload 策略有意丢弃",
        status_zh: "503",
    },
    FlagRow {
        code: "DPE",
        name: "DownstreamProtocolError",
        side: Side::Downstream,
        status: "400 (431, 426, 501)",
        since: "1.12",
        meaning: "the client sent something that is not acceptable HTTP",
        zh: "客户端发送的内容不是可接受的 HTTP",
        status_zh: "400（431、426、501）",
    },
    FlagRow {
        code: "DR",
        name: "DownstreamRemoteReset",
        side: Side::Downstream,
        status: "0",
        since: "1.30",
        meaning: "the client reset this HTTP/2 or HTTP/3 stream: it cancelled, or its own timeout fired",
        zh: "客户端重置了 HTTP/2 或 HTTP/3 流：主动取消，或它自己的超时到了",
        status_zh: "0",
    },
    FlagRow {
        code: "DT",
        name: "DurationTimeout",
        side: Side::Envoy,
        status: "0",
        since: "1.16",
        meaning: "the connection reached its maximum age",
        zh: "连接达到最长存活时间",
        status_zh: "0",
    },
    FlagRow {
        code: "FI",
        name: "FaultInjected",
        side: Side::Policy,
        status: "as configured",
        since: "1.2",
        meaning: "the fault filter aborted the request on purpose",
        zh: "故障注入过滤器有意中止了请求",
        status_zh: "按配置",
    },
    FlagRow {
        code: "IH",
        name: "InvalidEnvoyRequestHeaders",
        side: Side::Downstream,
        status: "400",
        since: "1.11",
        meaning: "strict checking refused an x-envoy-* request header",
        zh: "严格检查拒绝了某个 x-envoy-* 请求头",
        status_zh: "400",
    },
    FlagRow {
        code: "LH",
        name: "FailedLocalHealthCheck",
        side: Side::Envoy,
        status: "503",
        since: "up to 1.1",
        meaning: "this proxy was told to fail its own health checks: it is draining or being shut down",
        zh: "本代理被设为健康检查失败：正在排空或关闭",
        status_zh: "503",
    },
    FlagRow {
        code: "LR",
        name: "LocalReset",
        side: Side::Envoy,
        status: "503",
        since: "up to 1.1",
        meaning: "this proxy itself reset the stream to the upstream",
        zh: "本代理自身重置了到上游的流",
        status_zh: "503",
    },
    FlagRow {
        code: "NC",
        name: "NoClusterFound",
        side: Side::Envoy,
        status: "503 (500 on Gateway API routes)",
        since: "1.18",
        meaning: "the matched route names a cluster that this proxy does not have",
        zh: "匹配的路由指向本代理中不存在的集群",
        status_zh: "503（Gateway API 路由为 500）",
    },
    FlagRow {
        code: "NFCF",
        name: "NoFilterConfigFound",
        side: Side::Envoy,
        status: "500",
        since: "1.16",
        meaning: "a filter has no configuration yet (extension configuration or Wasm image not there)",
        zh: "某个过滤器还没有配置（扩展配置或 Wasm 镜像没有到位）",
        status_zh: "500",
    },
    FlagRow {
        code: "NR",
        name: "NoRouteFound",
        side: Side::Envoy,
        status: "404 (TCP 0)",
        since: "up to 1.1",
        meaning: "no route matched host and path, or no filter chain matched the connection",
        zh: "没有路由匹配主机和路径，或没有过滤器链匹配该连接",
        status_zh: "404（TCP 0）",
    },
    FlagRow {
        code: "OM",
        name: "OverloadManagerTerminated",
        side: Side::Envoy,
        status: "503",
        since: "1.19",
        meaning: "the overload manager of this proxy ended the stream",
        zh: "本代理的过载管理器终止了流",
        status_zh: "503",
    },
    FlagRow {
        code: "RFCF",
        name: "ResponseFromCacheFilter",
        side: Side::Envoy,
        status: "as cached (429 for a quota)",
        since: "1.15",
        meaning: "answered from the cache filter; a quota denial carries it too",
        zh: "由缓存过滤器应答；配额拒绝也带有此标志",
        status_zh: "与缓存相同（配额为 429）",
    },
    FlagRow {
        code: "RL",
        name: "RateLimited",
        side: Side::Policy,
        status: "429",
        since: "1.2",
        meaning: "refused by the rate limit filter",
        zh: "被限流过滤器拒绝",
        status_zh: "429",
    },
    FlagRow {
        code: "RLSE",
        name: "RateLimitServiceError",
        side: Side::Policy,
        status: "500",
        since: "1.8",
        meaning: "the rate limit service could not be asked, and the filter fails closed",
        zh: "无法请求限流服务，而过滤器配置为失败即拒绝",
        status_zh: "500",
    },
    FlagRow {
        code: "SI",
        name: "StreamIdleTimeout",
        side: Side::Envoy,
        status: "504 or 408",
        since: "1.10",
        meaning: "nothing moved on the stream for the stream idle timeout (5 minutes unless configured)",
        zh: "流在空闲超时时间内没有任何数据（默认 5 分钟）",
        status_zh: "504 或 408",
    },
    FlagRow {
        code: "UAEX",
        name: "UnauthorizedExternalService",
        side: Side::Policy,
        status: "the authorizer's, else 403",
        since: "1.6",
        meaning: "the external authorizer refused, or could not be asked",
        zh: "外部授权服务拒绝，或无法请求它",
        status_zh: "授权服务给出的，否则 403",
    },
    FlagRow {
        code: "UC",
        name: "UpstreamConnectionTermination",
        side: Side::Upstream,
        status: "503 (gRPC 200)",
        since: "up to 1.1",
        meaning: "an upstream connection that was up was closed or reset before the response was complete",
        zh: "响应完成之前，已建立的上游连接被关闭或重置",
        status_zh: "503（gRPC 200）",
    },
    FlagRow {
        code: "UDO",
        name: "UnconditionalDropOverload",
        side: Side::Policy,
        status: "503",
        since: "1.34",
        meaning: "all traffic to the cluster is dropped by policy",
        zh: "到该集群的流量被策略全部丢弃",
        status_zh: "503",
    },
    FlagRow {
        code: "UF",
        name: "UpstreamConnectionFailure",
        side: Side::Upstream,
        status: "503 (gRPC 200, TCP 0)",
        since: "up to 1.1",
        meaning: "a connection to the chosen endpoint could not be made: refused, unreachable, timed out, or its TLS handshake failed",
        zh: "无法与选中的端点建立连接：被拒绝、不可达、超时，或 TLS 握手失败",
        status_zh: "503（gRPC 200、TCP 0）",
    },
    FlagRow {
        code: "UH",
        name: "NoHealthyUpstream",
        side: Side::Upstream,
        status: "503 (gRPC 200, TCP 0)",
        since: "up to 1.1",
        meaning: "the load balancer found no usable endpoint in the cluster",
        zh: "负载均衡在集群中找不到可用的端点",
        status_zh: "503（gRPC 200、TCP 0）",
    },
    FlagRow {
        code: "UMSDR",
        name: "UpstreamMaxStreamDurationReached",
        side: Side::Upstream,
        status: "504 or 408",
        since: "1.15",
        meaning: "the maximum stream duration of route or cluster ran out",
        zh: "达到路由或集群的最大流持续时间",
        status_zh: "504 或 408",
    },
    FlagRow {
        code: "UO",
        name: "UpstreamOverflow",
        side: Side::Envoy,
        status: "503 (gRPC 200, TCP 0)",
        since: "up to 1.1",
        meaning: "a circuit breaker limit was reached",
        zh: "达到熔断上限",
        status_zh: "503（gRPC 200、TCP 0）",
    },
    FlagRow {
        code: "UPE",
        name: "UpstreamProtocolError",
        side: Side::Upstream,
        status: "502",
        since: "1.18",
        meaning: "the answer of the upstream is not acceptable HTTP",
        zh: "上游的响应不是可接受的 HTTP",
        status_zh: "502",
    },
    FlagRow {
        code: "UR",
        name: "UpstreamRemoteReset",
        side: Side::Upstream,
        status: "503 (gRPC 200)",
        since: "up to 1.1",
        meaning: "the upstream reset the stream (HTTP/2 or HTTP/3)",
        zh: "上游重置了流（HTTP/2 或 HTTP/3）",
        status_zh: "503（gRPC 200）",
    },
    FlagRow {
        code: "URX",
        name: "UpstreamRetryLimitExceeded",
        side: Side::Upstream,
        status: "that of the last try",
        since: "1.10",
        meaning: "retries were used up; a companion, the other flag or the status says why",
        zh: "重试次数用尽；是伴随标志，原因看另一个标志或状态码",
        status_zh: "最后一次尝试的状态码",
    },
    FlagRow {
        code: "UT",
        name: "UpstreamRequestTimeout",
        side: Side::Upstream,
        status: "504 (gRPC 200)",
        since: "up to 1.1",
        meaning: "no answer from the upstream within the route or per-try timeout",
        zh: "在路由超时或单次尝试超时内没有收到上游的响应",
        status_zh: "504（gRPC 200）",
    },
];

/// The bit that says: a flag we do not know was there too.
const UNKNOWN: u64 = 1 << 63;

/// A set of response flags. Their order in the line has no meaning (it changed in Envoy 1.30).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct FlagSet(u64);

impl FlagSet {
    /// No flag.
    pub const EMPTY: FlagSet = FlagSet(0);

    /// Reads the text of the log: short or long names joined by `,`; `-` and the empty text are the empty set.
    /// An unknown token sets [`has_unknown`](Self::has_unknown); its text stays with the record.
    pub fn parse(text: &[u8]) -> FlagSet {
        if text == b"-" || text.is_empty() {
            return FlagSet::EMPTY;
        }
        let mut set = 0;
        for token in tokens(text) {
            set |= bit_of(token).map_or(UNKNOWN, |bit| 1 << bit);
        }
        FlagSet(set)
    }

    /// True when no flag is set, known or unknown.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True when a token was there that is not in [`FLAGS`].
    pub fn has_unknown(self) -> bool {
        self.0 & UNKNOWN != 0
    }

    /// True when all of `other` is in `self`.
    pub const fn contains(self, other: FlagSet) -> bool {
        self.0 & other.0 == other.0
    }

    /// True when any of `other` is in `self`.
    pub const fn intersects(self, other: FlagSet) -> bool {
        self.0 & other.0 != 0
    }

    /// `self` with `other` added.
    pub const fn with(self, other: FlagSet) -> FlagSet {
        FlagSet(self.0 | other.0)
    }

    /// `self` without `other`.
    pub const fn without(self, other: FlagSet) -> FlagSet {
        FlagSet(self.0 & !other.0)
    }

    /// The known flags, in canonical order.
    pub fn rows(self) -> impl Iterator<Item = &'static FlagRow> {
        FLAGS.iter().enumerate().filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, row)| row)
    }

    /// The bits, for a flat counter per flag: bit number = row of [`FLAGS`].
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The set of the flag with this short or long name.
    pub fn of(name: &str) -> Option<FlagSet> {
        bit_of(name.as_bytes()).map(|bit| FlagSet(1 << bit))
    }

    /// One set from short names that the code itself names.
    ///
    /// # Panics
    /// When a name is not in [`FLAGS`]; `const` uses find that when compiling.
    pub const fn known(names: &[&str]) -> FlagSet {
        let mut set = 0;
        let mut n = 0;
        while n < names.len() {
            let mut row = 0;
            while row < FLAGS.len() && !same(FLAGS[row].code, names[n]) {
                row += 1;
            }
            assert!(row < FLAGS.len(), "a flag that is not in the table");
            set |= 1 << row;
            n += 1;
        }
        FlagSet(set)
    }
}

/// By name: bits are places in a table that grows. Names of other versions are as unknown here as they were to that log.
impl Pack for FlagSet {
    fn put(&self, out: &mut Packer<'_>) {
        let unknown = self.has_unknown().then_some("?");
        let names: Vec<&str> = self.rows().map(|row| row.code).chain(unknown).collect();
        out.text(names.join(",").as_bytes());
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let len = from.length(0)?;
        Ok(FlagSet::parse(from.bytes(len)?))
    }
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// The tokens of a flags field.
pub fn tokens(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&b| b == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty() && *token != b"-")
}

/// The short names as words, in the order of [`FLAGS`]: they are asked for in every line that failed.
static CODES: [u64; FLAGS.len()] = {
    let mut words = [0; FLAGS.len()];
    let mut row = 0;
    while row < words.len() {
        words[row] = word(FLAGS[row].code.as_bytes());
        row += 1;
    }
    words
};

/// Up to eight bytes as a word; words have the order of their texts.
const fn word(text: &[u8]) -> u64 {
    let mut word = 0;
    let mut at = 0;
    while at < 8 {
        word = word << 8 | if at < text.len() { text[at] as u64 } else { 0 };
        at += 1;
    }
    word
}

fn bit_of(token: &[u8]) -> Option<usize> {
    if token.len() <= 8
        && let Ok(bit) = CODES.binary_search(&word(token))
        && FLAGS[bit].code.len() == token.len()
    {
        return Some(bit);
    }
    FLAGS.iter().position(|row| row.name.as_bytes() == token)
}

/// The short name of a token: long names are folded, unknown tokens stay as they are.
pub fn short(token: &[u8]) -> &[u8] {
    bit_of(token).map_or(token, |bit| FLAGS[bit].code.as_bytes())
}

/// True for text that can stand in the flags field of a log line: `-`, or names joined by `,`. Custom flags are
/// upper-case letters, digits and `_`; long names are camel case.
pub fn looks_like_flags(text: &[u8]) -> bool {
    if text == b"-" {
        return true;
    }
    !text.is_empty()
        && text.split(|&b| b == b',').all(|token| {
            token.first().is_some_and(u8::is_ascii_uppercase)
                && (bit_of(token).is_some()
                    || token.iter().all(|&b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'))
        })
}

impl fmt::Display for FlagSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("-");
        }
        let mut first = true;
        for row in self.rows() {
            if !std::mem::take(&mut first) {
                f.write_str(",")?;
            }
            f.write_str(row.code)?;
        }
        if self.has_unknown() {
            f.write_str(if first { "?" } else { ",?" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for FlagSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlagSet({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_codes_are_unique() {
        assert_eq!(FLAGS.len(), 30);
        assert!(FLAGS.windows(2).all(|w| w[0].code < w[1].code));
    }

    #[test]
    fn sets_do_not_depend_on_order_or_spelling() {
        assert_eq!(FlagSet::parse(b"UF,URX"), FlagSet::parse(b"URX,UF"));
        assert_eq!(FlagSet::parse(b"UpstreamConnectionFailure"), FlagSet::known(&["UF"]));
        assert_eq!(FlagSet::parse(b"URX,UF").to_string(), "UF,URX");
        assert_eq!(FlagSet::parse(b"-"), FlagSet::EMPTY);
    }

    #[test]
    fn unknown_tokens_are_kept_in_mind() {
        let set = FlagSet::parse(b"UF,XYZ");
        assert!(set.has_unknown() && set.contains(FlagSet::known(&["UF"])));
        assert!(
            looks_like_flags(b"XYZ_1,UF") && !looks_like_flags(b"via_upstream") && !looks_like_flags(b"12")
        );
    }
}
