"""Callers of the tests. Each sends one request (or opens one connection) and says how it ended.

The end is a word: a status as text ("200"), "grpc-ok", "failed" (HTTP/2: no body came), "closed" (the proxy hung up), "gone" (the
caller gave up first), "refused" (the proxy was not there).
"""

import asyncio
import itertools
import socket
import ssl
import struct
import uuid

import frames

AGENTS = itertools.cycle(["okhttp/4.12.0", "Go-http-client/1.1", "python-requests/2.32.3", "axios/1.7.9", "Java/21.0.2"])
LIMIT = 12.0


async def http1(to, authority, method="GET", path="/v2/accounts/17", headers=(), body=b"", version="1.1", patience=None, rst=False,
                tls=None, sni=None, raw=None):
    """One request on a connection of its own. `patience`: hang up after so many seconds (`rst`: by RST)."""
    try:
        reader, writer = await _connect(to, tls, sni)
    except (OSError, ssl.SSLError, asyncio.TimeoutError):
        return "refused"
    try:
        lines = [f"{method} {path} HTTP/{version}", f"Host: {authority}", f"User-Agent: {next(AGENTS)}", f"X-Request-Id: {uuid.uuid4()}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if body or method in ("POST", "PUT"):
            lines.append(f"Content-Length: {len(body)}")
        writer.write(raw if raw is not None else ("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        await writer.drain()
        try:
            return await asyncio.wait_for(_answer(reader, method), patience or LIMIT)
        except asyncio.TimeoutError:
            if rst:
                _rst(writer)
            return "gone"
    except (OSError, asyncio.IncompleteReadError):
        return "closed"
    finally:
        writer.close()


async def _answer(reader, method):
    head = await reader.readuntil(b"\r\n\r\n")
    status, length = head.split(b" ", 2)[1].decode(), 0
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        await reader.readuntil(b"0\r\n\r\n")
    elif b"content-length:" in lower and method != "HEAD":
        length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
    return status


async def http2(to, authority, method="GET", path="/v2/accounts/17", grpc=False, headers=(), patience=None, cancel=False, tls=None, sni=None):
    """One stream on a connection of its own; the preface is sent without upgrade. `cancel`: out of patience, reset the stream first."""
    try:
        reader, writer = await _connect(to, tls, sni)
    except (OSError, ssl.SSLError, asyncio.TimeoutError):
        return "refused"
    try:
        pairs = [(":method", "POST" if grpc else method), (":scheme", "http"), (":authority", authority), (":path", path),
                 ("user-agent", "grpc-go/1.70.0" if grpc else next(AGENTS)), ("x-request-id", str(uuid.uuid4()))]
        if grpc:
            pairs += [("content-type", "application/grpc"), ("te", "trailers")]
        pairs += list(headers)
        end = 0 if grpc else frames.END_STREAM
        data = frames.PREFACE + frames.frame(frames.SETTINGS, 0, 0)
        data += frames.frame(frames.HEADERS, frames.END_HEADERS | end, 1, frames.header_block(pairs))
        if grpc:
            data += frames.frame(frames.DATA, frames.END_STREAM, 1, frames.grpc_message())
        writer.write(data)
        await writer.drain()
        try:
            return await asyncio.wait_for(_stream_end(reader, writer, grpc), patience or LIMIT)
        except asyncio.TimeoutError:
            if cancel:
                writer.write(frames.frame(frames.RST_STREAM, 0, 1, frames.CANCEL.to_bytes(4, "big")))
                await asyncio.sleep(0.05)
            return "gone"
    except (OSError, asyncio.IncompleteReadError):
        return "closed"
    finally:
        writer.close()


async def _stream_end(reader, writer, grpc):
    data = well = False
    while True:
        kind, flags, stream, payload = await frames.read(reader)
        if kind == frames.SETTINGS and not flags & frames.ACK:
            writer.write(frames.frame(frames.SETTINGS, frames.ACK, 0))
        elif kind == frames.RST_STREAM:
            return "failed"
        elif kind == frames.HEADERS:
            well = well or frames.says_200(payload)
        elif kind == frames.DATA:
            data = True
        if stream == 1 and kind in (frames.HEADERS, frames.DATA) and flags & frames.END_STREAM:
            return "failed" if not (data and well) else "grpc-ok" if grpc else "answered"


async def tcp(to, authority=None, send=b"hello ledger\n", patience=None, hold=0.0, tls=None, sni=None):
    """Opens a connection, sends, waits for one answer, stays for `hold` seconds."""
    try:
        reader, writer = await _connect(to, tls, sni)
    except ConnectionResetError:
        # The proxy took the connection, and it was over before we looked.
        return "refused" if tls else "closed"
    except (OSError, ssl.SSLError, asyncio.TimeoutError):
        return "refused"
    try:
        writer.write(send)
        await writer.drain()
        data = await asyncio.wait_for(reader.read(4096), patience or LIMIT)
        if data and hold:
            return "closed" if not await asyncio.wait_for(reader.read(4096), hold) else "echoed"
        return "echoed" if data else "closed"
    except asyncio.TimeoutError:
        return "echoed" if hold else "gone"
    except OSError:
        return "closed"
    finally:
        writer.close()


KINDS = {"http1": http1, "http2": http2, "tcp": tcp}
GOOD = {"grpc-ok", "answered", "echoed"}


def went_well(end):
    return end in GOOD or (end.isdigit() and int(end) < 400)


async def _connect(to, tls, sni):
    caller, address, port = to
    name = {"ssl": tls, "server_hostname": sni or ""} if tls else {}
    return await asyncio.wait_for(asyncio.open_connection(address, port, local_addr=(caller, 0), **name), 5)


def _rst(writer):
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def anyone():
    """A TLS context that believes every server."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
