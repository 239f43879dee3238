"""The connection was there and broke, or the answer was no good."""

import frames
import servers
from mesh import scenario


@scenario("the application closes each connection before it answers", "upstream-closed", named="upstream-closed")
def closes(mesh):
    mesh.calls(mesh.service("ledger", [servers.Http1(servers.close(after=0.05))]), 40)


@scenario("the application resets each connection before it answers", "upstream-closed", named="upstream-closed")
def resets(mesh):
    mesh.calls(mesh.service("ledger", [servers.Http1(servers.close(after=0.03, reset=True))]), 40)


@scenario("idle connections are closed by the application while a request is on its way", "keepalive-race")
def keepalive_race(mesh):
    ledger = mesh.service("ledger", [servers.Http1(servers.close_when_reused(9)), servers.Http1(servers.close_when_reused(14))])
    mesh.parallel = 1
    mesh.calls(ledger, 160)


@scenario("connections break before the answer, and every retry breaks too", "upstream-closed", named="upstream-closed")
def closes_with_retries(mesh):
    retries = {"retry_on": "reset", "num_retries": 2, "retry_back_off": {"base_interval": "0.01s"}}
    mesh.calls(mesh.service("ledger", [servers.Http1(servers.close(after=0.02))], retries=retries), 40)


@scenario("the answer's body ends too early", "upstream-closed upstream-protocol-error", named="upstream-closed", counted=(40, 40))
def cut_body(mesh):
    mesh.parallel = 40
    mesh.calls(mesh.service("ledger", [servers.Http1(servers.cut_body())]), 40)


@scenario("the upstream answers something that is not HTTP", "upstream-protocol-error protocol-mismatch", named="upstream-protocol-error")
def garbage(mesh):
    mesh.calls(mesh.service("ledger", [servers.Http1(servers.say(b"-ERR unknown command 'GET'\r\n"))]), 40)


@scenario("the headers of the answer are larger than the proxy reads", "upstream-protocol-error", named="upstream-protocol-error")
def answer_headers_too_large(mesh):
    big = "".join(f"x-audit-{i}: {'a' * 900}\r\n" for i in range(90))
    mesh.calls(mesh.service("ledger", [servers.Http1(servers.answer(headers=big))]), 40)


@scenario("HTTP/2: the application resets each stream", "upstream-reset")
def h2_resets(mesh):
    mesh.calls(mesh.service("ledger", [servers.Http2(servers.h2_reset())], h2=True), 40, kind="http2")


@scenario("gRPC: the application resets each stream", "upstream-reset")
def grpc_resets(mesh):
    mesh.grpc(mesh.service("ledger", [servers.Http2(servers.h2_reset(after=0.02))], h2=True), 40)


@scenario("HTTP/2: the upstream answers with GOAWAY and hangs up", "upstream-closed upstream-reset upstream-protocol-error",
          named="upstream-closed upstream-reset")
def h2_goaway(mesh):
    mesh.calls(mesh.service("ledger", [servers.Http2(servers.h2_goaway())], h2=True), 40, kind="http2")


@scenario("gRPC: the upstream hangs up in the middle of calls", "upstream-closed", named="upstream-closed")
def grpc_closes(mesh):
    mesh.grpc(mesh.service("ledger", [servers.Http2(servers.h2_close(after=0.03))], h2=True), 40)


@scenario("HTTP/2 is spoken to a server that knows HTTP/1 only", "protocol-mismatch upstream-protocol-error upstream-closed",
          named="protocol-mismatch")
def h2_to_h1(mesh):
    app = servers.Http1(servers.say(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"))
    mesh.calls(mesh.service("ledger", [app], h2=True), 40, kind="http2")


@scenario("the application answers 500", "application-error")
def app_500(mesh):
    mixed = servers.in_turn(servers.answer(500), servers.answer(), servers.answer())
    mesh.calls(mesh.service("ledger", [servers.Http1(mixed)]), 60)


@scenario("the application answers 503 to every retry", "retries-exhausted application-error", named="application-error")
def app_503_retried(mesh):
    retries = {"retry_on": "5xx", "num_retries": 2, "retry_back_off": {"base_interval": "0.01s"}}
    mesh.calls(mesh.service("ledger", [servers.Http1(servers.answer(503))], retries=retries), 40)


@scenario("one of two pods answers 500", "application-error")
def app_500_one_pod(mesh):
    mesh.calls(mesh.service("ledger", [servers.Http1(), servers.Http1(servers.answer(500))]), 60)


@scenario("gRPC: one of two pods refuses streams", "upstream-reset", named="upstream-reset")
def grpc_refused_streams(mesh):
    good, bad = servers.Http2(servers.h2_answer(grpc=True)), servers.Http2(servers.h2_reset(frames.REFUSED_STREAM))
    mesh.grpc(mesh.service("ledger", [good, bad], h2=True), 60)


@scenario("two faults at once: nothing listens at the ledger, and quotes answer too late", "connection-refused upstream-timeout",
          also="connection-refused upstream-timeout", counted=False, scope="")
def two_faults(mesh):
    ledger = mesh.service("ledger", [servers.Nothing()])
    quotes = mesh.service("quotes", [servers.Http1(servers.answer(after=0.6))], port=8085, route={"timeout": "0.2s"})
    mesh.parallel = 8
    mesh.calls(ledger, 40)
    mesh.calls(quotes, 30)


@scenario("nothing: ordinary answers, with 404s of the application and redirects", "-", scope="")
def healthy(mesh):
    mixed = servers.in_turn(*[servers.answer()] * 10, servers.answer(404), servers.answer(302))
    mesh.calls(mesh.service("ledger", [servers.Http1(mixed)]), 120)


@scenario("the upstream takes each connection and resets it at once", "upstream-closed plaintext-to-tls connection-refused",
          named="upstream-closed")
def resets_at_once(mesh):
    mesh.calls(mesh.service("ledger", [servers.Tcp("reset-at-once")]), 40)


@scenario("nothing but the noise of every day: a few callers hang up, one connection breaks, a scanner asks for .env", "-", scope="")
def daily_noise(mesh):
    good = servers.answer(after=0.001)
    mixed = servers.in_turn(*[good] * 260, servers.close(), *[good] * 300)
    ledger = mesh.service("ledger", [servers.Http1(mixed)], routes=lambda s: [
        {"name": "api", "match": {"prefix": "/v2"}, "route": {"cluster": s.cluster}}])
    mesh.calls(ledger, 500)
    mesh.calls(ledger, 3, patience=0.0005)
    mesh.calls(ledger, 2, path="/.env", source=77)


@scenario("nothing: gRPC calls that work", "-", scope="")
def grpc_healthy(mesh):
    mesh.grpc(mesh.service("ledger", [servers.Http2(servers.h2_answer(grpc=True))], h2=True), 60)
