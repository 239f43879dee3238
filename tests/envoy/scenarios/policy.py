"""Refused on purpose, or because what decides about it does not work."""

import base64
import hashlib
import hmac
import json
import time

import config
import servers
from config import http_filter
from mesh import scenario

SECRET = b"for the tests only, not a secret of anybody"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(secret=SECRET, **claims):
    body = {"iss": "https://id.bank.example", "sub": "teller", "exp": int(time.time()) + 600, **claims}
    signed = encode(json.dumps({"alg": "HS256", "kid": "k1"}).encode()) + "." + encode(json.dumps(body).encode())
    return signed + "." + encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())


def jwt_filter(keys):
    provider = {"issuer": "https://id.bank.example", **keys}
    return http_filter("jwt_authn", "jwt_authn.v3.JwtAuthentication", providers={"id": provider},
                       rules=[{"match": {"prefix": "/"}, "requires": {"provider_name": "id"}}])


def rbac(action="ALLOW", header="x-teller"):
    policy = {"permissions": [{"any": True}], "principals": [{"header": {"name": header, "present_match": True}}]}
    return http_filter("rbac", "rbac.v3.RBAC", rules={"action": action, "policies": {"ns[bank]-policy[tellers]-rule[0]": policy}})


def bearer(value):
    return [("authorization", f"Bearer {value}")]


@scenario("an authorization policy lets tellers in only", "rbac-denied")
def rbac_denied(mesh):
    ledger = mesh.service("ledger", [servers.Http1()], filters=[rbac()])
    mesh.calls(ledger, 20, headers=[("x-teller", "7")])
    mesh.calls(ledger, 40)


@scenario("tokens that have expired, are forged, or are missing", "jwt-rejected")
def jwt_rejected(mesh):
    keys = {"local_jwks": {"inline_string": json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "kid": "k1", "k": encode(SECRET)}]})}}
    ledger = mesh.service("ledger", [servers.Http1()], filters=[jwt_filter(keys)])
    mesh.calls(ledger, 20, headers=bearer(token()))
    mesh.calls(ledger, 20, headers=bearer(token(exp=1700000000)))
    mesh.calls(ledger, 10, headers=bearer(token(secret=b"another")))
    mesh.calls(ledger, 10)


@scenario("the keys for tokens cannot be fetched", "jwks-unavailable")
def jwks_unavailable(mesh):
    (nobody,) = mesh.hosts([servers.Nothing()], 8443)
    mesh.cluster("outbound|8443||id.bank.svc.cluster.local", [nobody])
    uri = {"uri": "http://id.bank.svc.cluster.local:8443/keys", "cluster": "outbound|8443||id.bank.svc.cluster.local", "timeout": "1s"}
    ledger = mesh.service("ledger", [servers.Http1()], filters=[jwt_filter({"remote_jwks": {"http_uri": uri}})])
    mesh.calls(ledger, 40, headers=bearer(token()))


def ext_authz(mesh, app, timeout="0.5s"):
    (host,) = mesh.hosts([app], 9191)
    name = mesh.cluster("outbound|9191||gatekeeper.bank.svc.cluster.local", [host])
    uri = {"uri": "http://gatekeeper.bank.svc.cluster.local:9191", "cluster": name, "timeout": timeout}
    return http_filter("ext_authz", "ext_authz.v3.ExtAuthz", http_service={"server_uri": uri}, status_on_error={"code": 403})


@scenario("the external authorizer says no", "ext-authz-denied")
def ext_authz_denied(mesh):
    says = servers.in_turn(servers.answer(200), servers.answer(403), servers.answer(403))
    ledger = mesh.service("ledger", [servers.Http1()], filters=[ext_authz(mesh, servers.Http1(says))])
    mesh.calls(ledger, 60)


@scenario("nobody listens where the external authorizer should be", "ext-authz-error")
def ext_authz_down(mesh):
    mesh.calls(mesh.service("ledger", [servers.Http1()], filters=[ext_authz(mesh, servers.Nothing())]), 40)


@scenario("the external authorizer answers too late", "ext-authz-error")
def ext_authz_slow(mesh):
    mesh.parallel = 12
    slow = servers.Http1(servers.answer(after=0.8))
    mesh.calls(mesh.service("ledger", [servers.Http1()], filters=[ext_authz(mesh, slow, "0.2s")]), 40)


@scenario("a local rate limit", "rate-limited")
def rate_limit(mesh):
    always = {"default_value": {"numerator": 100}, "runtime_key": "always"}
    bucket = {"max_tokens": 15, "tokens_per_fill": 1, "fill_interval": "60s"}
    limit = http_filter("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", stat_prefix="ledger", token_bucket=bucket,
                        filter_enabled=always, filter_enforced=always)
    mesh.calls(mesh.service("ledger", [servers.Http1()], filters=[limit]), 60)


@scenario("a fault is injected into half of the requests", "fault-injection")
def fault_abort(mesh):
    abort = http_filter("fault", "fault.v3.HTTPFault", abort={"http_status": 503, "percentage": {"numerator": 50}})
    mesh.calls(mesh.service("ledger", [servers.Http1()], filters=[abort]), 80)


@scenario("a Lua filter answers by itself", "filter-reply", named="filter-reply")
def lua_answers(mesh):
    code = 'function envoy_on_request(h) h:respond({[":status"] = "503"}, "closed for the night") end'
    lua = http_filter("lua", "lua.v3.Lua", default_source_code={"inline_string": code})
    mesh.calls(mesh.service("ledger", [servers.Http1()], filters=[lua]), 40)


@scenario("a Lua filter has an error: Envoy logs it and lets the request pass", "-", scope="")
def lua_error(mesh):
    code = "function envoy_on_request(h) local x = nil; x.y = 1 end"
    lua = http_filter("lua", "lua.v3.Lua", default_source_code={"inline_string": code})
    mesh.calls(mesh.service("ledger", [servers.Http1()], filters=[lua]), 40)


@scenario("the CSRF filter refuses requests of another origin", "filter-reply rbac-denied", named="filter-reply", counted=False, scope="")
def csrf_denied(mesh):
    on = {"filter_enabled": {"default_value": {"numerator": 100}, "runtime_key": "csrf"}}
    csrf = http_filter("csrf", "csrf.v3.CsrfPolicy", **on)
    ledger = mesh.service("ledger", [servers.Http1()], filters=[csrf])
    mesh.calls(ledger, 20)
    mesh.calls(ledger, 40, method="POST", headers=[("origin", "http://evil.example")])


@scenario("nothing: browsers ask beforehand (CORS), the proxy answers", "-", scope="")
def cors_preflight(mesh):
    cors = {"typed_per_filter_config": {"envoy.filters.http.cors": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
        "allow_origin_string_match": [{"exact": "https://bank.example"}], "allow_methods": "GET, POST"}}}
    ledger = mesh.service("ledger", [servers.Http1()], filters=[http_filter("cors", "cors.v3.Cors")], vhost=cors)
    asks = [("origin", "https://bank.example"), ("access-control-request-method", "POST")]
    mesh.calls(ledger, 20, method="OPTIONS", headers=asks)
    mesh.calls(ledger, 40)


@scenario("a maintenance page: the route answers 503 by itself", "direct-response maintenance-mode -", scope="", named="direct-response",
          counted=False)
def maintenance(mesh):
    ledger = mesh.service("ledger", [servers.Http1()], routes=lambda s: [
        {"name": "closed", "match": {"prefix": "/v2/transfer"}, "direct_response": {"status": 503, "body": {"inline_string": "back at 6"}}},
        {"name": "default", "match": {"prefix": "/"}, "route": {"cluster": s.cluster}}])
    mesh.calls(ledger, 30)
    mesh.calls(ledger, 30, path="/v2/transfer")


@scenario("a caller speaks HTTP/1.0, which the listener does not take", "http10-client", scope="")
def http10(mesh):
    ledger = mesh.service("ledger", [servers.Http1()])
    mesh.calls(ledger, 20)
    mesh.calls(ledger, 40, version="1.0")


@scenario("the caller's headers are too large", "headers-too-large", scope="")
def request_headers_too_large(mesh):
    ledger = mesh.service("ledger", [servers.Http1()])
    mesh.calls(ledger, 20)
    mesh.calls(ledger, 30, headers=[(f"x-session-{i}", "c" * 800) for i in range(90)])


@scenario("uploads are larger than the buffer filter takes", "payload-too-large", named="payload-too-large", counted=(20, 30))
def payload_too_large(mesh):
    limit = http_filter("buffer", "buffer.v3.Buffer", max_request_bytes=2000)
    ledger = mesh.service("ledger", [servers.Http1()], filters=[limit])
    mesh.calls(ledger, 20)
    mesh.calls(ledger, 30, method="POST", body=b"x" * 5000)


@scenario("answers are larger than the buffer of a filter that reads them", "payload-too-large")
def answer_too_large(mesh):
    lua = http_filter("lua", "lua.v3.Lua", default_source_code={"inline_string": "function envoy_on_response(h) h:body() end"})
    ledger = mesh.service("ledger", [servers.Http1(servers.answer(body=b"x" * 200_000))], filters=[lua])
    mesh.listeners[-1]["per_connection_buffer_limit_bytes"] = 4096
    mesh.calls(ledger, 40)


@scenario("a wrong password (basic auth)", "authentication-failed")
def basic_auth(mesh):
    users = {"inline_string": "teller:{SHA}tESsBmE/yNY3lb6a0L6vVQEZNqw="}
    ledger = mesh.service("ledger", [servers.Http1()], filters=[http_filter("basic_auth", "basic_auth.v3.BasicAuth", users=users)])
    mesh.calls(ledger, 40, headers=[("authorization", "Basic " + base64.b64encode(b"teller:guess").decode())])


@scenario("tokens that begin in the future", "clock-skew jwt-rejected", named="clock-skew")
def jwt_not_yet_valid(mesh):
    keys = {"local_jwks": {"inline_string": json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "kid": "k1", "k": encode(SECRET)}]})}}
    ledger = mesh.service("ledger", [servers.Http1()], filters=[jwt_filter(keys)])
    mesh.calls(ledger, 40, headers=bearer(token(nbf=int(time.time()) + 4000)))


def nobody(mesh, name, port):
    """A gRPC service that a filter needs, and nothing listens."""
    hosts = mesh.hosts([servers.Nothing()], port)
    cluster = mesh.cluster(f"outbound|{port}||{name}.bank.svc.cluster.local", hosts, typed_extension_protocol_options=config.h2_options())
    return {"envoy_grpc": {"cluster_name": cluster}}


@scenario("nobody listens where the external processor should be", "filter-error")
def ext_proc_down(mesh):
    processor = http_filter("ext_proc", "ext_proc.v3.ExternalProcessor", grpc_service=nobody(mesh, "processor", 9292))
    mesh.calls(mesh.service("ledger", [servers.Http1()], filters=[processor]), 40)


@scenario("nobody listens where the rate limit service should be, and the filter fails closed", "rate-limit-service-error")
def rate_limit_service_down(mesh):
    service = {"grpc_service": nobody(mesh, "limits", 9393), "transport_api_version": "V3"}
    limit = http_filter("ratelimit", "ratelimit.v3.RateLimit", domain="bank", failure_mode_deny=True, rate_limit_service=service)
    all_alike = {"rate_limits": [{"actions": [{"generic_key": {"descriptor_value": "all"}}]}]}
    mesh.calls(mesh.service("ledger", [servers.Http1()], filters=[limit], vhost=all_alike), 40)


@scenario("WebSockets are asked for where no route allows them", "upgrade-refused", scope="")
def upgrade_refused(mesh):
    ledger = mesh.service("ledger", [servers.Http1()])
    wants = [("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", "bGVkZ2VyIGxlZGdlcg==")]
    mesh.calls(ledger, 20)
    mesh.calls(ledger, 40, headers=wants)


@scenario("the endpoints' control plane asks to drop half of the requests", "drop-overload")
def drop_overload(mesh):
    ledger = mesh.service("ledger", [servers.Http1()])
    half = {"category": "load", "drop_percentage": {"numerator": 50}}
    mesh.clusters[-1]["load_assignment"]["policy"] = {"drop_overloads": [half]}
    mesh.calls(ledger, 80)
