"""Time ran out: the proxy's, the caller's, a stream's."""

import asyncio

import servers
from config import http_filter
from mesh import scenario

RETRY_TIMEOUTS = {"retry_on": "5xx", "num_retries": 2, "per_try_timeout": "0.15s", "retry_back_off": {"base_interval": "0.01s"}}


@scenario("the application needs longer than the route allows", "upstream-timeout")
def route_timeout(mesh):
    mesh.parallel = 12
    mesh.calls(mesh.service("ledger", [servers.Http1(servers.answer(after=0.8))], route={"timeout": "0.25s"}), 40)


@scenario("gRPC: the application needs longer than the route allows", "upstream-timeout")
def grpc_timeout(mesh):
    mesh.parallel = 12
    app = servers.Http2(servers.h2_answer(grpc=True, after=0.8))
    mesh.grpc(mesh.service("ledger", [app], h2=True, route={"timeout": "0.25s"}), 40)


@scenario("one of two pods is too slow for the route", "upstream-timeout")
def one_of_two_slow(mesh):
    mesh.parallel = 12
    apps = [servers.Http1(), servers.Http1(servers.answer(after=0.9))]
    mesh.calls(mesh.service("ledger", apps, route={"timeout": "0.3s"}), 60)


@scenario("every try is too slow, and the retries run out", "per-try-timeout upstream-timeout", named="per-try-timeout")
def per_try_timeout(mesh):
    mesh.parallel = 12
    mesh.calls(mesh.service("ledger", [servers.Http1(servers.answer(after=0.9))], retries=RETRY_TIMEOUTS), 40)


@scenario("nothing moves during a try, and the retries run out", "per-try-timeout")
def per_try_idle(mesh):
    mesh.parallel = 10
    retries = {"retry_on": "5xx", "num_retries": 1, "per_try_idle_timeout": "0.2s", "retry_back_off": {"base_interval": "0.01s"}}
    mesh.calls(mesh.service("ledger", [servers.Http1(servers.answer(after=0.9))], retries=retries), 30)


@scenario("half of the requests are delayed on purpose, and the callers give up", "fault-injection client-disconnected upstream-slow",
          named="fault-injection", counted=False)
def delayed(mesh):
    mesh.parallel = 10
    delay = http_filter("fault", "fault.v3.HTTPFault", delay={"fixed_delay": "1s", "percentage": {"numerator": 50}})
    mesh.calls(mesh.service("ledger", [servers.Http1()], filters=[delay]), 60, patience=0.3)


@scenario("the callers give up after 0.3 s, the application needs 1 s", "client-disconnected upstream-slow", named="upstream-slow",
          counted=(40, 40))
def client_timeout(mesh):
    mesh.parallel = 12
    slow = servers.in_turn(servers.answer(), servers.answer(after=1.0), servers.answer(after=1.0))
    mesh.calls(mesh.service("ledger", [servers.Http1(slow)]), 60, patience=0.3)


@scenario("gRPC: the callers' deadline is shorter than the application's time", "client-disconnected upstream-slow",
          named="upstream-slow", counted=(40, 40))
def grpc_client_deadline(mesh):
    mesh.parallel = 12
    mesh.grpc(mesh.service("ledger", [servers.Http2(servers.h2_answer(grpc=True, after=1.0))], h2=True), 40, patience=0.3)


@scenario("an answer is started and then nothing comes: the stream is idle too long", "stream-idle-timeout")
def stream_idle(mesh):
    async def stall(connection, nth):
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\nthe first page")
        await connection.reader.read(1)
        return False
    mesh.parallel = 40
    mesh.calls(mesh.service("ledger", [servers.Http1(stall)], route={"idle_timeout": "0.3s"}), 40)


@scenario("streams are ended at their longest allowed age", "max-duration")
def max_duration(mesh):
    mesh.parallel = 12
    ledger = mesh.service("ledger", [servers.Http1(servers.answer(after=1.0))],
                          manager={"common_http_protocol_options": {"max_stream_duration": "0.3s"}})
    mesh.calls(ledger, 40)


@scenario("a listener is taken away while requests run longer than the drain time", "proxy-draining", scope="reports")
def drained(mesh):
    ledger = mesh.service("ledger", [servers.Http1()])
    reports = mesh.service("reports", [servers.Http1(servers.answer(after=4.0))], port=8086)
    mesh.removable_listeners()
    mesh.parallel = 40
    mesh.calls(ledger, 20)

    async def remove():
        others = lambda one: not one["name"].startswith(reports.at[0])
        asyncio.get_running_loop().call_later(0.6, mesh.keep_listeners, others)

    mesh.then(remove)
    mesh.calls(reports, 20)


