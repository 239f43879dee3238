"""TLS between the proxy and the upstream, between the caller and the proxy, and plaintext where TLS was meant."""

import ssl

import clients
import config
import servers
from mesh import scenario

NAME = "ledger.bank.svc.cluster.local"


def server_context(pair, ca=None, newest=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*pair)
    if ca:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(ca)
    if newest:
        made.maximum_version = newest
    return made


def secured(mesh, pair, server_ca=None, newest=None, app=servers.Blunt, **upstream):
    """The ledger behind TLS; the proxy trusts the authority `root` unless told otherwise."""
    upstream.setdefault("ca", mesh.certs.authority())
    server = app(tls=server_context(pair, server_ca, newest))
    return mesh.service("ledger", [server], connect_timeout="3s", transport_socket=config.upstream_tls(sni=NAME, **upstream))


@scenario("nothing: TLS to the upstream works", "-", scope="")
def tls_works(mesh):
    mesh.calls(secured(mesh, mesh.certs.certificate(NAME), san=NAME), 40)


@scenario("the proxy speaks TLS, the upstream plaintext", "tls-to-plaintext")
def tls_to_plain_server(mesh):
    mesh.calls(mesh.service("ledger", [servers.Tcp("http-400")], transport_socket=config.upstream_tls(mesh.certs.authority(), sni=NAME)), 40)


@scenario("the proxy speaks plaintext to a server that wants TLS", "plaintext-to-tls upstream-protocol-error upstream-closed",
          named="plaintext-to-tls")
def tls_plaintext_to_tls_server(mesh):
    app = servers.Http1(tls=server_context(mesh.certs.certificate(NAME)))
    mesh.calls(mesh.service("ledger", [app]), 40)


@scenario("the server's certificate is signed by an authority the proxy does not know", "tls-ca-mismatch")
def tls_unknown_server_ca(mesh):
    mesh.calls(secured(mesh, mesh.certs.certificate(NAME, "other")), 40)


@scenario("the server does not know the authority of the proxy's certificate (TLS 1.2)", "client-certificate-rejected tls-ca-mismatch",
          named="client-certificate-rejected tls-ca-mismatch")
def tls_unknown_client_ca(mesh):
    pair = mesh.certs.certificate(NAME)
    ledger = secured(mesh, pair, server_ca=mesh.certs.authority(), newest=ssl.TLSVersion.TLSv1_2,
                     client=mesh.certs.certificate("frontend", "other"))
    mesh.calls(ledger, 40)


@scenario("the server does not know the authority of the proxy's certificate (TLS 1.3: told after the handshake)",
          "client-certificate-rejected tls-ca-mismatch upstream-closed plaintext-to-tls", named="client-certificate-rejected tls-ca-mismatch")
def tls_unknown_client_ca_13(mesh):
    pair = mesh.certs.certificate(NAME)
    ledger = secured(mesh, pair, server_ca=mesh.certs.authority(), client=mesh.certs.certificate("frontend", "other"),
                     versions=("TLSv1_3", "TLSv1_3"))
    mesh.calls(ledger, 40)


@scenario("the server's certificate has expired", "tls-certificate-expired")
def tls_expired(mesh):
    mesh.calls(secured(mesh, mesh.certs.certificate(NAME, days=(-30, -2))), 40)


@scenario("the server's certificate is not valid yet", "tls-certificate-not-yet-valid")
def tls_not_yet_valid(mesh):
    mesh.calls(secured(mesh, mesh.certs.certificate(NAME, days=(2, 30))), 40)


@scenario("the server's certificate is of another name", "tls-san-mismatch")
def tls_wrong_name(mesh):
    mesh.calls(secured(mesh, mesh.certs.certificate("vault.bank.svc.cluster.local"), san=NAME), 40)


@scenario("the proxy wants TLS 1.3, the server knows 1.2 only", "tls-version-mismatch tls-handshake-failed")
def tls_versions(mesh):
    ledger = secured(mesh, mesh.certs.certificate(NAME), newest=ssl.TLSVersion.TLSv1_2, versions=("TLSv1_3", "TLSv1_3"))
    mesh.calls(ledger, 40)


@scenario("the server hangs up in the TLS handshake without a word", "tls-handshake-failed")
def tls_silent_close(mesh):
    ledger = secured(mesh, mesh.certs.certificate(NAME), newest=ssl.TLSVersion.TLSv1_2, app=servers.Http1, versions=("TLSv1_3", "TLSv1_3"))
    mesh.calls(ledger, 40)


@scenario("the server resets during the TLS handshake", "tls-handshake-failed tls-to-plaintext upstream-closed connection-refused",
          named="tls-handshake-failed")
def tls_reset_in_handshake(mesh):
    ledger = mesh.service("ledger", [servers.Tcp("reset")], transport_socket=config.upstream_tls(mesh.certs.authority(), sni=NAME))
    mesh.calls(ledger, 40)


@scenario("a caller speaks TLS to a port that reads HTTP", "https-to-http-port", scope="", counted=(30, 30))
def tls_to_http_port(mesh):
    ledger = mesh.service("ledger", [servers.Http1()])
    mesh.calls(ledger, 10)
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(range(180))
    mesh.calls(ledger, 30, raw=hello, patience=1)


@scenario("one caller sends plaintext to a sidecar that demands mutual TLS", "plaintext-to-tls upstream-closed", named="plaintext-to-tls")
def tls_plaintext_to_strict_sidecar(mesh):
    side = mesh.inbound([servers.Http1()], downstream=config.downstream_tls(mesh.certs.certificate(NAME), mesh.certs.authority()))
    mesh.calls(mesh.behind(side), 40)


@scenario("nothing: callers reach a gateway by TLS", "-", scope="")
def tls_gateway(mesh):
    gateway = mesh.service("ledger", [servers.Http1()], downstream=config.downstream_tls(mesh.certs.certificate(NAME)))
    mesh.calls(gateway, 40, tls=clients.anyone(), sni=NAME)
