"""A caller's and a callee's proxy, both logged. The truth is about the callee's log or the caller's; `both` is about the two together."""

import servers
from mesh import scenario
from scenarios.policy import rbac


def both(first, then=(), **hop):
    """A check of what is said when the two logs are read together: one fault is one finding, `then` what it brings about; `hop`: what the ledger's row of the hops says."""
    def check(answer):
        ids = [f["id"] for f in answer["findings"] if f["severity"] != "note"]
        told = bool(ids) and ids[0] in first and ids[1:] == list(then)
        wanted = " and ".join([" or ".join(first), *then])
        wrong = [] if told else [f"wanted one finding for each of {wanted}: {' '.join(ids) or '-'}"]
        row = next((row for row in answer["hops"] if "ledger" in row["upstream"]), {})
        return wrong + [f"hop's {key} is {row.get(key)}, wanted {want}" for key, want in hop.items() if row.get(key) != want]
    return check


@scenario("caller's log: the callee's application is slower than the caller's route allows", "upstream-timeout")
def pair_timeout(mesh):
    mesh.parallel = 12
    side = mesh.inbound([servers.Http1(servers.answer(after=0.9))])
    mesh.calls(mesh.behind(side, route={"timeout": "0.3s"}), 40)
    return both(["upstream-timeout", "upstream-slow"], requests=40, compared=40, never_arrived=0)


@scenario("callee's log: its callers' proxies give up after 0.3 s", "upstream-slow client-disconnected", named="upstream-slow",
          vantage="inbound", counted=(40, 40))
def pair_timeout_callee(mesh):
    mesh.parallel = 12
    side = mesh.inbound([servers.Http1(servers.answer(after=0.9))])
    mesh.calls(mesh.behind(side, route={"timeout": "0.3s"}), 40)


@scenario("caller's log: nothing listens behind the callee's sidecar", "next-hop-error application-error", named="next-hop-error")
def pair_app_down(mesh):
    side = mesh.inbound([servers.Nothing()])
    mesh.calls(mesh.behind(side), 40)
    return both(["connection-refused"], failed=40, callee_failed=40, compared=40, attempts=40)


@scenario("callee's log: nothing listens behind its sidecar", "connection-refused", vantage="inbound", counted=(40, 40))
def pair_app_down_callee(mesh):
    side = mesh.inbound([servers.Nothing()])
    mesh.calls(mesh.behind(side), 40)


@scenario("callee's log: a policy lets tellers in only", "rbac-denied", vantage="inbound", counted=(30, 30))
def pair_rbac(mesh):
    side = mesh.inbound([servers.Http1()], filters=[rbac()])
    ledger = mesh.behind(side)
    mesh.calls(ledger, 20, headers=[("x-teller", "7")])
    mesh.calls(ledger, 30)
    return both(["rbac-denied"])


@scenario("caller's log: slow application, and each request is tried three times", "per-try-timeout upstream-timeout",
          named="per-try-timeout")
def pair_retry_storm(mesh):
    mesh.parallel = 10
    side = mesh.inbound([servers.Http1(servers.answer(after=0.9))])
    retries = {"retry_on": "5xx", "num_retries": 2, "per_try_timeout": "0.2s", "retry_back_off": {"base_interval": "0.01s"}}
    mesh.calls(mesh.behind(side, retries=retries), 30)
    return both(["per-try-timeout", "upstream-timeout", "upstream-slow"], then=["retry-amplification"], compared=30, attempts=90)


@scenario("callee's log: its application hangs up; the caller sees a plain 503", "upstream-closed", vantage="inbound", counted=(40, 40),
          named="upstream-closed")
def pair_closes(mesh):
    side = mesh.inbound([servers.Http1(servers.close(after=0.03))])
    mesh.calls(mesh.behind(side), 40)
    return both(["upstream-closed"])


@scenario("callee's log: its application hangs up every other time; the caller tries again, and nobody notices", "upstream-closed keepalive-race",
          vantage="inbound", counted=(20, 20))
def pair_hidden_by_retries(mesh):
    mesh.parallel = 1
    side = mesh.inbound([servers.Http1(servers.in_turn(servers.close(after=0.03), servers.answer()))])
    retries = {"retry_on": "5xx", "num_retries": 2, "retry_back_off": {"base_interval": "0.01s"}}
    mesh.calls(mesh.behind(side, retries=retries), 20)
    return both(["upstream-closed", "keepalive-race"], then=["retry-amplification"], requests=20, failed=0, callee_failed=20, failed_only_at_callee=20, attempts=40)
