"""Databases and the like: TCP proxies."""

import config
import servers
from mesh import scenario


@scenario("TCP: nothing listens", "connection-refused", scope="ledgerdb")
def tcp_refused(mesh):
    mesh.calls(mesh.tcp_service("ledgerdb", [servers.Nothing()]), 40, kind="tcp")


@scenario("TCP: the upstream drops SYNs", "connect-timeout", scope="ledgerdb")
def tcp_connect_timeout(mesh):
    mesh.parallel = 30
    mesh.calls(mesh.tcp_service("ledgerdb", [servers.Silence()]), 30, kind="tcp")


@scenario("TCP: the upstream drops SYNs, and few callers come at a time: connects that time out fail those behind them at once",
          "connect-timeout", scope="ledgerdb")
def tcp_connect_timeout_spread(mesh):
    mesh.calls(mesh.tcp_service("ledgerdb", [servers.Silence()]), 40, kind="tcp")


@scenario("TCP: one of two pods drops SYNs", "connect-timeout", scope="ledgerdb")
def tcp_connect_timeout_one_of_two(mesh):
    mesh.parallel = 6
    mesh.calls(mesh.tcp_service("ledgerdb", [servers.Silence(), servers.Tcp()]), 60, kind="tcp")


@scenario("TCP: no endpoints", "no-endpoints", scope="ledgerdb")
def tcp_no_endpoints(mesh):
    mesh.calls(mesh.tcp_service("ledgerdb", []), 40, kind="tcp")


@scenario("TCP: the cluster does not exist", "missing-cluster", scope="")
def tcp_missing_cluster(mesh):
    mesh.calls(mesh.tcp_service("ledgerdb", [], missing=True), 40, kind="tcp")


@scenario("TCP: an authorization policy denies all", "rbac-denied", scope="ledgerdb")
def tcp_rbac(mesh):
    rules = {"action": "ALLOW", "policies": {"ns[bank]-policy[nobody]-rule[0]": {
        "permissions": [{"any": True}], "principals": [{"direct_remote_ip": {"address_prefix": "127.250.0.1", "prefix_len": 32}}]}}}
    rbac = config.typed("envoy.filters.network.rbac", "envoy.extensions.filters.network.rbac.v3.RBAC", stat_prefix="tcp", rules=rules)
    mesh.calls(mesh.tcp_service("ledgerdb", [servers.Tcp()], filters=[rbac]), 40, kind="tcp")


@scenario("TCP: no filter chain for what the caller offers (no TLS)", "plaintext-to-tls no-filter-chain sni-not-matched", scope="",
          named="no-filter-chain plaintext-to-tls sni-not-matched")
def tcp_no_chain(mesh):
    ledgerdb = mesh.tcp_service("ledgerdb", [servers.Tcp()], match={"server_names": ["ledgerdb.bank.svc.cluster.local"]})
    mesh.calls(ledgerdb, 40, kind="tcp")


@scenario("TCP: more connections than the circuit breaker allows", "circuit-breaker", scope="ledgerdb")
def tcp_overflow(mesh):
    limits = {"thresholds": [{"max_connections": 2}]}
    mesh.parallel = 20
    mesh.calls(mesh.tcp_service("ledgerdb", [servers.Tcp()], circuit_breakers=limits), 60, kind="tcp", hold=0.1)


@scenario("TCP: the upstream resets each connection after the first bytes", "upstream-closed upstream-reset", scope="ledgerdb",
          named="upstream-closed upstream-reset")
def tcp_reset(mesh):
    mesh.calls(mesh.tcp_service("ledgerdb", [servers.Tcp("reset")]), 40, kind="tcp")


@scenario("nothing: TCP connections that work; idle ones are closed by the proxy in the end", "-", scope="")
def tcp_idle(mesh):
    mesh.parallel = 12
    mesh.calls(mesh.tcp_service("ledgerdb", [servers.Tcp()], proxy={"idle_timeout": "0.3s"}), 40, kind="tcp", hold=1.0)


@scenario("nothing: TCP connections that work", "-", scope="")
def tcp_healthy(mesh):
    mesh.calls(mesh.tcp_service("ledgerdb", [servers.Tcp()]), 60, kind="tcp", hold=0.02)


# A network filter ends the connection before it has a cluster: the listener is all the log tells.
@scenario("TCP: a local rate limit", "tcp-connection-limited", scope="")
def tcp_rate_limit(mesh):
    limit = config.typed("envoy.filters.network.local_ratelimit", "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit",
                         stat_prefix="few", token_bucket={"max_tokens": 10, "tokens_per_fill": 1, "fill_interval": "60s"})
    mesh.calls(mesh.tcp_service("ledgerdb", [servers.Tcp()], filters=[limit]), 60, kind="tcp")
