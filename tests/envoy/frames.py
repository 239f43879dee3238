"""As much HTTP/2 as the servers and clients here need: frames, and headers written without compression state.

Nothing here decodes header blocks: a server of these tests answers every request alike, and a client only wants to know
whether an answer of status 200 with a body came to its end.
"""

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7, 0x8
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 0x0, 0x1, 0x2, 0x7, 0x8, 0xB


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header_block(pairs):
    """Literal header fields without indexing and without Huffman coding (RFC 7541, 6.2.2)."""
    block = bytearray()
    for name, value in pairs:
        block += b"\x00" + _string(name) + _string(value)
    return bytes(block)


def _string(text):
    data = text.encode()
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, length = len(data) - 127, bytearray([127])
    while rest >= 128:
        length.append(rest % 128 + 128)
        rest //= 128
    return bytes(length) + bytes([rest]) + data


async def read(reader):
    """The next frame as (kind, flags, stream, payload)."""
    head = await reader.readexactly(9)
    length = int.from_bytes(head[:3], "big")
    return head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, await reader.readexactly(length)


def grpc_message(body=b"\x08\x01"):
    return b"\x00" + struct.pack(">I", len(body)) + body


def says_200(block):
    """Whether the first header block of a connection begins with `:status: 200` (index 8 of the static table)."""
    at = 0
    while at < len(block) and block[at] & 0xE0 == 0x20:  # a change of the table's size
        at += 1 if block[at] & 0x1F != 0x1F else 3
    return block[at:at + 1] == b"\x88"
