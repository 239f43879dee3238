"""Situations with more than one thing in them: canaries, zones, chains of causes, several faults at once, streams."""

import asyncio

import config
import servers
from mesh import scenario
from scenarios.pairs import both
from scenarios.policy import ext_authz, rbac

CANARY = "outbound|9090|v2|ledger.bank.svc.cluster.local"
PANIC_OFF = {"healthy_panic_threshold": {"value": 0}}


def split(mesh, canary, share=30):
    """A route that sends a share of the requests to subset v2."""
    mesh.cluster(CANARY, mesh.hosts(canary, 9090))
    weights = lambda s: {"clusters": [{"name": s.cluster, "weight": 100 - share}, {"name": CANARY, "weight": share}]}
    return mesh.service("ledger", [servers.Http1()], subset="v1", routes=lambda s: [
        {"name": "canary", "match": {"prefix": "/"}, "route": {"weighted_clusters": weights(s), "timeout": "0s"}}])


@scenario("the canary (subset v2, a third of the traffic) answers 500", "application-error", scope=CANARY, counted=(15, 60))
def canary_500(mesh):
    mesh.calls(split(mesh, [servers.Http1(servers.answer(500))]), 100)


@scenario("nothing listens in the canary's pods", "connection-refused", scope=CANARY, counted=(15, 60))
def canary_refused(mesh):
    mesh.calls(split(mesh, [servers.Nothing()]), 100)


@scenario("a node is gone: three services have their only pod there, and SYNs are dropped", "connect-timeout network-unreachable",
          scope="", counted=False)
def node_down(mesh):
    mesh.parallel = 24
    for port, name in enumerate(["ledger", "quotes", "cards"], 8080):
        mesh.calls(mesh.service(name, [servers.Silence()], port=port), 20)


@scenario("three different faults at three services", "connection-refused upstream-timeout rbac-denied", scope="", counted=False,
          also="connection-refused upstream-timeout", named="rbac-denied")
def three_faults(mesh):
    mesh.parallel = 12
    mesh.calls(mesh.service("ledger", [servers.Nothing()], port=8080), 30)
    mesh.calls(mesh.service("quotes", [servers.Http1(servers.answer(after=0.7))], port=8085, route={"timeout": "0.2s"}), 30)
    mesh.calls(mesh.service("cards", [servers.Http1()], port=8090, filters=[rbac()]), 30)


@scenario("one of eight pods refuses connections", "connection-refused")
def one_of_eight_refuses(mesh):
    mesh.calls(mesh.service("ledger", [servers.Http1() for _ in range(7)] + [servers.Nothing()]), 160)


@scenario("nothing listens; after some failures the pod is ejected too", "connection-refused", named="outlier-ejection")
def refused_then_ejected(mesh):
    outliers = {"consecutive_5xx": 25, "interval": "0.2s", "base_ejection_time": "60s", "max_ejection_percent": 100}
    ledger = mesh.service("ledger", [servers.Nothing()], outlier_detection=outliers, common_lb_config=PANIC_OFF)
    mesh.parallel = 2
    mesh.calls(ledger, 60)


@scenario("SYNs are dropped, connects pile up, and the circuit breaker opens", "connect-timeout", named="circuit-breaker")
def silence_then_overflow(mesh):
    limits = {"thresholds": [{"max_connections": 2, "max_pending_requests": 2}]}
    mesh.parallel = 20
    mesh.calls(mesh.service("ledger", [servers.Silence()], circuit_breakers=limits), 80)


@scenario("nothing listens, retries wait, and the circuit breaker opens", "connection-refused", named="circuit-breaker")
def refused_then_overflow(mesh):
    limits = {"thresholds": [{"max_connections": 1, "max_pending_requests": 1}]}
    mesh.parallel = 20
    mesh.calls(mesh.service("ledger", [servers.Nothing()], retries=config.ISTIO_RETRIES, circuit_breakers=limits), 80)


@scenario("the application hangs, requests pile up, and the circuit breaker opens", "upstream-timeout",
          named="circuit-breaker")
def hangs_then_overflow(mesh):
    limits = {"thresholds": [{"max_connections": 4, "max_pending_requests": 2}]}
    ledger = mesh.service("ledger", [servers.Http1(servers.answer(after=1.2))], route={"timeout": "0.4s"}, circuit_breakers=limits)
    mesh.parallel = 30
    mesh.calls(ledger, 120)


@scenario("caller's log: the callee's proxy has no endpoint for its own application", "next-hop-error application-error",
          named="next-hop-error")
def next_hop_without_endpoints(mesh):
    mesh.calls(mesh.behind(mesh.inbound([])), 40)
    return both(["no-endpoints"])


@scenario("1 % of requests meet a connection that the application just closed", "keepalive-race -", named="keepalive-race",
          counted=False)
def keepalive_race_rare(mesh):
    mesh.parallel = 1
    mesh.pace = 0.001
    mesh.calls(mesh.service("ledger", [servers.Http1(servers.close_when_reused(99))]), 600)


@scenario("HTTP/2 callers reset their streams while the application works", "client-disconnected upstream-slow",
          named="client-disconnected", counted=(40, 40))
def caller_resets_streams(mesh):
    mesh.parallel = 12
    app = servers.Http1(servers.answer(after=0.9))
    mesh.calls(mesh.service("ledger", [app]), 40, kind="http2", patience=0.25, cancel=True)


@scenario("callers send half of a body and then nothing", "client-too-slow", scope="")
def caller_too_slow(mesh):
    mesh.parallel = 40
    ledger = mesh.service("ledger", [servers.Http1()], manager={"request_timeout": "0.4s"})
    head = (f"POST /v2/upload HTTP/1.1\r\nHost: {ledger.authority}\r\nUser-Agent: okhttp/4.12.0\r\nContent-Length: 5000\r\n\r\nhalf")
    mesh.calls(ledger, 20)
    mesh.calls(ledger, 40, raw=head.encode())


@scenario("the answer has two content lengths", "upstream-protocol-error", named="upstream-protocol-error")
def two_content_lengths(mesh):
    app = servers.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\nok")
    mesh.calls(mesh.service("ledger", [servers.Http1(app)]), 40)


@scenario("the external authorizer answers 500", "ext-authz-error ext-authz-denied", named="ext-authz-error")
def ext_authz_500(mesh):
    mesh.calls(mesh.service("ledger", [servers.Http1()], filters=[ext_authz(mesh, servers.Http1(servers.answer(500)))]), 40)


@scenario("TCP: the upstream resets each connection at once", "upstream-closed upstream-reset connection-refused", scope="ledgerdb",
          named="upstream-closed upstream-reset", counted=40)
def tcp_reset_at_once(mesh):
    mesh.calls(mesh.tcp_service("ledgerdb", [servers.Tcp("reset-at-once")]), 40, kind="tcp")


@scenario("TCP: the connection-limit filter allows two", "tcp-connection-limited", scope="")
def tcp_connection_limit(mesh):
    limit = config.typed("envoy.filters.network.connection_limit", "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit",
                         stat_prefix="two", max_connections=2)
    mesh.parallel = 20
    mesh.calls(mesh.tcp_service("ledgerdb", [servers.Tcp()], filters=[limit]), 60, kind="tcp", hold=0.1)


@scenario("nothing: WebSockets that end after a while", "-", scope="")
def websockets(mesh):
    async def talk(connection, nth):
        await connection.send(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n")
        await connection.send(b"\x81\x05hello")
        await asyncio.sleep(0.4)
        return False
    mesh.parallel = 20
    ledger = mesh.service("ledger", [servers.Http1(talk)], manager={"upgrade_configs": [{"upgrade_type": "websocket"}]})
    wants = [("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", "bGVkZ2VyIGxlZGdlcg==")]
    mesh.calls(ledger, 40, headers=wants)


@scenario("nothing: an upstream that ends each connection after its answer", "-", scope="")
def closes_politely(mesh):
    polite = servers.answer(headers="connection: close\r\n")

    async def once(connection, nth):
        await polite(connection, nth)
        return False
    mesh.calls(mesh.service("ledger", [servers.Http1(once)]), 80)


@scenario("the retry budget is used up while half of the tries fail", "application-error circuit-breaker retries-exhausted",
          named="application-error", counted=False)
def retry_budget(mesh):
    limits = {"thresholds": [{"max_retries": 1}]}
    retries = {"retry_on": "5xx", "num_retries": 3, "retry_back_off": {"base_interval": "0.05s"}}
    ledger = mesh.service("ledger", [servers.Http1(servers.answer(503, after=0.02))], circuit_breakers=limits, retries=retries)
    mesh.parallel = 10
    mesh.calls(ledger, 60)
