"""The connection to the upstream never comes up, or there is nobody to connect to."""

import config
import servers
from mesh import scenario


def subset_of(version):
    """A cluster whose endpoints have a label, and a route that asks for one."""
    return {"lb_subset_config": {"fallback_policy": "NO_FALLBACK", "subset_selectors": [{"keys": ["version"]}]}}


@scenario("nothing listens on the upstream's port", "connection-refused")
def refused(mesh):
    ledger = mesh.service("ledger", [servers.Nothing()], retries=config.ISTIO_RETRIES)
    mesh.calls(ledger, 40)


@scenario("nothing listens, and Envoy's own limit of three retries at a time is met too", "connection-refused")
def refused_plain_envoy(mesh):
    ledger = mesh.service("ledger", [servers.Nothing()], retries=config.ISTIO_RETRIES, circuit_breakers={})
    mesh.parallel = 16
    mesh.calls(ledger, 60)


@scenario("nothing listens, and nothing is retried", "connection-refused")
def refused_without_retries(mesh):
    ledger = mesh.service("ledger", [servers.Nothing(), servers.Nothing()])
    mesh.calls(ledger, 30)


@scenario("one of two pods refuses connections", "connection-refused")
def one_of_two_refuses(mesh):
    ledger = mesh.service("ledger", [servers.Http1(), servers.Nothing()])
    mesh.calls(ledger, 60)


@scenario("one of two pods refuses, retries find the other one: no caller notices", "-", scope="", named="")
def refused_but_healed(mesh):
    ledger = mesh.service("ledger", [servers.Http1(), servers.Nothing()], retries=config.ISTIO_RETRIES)
    mesh.calls(ledger, 60)


@scenario("the upstream drops SYNs", "connect-timeout")
def connect_timeout(mesh):
    ledger = mesh.service("ledger", [servers.Silence()], retries=config.ISTIO_RETRIES)
    mesh.parallel = 16
    mesh.calls(ledger, 30)


@scenario("the endpoint's network is unreachable", "network-unreachable")
def unreachable(mesh):
    ledger = mesh.service("ledger", [])
    mesh.clusters[-1]["load_assignment"] = config.assignment(ledger.cluster, [("127.255.255.255", 9090)])
    mesh.calls(ledger, 40)


@scenario("the proxy is told to connect from an address it does not have", "local-bind-failure")
def bind_fails(mesh):
    ours = {"source_address": {"address": "203.0.113.9", "port_value": 0}}
    mesh.calls(mesh.service("ledger", [servers.Http1()], upstream_bind_config=ours), 40)


@scenario("three requests, all refused", "connection-refused")
def three_refused(mesh):
    mesh.calls(mesh.service("ledger", [servers.Nothing()]), 3)


@scenario("one pod refuses, the other answers 500", "connection-refused application-error", also="connection-refused application-error",
          counted=False)
def refused_and_500(mesh):
    mesh.calls(mesh.service("ledger", [servers.Nothing(), servers.Http1(servers.answer(500))]), 80)


@scenario("the cluster has no endpoints", "no-endpoints")
def no_endpoints(mesh):
    mesh.calls(mesh.service("ledger", []), 35)


@scenario("the route's subset selects no endpoint of the cluster", "no-endpoints")
def subset_empty(mesh):
    match = {"filter_metadata": {"envoy.lb": {"version": "v3"}}}
    ledger = mesh.service("ledger", [servers.Http1()], cluster=subset_of("v3"), route={"metadata_match": match})
    mesh.calls(ledger, 35)


@scenario("the name of a STRICT_DNS cluster does not resolve", "no-endpoints dns-failure", named="dns-failure",
          scope="rates-api.example.test")
def dns_nxdomain(mesh):
    (dns,) = mesh.hosts([servers.NoNames()], 5353)
    resolver = config.typed("envoy.network.dns_resolver.cares", "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                            resolvers=[{"socket_address": {"protocol": "UDP", "address": dns[0], "port_value": dns[1]}}])
    ledger = mesh.service("rates-api.example.test", [], port=443, cluster={"type": "STRICT_DNS", "typed_dns_resolver_config": resolver})
    mesh.clusters[-1]["load_assignment"] = config.assignment(ledger.cluster, [("rates-api.example.test", 443)])
    mesh.calls(ledger, 35)


@scenario("no route matches the path", "no-route", scope="")
def no_route(mesh):
    ledger = mesh.service("ledger", [servers.Http1()], routes=lambda s: [
        {"name": "v2-only", "match": {"prefix": "/v2"}, "route": {"cluster": s.cluster}}])
    mesh.calls(ledger, 20)
    mesh.calls(ledger, 30, path="/v1/accounts/3")


@scenario("the route names a cluster that does not exist", "missing-cluster", scope="")
def missing_cluster(mesh):
    ledger = mesh.service("ledger", [], subset="canary", missing=True)
    mesh.calls(ledger, 33)


@scenario("the only pod is ejected after its own 500s", "application-error outlier-ejection", also="outlier-ejection application-error",
          counted=False)
def ejected(mesh):
    outliers = {"consecutive_5xx": 5, "interval": "0.2s", "base_ejection_time": "60s", "max_ejection_percent": 100}
    ledger = mesh.service("ledger", [servers.Http1(servers.answer(500))],
                          outlier_detection=outliers, common_lb_config={"healthy_panic_threshold": {"value": 0}})
    mesh.parallel = 2
    mesh.calls(ledger, 50)


@scenario("active health checks fail", "no-endpoints health-check-failing", named="health-check-failing")
def health_check_fails(mesh):
    check = {"timeout": "0.2s", "interval": "0.1s", "unhealthy_threshold": 1, "healthy_threshold": 1, "http_health_check": {"path": "/ready"}}
    ledger = mesh.service("ledger", [servers.Http1(servers.answer(503))], health_checks=[check],
                          common_lb_config={"healthy_panic_threshold": {"value": 0}})
    mesh.calls(ledger, 40)


@scenario("more requests wait than the pool lets wait", "circuit-breaker")
def overflow_pending(mesh):
    limits = {"thresholds": [{"max_connections": 1, "max_pending_requests": 1}]}
    ledger = mesh.service("ledger", [servers.Http1(servers.answer(after=0.05))], circuit_breakers=limits)
    mesh.parallel = 20
    mesh.calls(ledger, 80)


@scenario("more streams at once than max_requests (HTTP/2: the host is chosen already)", "circuit-breaker")
def overflow_requests(mesh):
    limits = {"thresholds": [{"max_requests": 2}]}
    ledger = mesh.service("ledger", [servers.Http2(servers.h2_answer(after=0.06))], h2=True, circuit_breakers=limits)
    mesh.parallel = 20
    mesh.calls(ledger, 80, kind="http2")


@scenario("gRPC: nothing listens", "connection-refused")
def grpc_refused(mesh):
    ledger = mesh.service("ledger", [servers.Nothing()], h2=True, retries=config.ISTIO_RETRIES)
    mesh.grpc(ledger, 40)


@scenario("gRPC: no endpoints", "no-endpoints")
def grpc_no_endpoints(mesh):
    mesh.grpc(mesh.service("ledger", [], h2=True), 40)


@scenario("gRPC: more calls at once than the circuit breaker allows", "circuit-breaker")
def grpc_overflow(mesh):
    limits = {"thresholds": [{"max_requests": 2}]}
    ledger = mesh.service("ledger", [servers.Http2(servers.h2_answer(grpc=True, after=0.06))], h2=True, circuit_breakers=limits)
    mesh.parallel = 20
    mesh.grpc(ledger, 80)


@scenario("the only pod restarts: for a while nothing listens", "connection-refused")
def restarted(mesh):
    ledger = mesh.service("ledger", [servers.Http1()])
    mesh.calls(ledger, 30)
    mesh.then(lambda: mesh.stop(ledger.hosts[0]))
    mesh.calls(ledger, 25)
    mesh.then(lambda: mesh.start(ledger.hosts[0]))
    mesh.calls(ledger, 30)


@scenario("the only pod crashes and comes back again and again", "connection-refused")
def flapping(mesh):
    ledger = mesh.service("ledger", [servers.Http1()])
    for _ in range(4):
        mesh.calls(ledger, 15)
        mesh.then(lambda: mesh.stop(ledger.hosts[0]))
        mesh.calls(ledger, 10)
        mesh.then(lambda: mesh.start(ledger.hosts[0]))
    mesh.calls(ledger, 15)


@scenario("a rollout: two of four pods die before the proxies hear of it, two new ones come", "endpoint-churn",
          counted=(5, 60), slow=True)
def rollout(mesh):
    ledger = mesh.service("ledger", [servers.Http1() for _ in range(6)])
    old, stay, new = ledger.hosts[:2], ledger.hosts[2:4], ledger.hosts[4:]
    ledger.hosts = old + stay
    mesh.discovered(ledger)
    mesh.pace = 0.15
    mesh.calls(ledger, 60)

    async def die():
        for host in old:
            await mesh.stop(host)

    async def told():
        mesh.endpoints(ledger, stay + new)

    mesh.then(die)
    mesh.calls(ledger, 40)
    mesh.then(told)
    mesh.calls(ledger, 220)
