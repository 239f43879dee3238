"""Applications of the tests: what listens on a pod's address, and how it behaves.

A behaviour for HTTP/1 is a coroutine function `(connection, nth)`: it is called once a request, `nth` counting the requests of that
connection from 1, and returns whether the connection goes on. One for HTTP/2 is `(connection, stream)`.
"""

import asyncio
import socket
import struct
import threading

import frames

LINGER_RST = struct.pack("ii", 1, 0)


class Connection:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    def reset(self):
        """Ends with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)
        self.writer.transport.abort()

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()


# --- behaviours, HTTP/1 ---------------------------------------------------------------------------------------------

def answer(status=200, body=b'{"balance":1250}', after=0.0, headers=""):
    async def act(connection, nth):
        await asyncio.sleep(after)
        head = f"HTTP/1.1 {status} Because\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
        await connection.send(head.encode() + body)
        return True
    return act


def close(after=0.0, reset=False):
    """Ends the connection instead of an answer."""
    async def act(connection, nth):
        await asyncio.sleep(after)
        if reset:
            connection.reset()
        return False
    return act


def close_when_reused(times=1, then=None):
    """Answers the first `times` requests of a connection and hangs up on the next: what a race on keep-alive looks like."""
    good = then or answer()

    async def act(connection, nth):
        if nth > times:
            return False
        return await good(connection, nth)
    return act


def cut_body(after=0.02):
    """Promises more than it sends."""
    async def act(connection, nth):
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\nthe first page of the statement")
        await asyncio.sleep(after)
        return False
    return act


def say(data):
    async def act(connection, nth):
        await connection.send(data)
        return False
    return act


def in_turn(*behaviours):
    """The behaviours one after the other, over all connections."""
    count = [0]

    async def act(connection, nth):
        count[0] += 1
        return await behaviours[(count[0] - 1) % len(behaviours)](connection, nth)
    return act


# --- behaviours, HTTP/2 ---------------------------------------------------------------------------------------------

def h2_answer(grpc=False, after=0.0, status="200", grpc_status="0"):
    async def act(connection, stream):
        await asyncio.sleep(after)
        kind = "application/grpc" if grpc else "application/json"
        head = frames.header_block([(":status", status), ("content-type", kind)])
        body = frames.grpc_message() if grpc else b'{"balance":1250}'
        data = frames.frame(frames.HEADERS, frames.END_HEADERS, stream, head)
        data += frames.frame(frames.DATA, 0 if grpc else frames.END_STREAM, stream, body)
        if grpc:
            trailer = frames.header_block([("grpc-status", grpc_status)])
            data += frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream, trailer)
        await connection.send(data)
    return act


def h2_reset(code=frames.INTERNAL_ERROR, after=0.0):
    async def act(connection, stream):
        await asyncio.sleep(after)
        await connection.send(frames.frame(frames.RST_STREAM, 0, stream, code.to_bytes(4, "big")))
    return act


def h2_goaway(code=frames.ENHANCE_YOUR_CALM, after=0.01):
    """Tells that no stream was worked on, and hangs up."""
    async def act(connection, stream):
        await asyncio.sleep(after)
        payload = (0).to_bytes(4, "big") + code.to_bytes(4, "big")
        await connection.send(frames.frame(frames.GOAWAY, 0, 0, payload))
        connection.writer.close()
    return act


def h2_close(after=0.01):
    async def act(connection, stream):
        await asyncio.sleep(after)
        connection.writer.close()
    return act


# --- servers --------------------------------------------------------------------------------------------------------

class Server:
    """Something that listens on one address. Subclasses say what a connection is told."""

    def __init__(self, tls=None):
        self.tls, self.server, self.tasks = tls, None, set()

    async def start(self, address, port):
        self.address, self.port = address, port
        self.server = await asyncio.start_server(self._accept, address, port, ssl=self.tls, backlog=256)

    async def stop(self):
        if self.server:
            self.server.close()
            self.server = None
        for task in list(self.tasks):
            task.cancel()

    async def _accept(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            await self.talk(Connection(reader, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError, ValueError):
            pass
        finally:
            self.tasks.discard(task)
            writer.close()


class Http1(Server):
    def __init__(self, behaviour=None, tls=None):
        super().__init__(tls)
        self.behaviour = behaviour or answer()

    async def talk(self, connection):
        nth, going = 0, True
        while going:
            head = await connection.reader.readuntil(b"\r\n\r\n")
            await _body(connection.reader, head)
            nth += 1
            going = await self.behaviour(connection, nth)


async def _body(reader, head):
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.split(b":")[1]))


class Http2(Server):
    def __init__(self, behaviour=None, tls=None):
        super().__init__(tls)
        self.behaviour = behaviour or h2_answer()

    async def talk(self, connection):
        await connection.reader.readexactly(len(frames.PREFACE))
        await connection.send(frames.frame(frames.SETTINGS, 0, 0))
        running = set()
        try:
            while True:
                kind, flags, stream, payload = await frames.read(connection.reader)
                if kind == frames.SETTINGS and not flags & frames.ACK:
                    await connection.send(frames.frame(frames.SETTINGS, frames.ACK, 0))
                elif kind == frames.PING and not flags & frames.ACK:
                    await connection.send(frames.frame(frames.PING, frames.ACK, 0, payload))
                elif kind in (frames.HEADERS, frames.DATA) and flags & frames.END_STREAM:
                    task = asyncio.create_task(_quietly(self.behaviour(connection, stream)))
                    running.add(task)
                    task.add_done_callback(running.discard)
        finally:
            for task in running:
                task.cancel()


async def _quietly(work):
    try:
        await work
    except (OSError, asyncio.CancelledError):
        pass


class Tcp(Server):
    """Echoes; or resets the connection, at once or after the first bytes; or is an HTTP server that does not understand."""

    def __init__(self, mode="echo", tls=None):
        super().__init__(tls)
        self.mode = mode

    async def talk(self, connection):
        if self.mode == "reset-at-once":
            connection.reset()
            return
        data = await connection.reader.read(65536)
        if self.mode == "reset":
            connection.reset()
        elif self.mode == "http-400":
            await connection.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        elif self.mode == "echo":
            while data:
                await connection.send(data)
                data = await connection.reader.read(65536)


class Blunt(Server):
    """HTTPS by a thread with blocking sockets: unlike asyncio's, its handshake tells the client by an alert why it failed."""

    async def start(self, address, port):
        self.address, self.port = address, port
        self.socket = socket.create_server((address, port), backlog=256)
        self.socket.settimeout(0.2)
        self.over = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    async def stop(self):
        self.over = True
        await asyncio.to_thread(self.thread.join, 5)
        self.socket.close()

    def _serve(self):
        while not self.over:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                continue
            try:
                plain.settimeout(2)
                with self.tls.wrap_socket(plain, server_side=True) as secured:
                    secured.recv(65536)
                    secured.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
            except OSError:
                plain.close()


class Silence(Server):
    """A full accept queue: the kernel drops further SYNs, as a firewall would."""

    async def start(self, address, port):
        self.address, self.port = address, port
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(0)
        self.fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((address, port))
            self.fillers.append(filler)

    async def stop(self):
        for one in [self.socket, *self.fillers]:
            one.close()


class Nothing(Server):
    """No process: the kernel refuses."""

    async def start(self, address, port):
        self.address, self.port = address, port


class NoNames(Server):
    """A DNS server (UDP) that knows no name."""

    async def start(self, address, port):
        self.address, self.port = address, port
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(_NxDomain, local_addr=(address, port))

    async def stop(self):
        self.transport.close()


class _NxDomain(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, sender):
        if len(data) >= 12:
            # The question again, as an answer with RCODE 3.
            self.transport.sendto(data[:2] + b"\x81\x83" + data[4:6] + b"\0\0\0\0\0\0" + data[12:], sender)
