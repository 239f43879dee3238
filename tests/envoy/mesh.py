"""One scenario: what is there, what happens, and what is true about it.

A scenario is a function that is given a `Mesh` and says which services there are and who calls them. `@scenario(...)` puts it
into the list together with the truth. `Mesh.play` makes it real: one Envoy, its servers, its callers.
"""

import asyncio
import contextlib
import dataclasses
import json
import random

import clients
import config
import servers
from certs import Certificates

SCENARIOS = []


@dataclasses.dataclass
class Truth:
    name: str
    broken: str
    first: tuple            # ids that are right as the first finding; "-" for nothing above note
    also: tuple             # ids that must be findings above note
    named: tuple            # one of these must be named, as a finding or as an alternative
    scope: str              # the service, or the whole cluster name, of the first finding; "" when it has no upstream, or several
    counted: object         # True: the first finding counts what the callers saw fail; else the expected number or (least, most)
    vantage: str            # whose log is read: outbound, inbound
    slow: bool              # takes most of a minute: begun first
    build: object = None


def scenario(broken, first, also="", named="", scope="ledger", counted=True, vantage="outbound", slow=False):
    def keep(build):
        words = lambda text: tuple(text.replace(",", " ").split())
        SCENARIOS.append(Truth(build.__name__, broken, words(first), words(also), words(named), scope, counted, vantage, slow, build))
        return build
    return keep


class Service:
    """A destination as the caller's proxy knows it."""

    def __init__(self, mesh, name, port, subset, number):
        self.name, self.port = name, port
        host = name if "." in name else f"{name}.bank.svc.cluster.local"
        self.authority, self.cluster = f"{host}:{port}", f"outbound|{port}|{subset}|{host}"
        self.at = (mesh.address(96, number), port)
        self.hosts = []


class Mesh:
    def __init__(self, number, folder, workdir, certs: Certificates):
        self.number, self.folder, self.workdir, self.certs = number, folder, workdir, certs
        self.listeners, self.clusters, self.phases, self.starting = [], [], [[]], []
        self.random = random.Random(number)
        self.parallel, self.pace, self.lds, self.pods = 4, 0.004, None, 0
        self.drain_seconds = 1
        rates = self.service("rates", [servers.Http1()], port=7070)
        self.calls(rates, 24)

    def address(self, net, host):
        return f"127.{self.number}.{net}.{host}"

    # --- what is there ----------------------------------------------------------------------------------------------

    def hosts(self, apps, port):
        """Starts later; the addresses are known now."""
        made = []
        for app in apps:
            self.pods += 1
            address = self.address(2, 10 + self.pods)
            self.starting.append((app, address, port))
            made.append((address, port))
        return made

    def cluster(self, name, endpoints, **more):
        made = {"name": name, "connect_timeout": "0.4s", "type": "STATIC", "load_assignment": config.assignment(name, endpoints),
                "circuit_breakers": config.NO_LIMITS, **more}
        self.clusters.append(made)
        return name

    def service(self, name, apps, port=9090, subset="", h2=False, cluster=None, route=None, routes=None, filters=(), retries=None,
                manager=None, downstream=None, missing=False, vhost=None, **more):
        """A service with a cluster of its own and a listener on its address."""
        made = Service(self, name, port, subset, 10 + len(self.listeners))
        made.hosts = self.hosts(apps, port)
        if h2:
            more["typed_extension_protocol_options"] = config.h2_options()
        if not missing:
            self.cluster(made.cluster, made.hosts, **{**more, **(cluster or {})})
        action = {"cluster": made.cluster, "timeout": "0s", **(route or {})}
        if retries:
            action["retry_policy"] = retries
        table = routes(made) if routes else [{"name": "default", "match": {"prefix": "/"}, "route": action}]
        host = {"name": made.authority, "domains": [made.authority], "routes": table, **(vhost or {})}
        logs = config.access_log(self.folder, "outbound")
        chain = {"filters": [config.http_manager(logs, {"name": str(port), "virtual_hosts": [host], "validate_clusters": False}, filters, **(manager or {}))]}
        if downstream:
            chain["transport_socket"] = downstream
        self.listeners.append(config.listener(f"{made.at[0]}_{port}", *made.at, [chain]))
        return made

    def behind(self, sidecar, name="ledger", port=9090, **more):
        """A service whose only endpoint is a sidecar made by `inbound`."""
        made = self.service(name, [], port=port, **more)
        self.clusters[-1]["load_assignment"] = config.assignment(made.cluster, [sidecar])
        return made

    def inbound(self, apps, port=9090, filters=(), h2=False, route=None, downstream=None, **more):
        """The callee's sidecar: returns the server that stands for it, to be used as a host of a service."""
        self.pods += 1
        address = self.address(2, 10 + self.pods)
        name = f"inbound|{port}||"
        if h2:
            more["typed_extension_protocol_options"] = config.h2_options()
        # The application listens beside its sidecar, on an address nobody else knows.
        self.starting.extend((app, self.address(3, 10 + self.pods), port) for app in apps)
        self.cluster(name, [(self.address(3, 10 + self.pods), port) for _ in apps], **more)
        table = [{"name": "default", "match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "0s", **(route or {})}}]
        host = {"name": f"inbound|http|{port}", "domains": ["*"], "routes": table}
        logs = config.access_log(self.folder, "inbound")
        chain = {"filters": [config.http_manager(logs, {"name": name, "virtual_hosts": [host]}, filters, stat="inbound")]}
        if downstream:
            chain["transport_socket"] = downstream
        self.listeners.append(config.listener("virtualInbound", address, port, [chain]))
        return (address, port)

    def tcp_service(self, name, apps, port=6432, filters=(), missing=False, match=None, proxy=None, **more):
        made = Service(self, name, port, "", 10 + len(self.listeners))
        made.hosts = self.hosts(apps, port)
        if not missing:
            self.cluster(made.cluster, made.hosts, **more)
        logs = config.access_log(self.folder, "outbound")
        chain = {"filters": [*filters, config.tcp_proxy(logs, made.cluster, **(proxy or {}))]}
        if match:
            chain["filter_chain_match"] = match
        self.listeners.append(config.listener(f"{made.at[0]}_{port}", *made.at, [chain], logs=logs if match else None,
                                              inspectors=[config.tls_inspector()] if match else ()))
        return made

    def discovered(self, service):
        """Turns the endpoints of a service into ones that `endpoints` can change."""
        path = self.workdir / f"eds-{service.name}.json"
        for cluster in self.clusters:
            if cluster["name"] == service.cluster:
                cluster.pop("load_assignment")
                cluster.update(type="EDS", eds_cluster_config={"eds_config": config.file_source(path)})
        self.endpoints(service, service.hosts)

    def endpoints(self, service, hosts):
        config.write_resources(self.workdir / f"eds-{service.name}.json", "envoy.config.endpoint.v3.ClusterLoadAssignment",
                               [config.assignment(service.cluster, hosts)])

    def removable_listeners(self):
        self.lds = self.workdir / "lds.json"

    def keep_listeners(self, keep):
        kept = [one for one in self.listeners if keep(one)]
        config.write_resources(self.lds, "envoy.config.listener.v3.Listener", kept)

    # --- what happens -----------------------------------------------------------------------------------------------

    def calls(self, service, count, kind="http1", source=None, **how):
        self.phases[-1].extend((service, kind, source, how) for _ in range(count))

    def grpc(self, service, count, path="/bank.Ledger/Post", **how):
        self.calls(service, count, kind="http2", grpc=True, path=path, **how)

    def then(self, action):
        """Waits for the calls so far, then does something; later calls come after it."""
        self.phases.append(action)
        self.phases.append([])

    async def stop(self, host):
        await next(app for app, *at in self.starting if tuple(at) == host).stop()

    async def start(self, host):
        await next(app for app, *at in self.starting if tuple(at) == host).start(*host)

    # --- making it real ---------------------------------------------------------------------------------------------

    def configuration(self):
        """Writes what Envoy reads; returns the file that has the listeners and with them the formats of the logs."""
        path = self.folder / "envoy.json"
        path.write_text(json.dumps(config.bootstrap(self.listeners, self.clusters, self.lds), indent=1))
        if self.lds:
            self.keep_listeners(lambda one: True)
        return self.lds or path

    async def play(self, envoy, watch):
        """Runs everything; `watch` is given the log files while they grow. Returns what the callers saw: (service, end) each."""
        async with contextlib.AsyncExitStack() as stack:
            for app, address, port in self.starting:
                stack.push_async_callback(app.stop)
                await app.start(address, port)
            proxy = await asyncio.create_subprocess_exec(
                str(envoy), "-c", str(self.folder / "envoy.json"), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning",
                "--file-flush-interval-msec", "100", "--drain-time-s", str(self.drain_seconds),
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=(self.workdir / "envoy.err").open("wb"))
            stack.push_async_callback(_end, proxy)
            await self._ready(proxy)
            watching = asyncio.create_task(watch())
            seen = []
            for phase in self.phases:
                seen += await self._phase(phase)
            await asyncio.sleep(0.15)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        return seen

    async def _ready(self, proxy):
        for _ in range(200):
            if proxy.returncode is not None:
                raise RuntimeError("Envoy ended: " + (self.workdir / "envoy.err").read_text(errors="replace")[-600:])
            try:
                # All listeners open together; a TCP listener would log the probe, the first one, HTTP, does not.
                where = self.listeners[0]["address"]["socket_address"]
                _, writer = await asyncio.open_connection(where["address"], where["port_value"])
                writer.close()
                await asyncio.sleep(0.1)
                return
            except OSError:
                await asyncio.sleep(0.1)
        raise RuntimeError("Envoy does not listen")

    async def _phase(self, phase):
        if callable(phase):
            await phase()
            return []
        self.random.shuffle(phase)
        gate, seen = asyncio.Semaphore(self.parallel), []

        async def one(service, kind, source, how):
            async with gate:
                to = (self.address(1, source or 10), *service.at)
                authority = how.pop("authority", service.authority)
                seen.append((service, await clients.KINDS[kind](to, authority, **how)))

        tasks = []
        for service, kind, source, how in phase:
            tasks.append(asyncio.create_task(one(service, kind, source, dict(how))))
            await asyncio.sleep(self.pace)
        if tasks:
            await asyncio.wait_for(asyncio.gather(*tasks), 60)
        return seen


async def _end(proxy):
    if proxy.returncode is None:
        proxy.terminate()
        try:
            await asyncio.wait_for(proxy.wait(), 5)
        except asyncio.TimeoutError:
            proxy.kill()
            await proxy.wait()
