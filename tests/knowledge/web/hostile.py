"""Pages that no honest server sends."""

import asyncio
import gzip
import io
import zlib
from collections.abc import Mapping

from aiohttp import web

from tests.fakes.web_pages import Handler, Page

TEXT = (
    "<html><body><p>"
    + "An honest paragraph about the mill and its sluice. " * 20
    + "</p></body></html>"
)


def redirect(target: str, status: int = 302) -> Page:
    """Somewhere else."""
    return Page(b"", headers={"Location": target}, status=status)


def endless(size: int = 1 << 30, headers: Mapping[str, str] | None = None) -> Handler:
    """So many bytes, as fast as they are taken; `sent` counts them."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/html", **(headers or {})})
        await response.prepare(request)
        part = b"<p>more</p>" * 6000
        try:
            for _ in range(0, size, len(part)):
                await response.write(part)
                counts["sent"] += len(part)
        except ConnectionError:
            counts["broken"] += 1
        return response

    counts = {"sent": 0, "broken": 0}
    answer.counts = counts  # type: ignore[attr-defined]  # for the test to look at
    return answer


def bomb(size: int, encoding: str) -> Page:
    """A small body that unpacks to so many bytes."""
    plain = b"<p>" + b" " * size
    packed = gzip.compress(plain, 9) if encoding == "gzip" else zlib.compress(plain, 9)
    return Page(packed, "text/html", {"Content-Encoding": encoding})


def silent(*, headers: bool) -> Handler:
    """Never says anything more."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if headers:
            response = web.StreamResponse(headers={"Content-Type": "text/html"})
            await response.prepare(request)
            await response.write(b"<html><body><p>and then")
        await asyncio.Event().wait()
        raise AssertionError

    return answer


def pdf_bomb(size: int) -> bytes:
    """A PDF whose only page unpacks to so many bytes, packed twice."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = 16 << 20
    packed = packer.compress(b"\n" * part) + packer.flush(zlib.Z_FULL_FLUSH)
    twice = zlib.compress(b"\x78\xda" + packed * (size // part), 9)
    stream = b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n" % len(twice)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R >>",
        stream + twice + b"\nendstream",
    ]
    out, places = io.BytesIO(), []
    out.write(b"%PDF-1.4\n")
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    out.write(b"xref\n0 5\n0000000000 65535 f \n" + rows)
    out.write(b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()
