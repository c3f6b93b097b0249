"""Text goes out gzipped to whoever takes it (RFC 9110 8.4.1): phones in the street are on slow networks, and no proxy is needed before
this server.

A static file is packed once per process. A page is packed anew with a file name of random length in its gzip header: its
length then tells nobody who can make a reader open addresses whether a guess at the token in its forms was right
("Heal the BREACH", Palacios and others, 2022).
"""

from __future__ import annotations

import secrets
import struct
import zlib

from flask import Flask, Response, current_app, request

TEXT = (
    "text/", "application/json", "application/problem+json", "application/javascript", "image/svg+xml",
)  # fmt: skip
LEAST = 600  # bytes; below that the header eats what is won
HEAD = b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff"  # gzip, deflate, a file name follows, no time, any system
QUICK, THOROUGH = 5, 9


def attach(app: Flask) -> None:
    """Must be attached before all others: what is attached first has the last word on an answer."""
    app.extensions["packed"] = {}
    app.after_request(_pack)


def packed(plain: bytes, level: int, name: bytes = b"") -> bytes:
    """A gzip file (RFC 1952) with this name in it."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(plain) + deflate.flush()
    return HEAD + name + b"\x00" + body + struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF)


def _pack(response: Response) -> Response:
    if not _worth(response):
        return response
    response.vary.add("Accept-Encoding")
    if not request.accept_encodings["gzip"]:
        return response
    if request.endpoint == "static":
        _pack_file(response)
    else:
        name = secrets.token_hex(16)[: 1 + secrets.randbelow(32)].encode()
        response.set_data(packed(response.get_data(), QUICK, name))
    response.headers["Content-Encoding"] = "gzip"
    return response


def _worth(response: Response) -> bool:
    kind = response.content_type or ""
    whole = response.status_code not in (204, 206, 304) and request.method != "HEAD"
    long = response.content_length is None or response.content_length >= LEAST
    own = "Content-Encoding" not in response.headers and (
        request.endpoint == "static" or not response.is_streamed
    )
    return whole and long and own and kind.startswith(TEXT)


def _pack_file(response: Response) -> None:
    kept: dict[tuple[str, str], bytes] = current_app.extensions["packed"]
    etag, _weak = response.get_etag()
    key = (request.path, etag or "")
    if key not in kept:
        response.direct_passthrough = False
        kept[key] = packed(response.get_data(), THOROUGH)
    else:
        response.close()
    response.direct_passthrough = False
    response.set_data(kept[key])
    if etag:
        response.set_etag(etag, weak=True)  # the same file, other bytes
