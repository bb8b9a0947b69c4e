"""S3 on loopback: one bucket, behind requests that must be signed (Signature Version 4) and bring
what was signed. By path, and by virtual host through a proxy."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from aiohttp import web

BUCKET, REGION, KEY, SECRET = "knowledge", "eu-test-1", "AKIATESTKEY", "se+cret/0815"
PAGE = 3
"""Names in one page of a list: a client has to ask for the rest."""

STATUS = {
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "AuthorizationHeaderMalformed": 400,
    "SlowDown": 503,
}
"""Of an error by its code; 403 for the others."""

MOST_SKEW_S = 900


class Refused(Exception):
    """Answered with this code."""


@dataclass
class FakeS3:
    """`files` are what is kept. With `refusal` every request is refused, with `busy` the next ones
    are told to come again, and of the next `halves` files only a half is sent. `clock_ahead_s`: so
    much is the server's clock before that of others. Nothing is answered while `open` is not set.
    `asked` is what was asked for, by method and name."""

    url: str = ""
    files: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    refusal: str = ""
    busy: int = 0
    halves: int = 0
    clock_ahead_s: float = 0.0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    _parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Any request."""
        target = urlsplit(request.raw_path)  # with its scheme and host, where we are the proxy
        query = dict(parse_qsl(target.query, keep_blank_values=True))
        by_host = request.host.startswith(f"{BUCKET}.")
        path = unquote(target.path).removeprefix("/")
        bucket, _, name = (BUCKET, "", path) if by_host else path.partition("/")
        self.asked.append(f"{request.method} {name}")
        await self.open.wait()
        try:
            _verify(request, await request.read(), self.clock_ahead_s)
            self._admit(bucket)
            return await self._done(request, name, query)
        except Refused as error:
            code = str(error)
            return _xml(
                f"<Error><Code>{code}</Code><AWSAccessKeyId>{KEY}</AWSAccessKeyId></Error>",
                STATUS.get(code, 403),
            )

    def _admit(self, bucket: str) -> None:
        if self.refusal:
            raise Refused(self.refusal)
        if self.busy:
            self.busy -= 1
            raise Refused("SlowDown")
        if bucket != BUCKET:
            raise Refused("NoSuchBucket")

    async def _done(
        self, request: web.Request, name: str, query: Mapping[str, str]
    ) -> web.StreamResponse:
        body = await request.read()
        match request.method:
            case "GET" if not name:
                return self._listed(query)
            case "GET":
                return await self._sent(request, name)
            case "PUT" if upload := query.get("uploadId"):
                self._parts[upload][int(query["partNumber"])] = body
                return _kept(body)
            case "PUT":
                self._keep(name, body)
                return _kept(body)
            case "POST" if "uploads" in query:
                upload = str(next(self._numbers))
                self._parts[upload] = {}
                return _xml(
                    f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId>"
                    "</InitiateMultipartUploadResult>"
                )
            case "POST":
                parts = self._parts.pop(query["uploadId"])
                self._keep(name, b"".join(parts[number] for number in sorted(parts)))
                return _xml(
                    "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>"
                )
            case "DELETE":
                self.files.pop(name, None)
                return web.Response(status=204)
        raise Refused("MethodNotAllowed")

    def _keep(self, name: str, body: bytes) -> None:
        self.files[name] = body, datetime.now(UTC)

    def _listed(self, query: Mapping[str, str]) -> web.Response:
        after = query.get("continuation-token", "")
        names = sorted(
            name for name in self.files if name.startswith(query["prefix"]) and name > after
        )
        page, more = names[:PAGE], names[PAGE:]
        shown = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(body)}</Size><ETag>e</ETag>"
            f"<LastModified>{at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
            for name in page
            for body, at in [self.files[name]]
        )
        token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
        cut = "true" if more else "false"
        return _xml(
            f"<ListBucketResult><IsTruncated>{cut}</IsTruncated>{token}{shown}</ListBucketResult>"
        )

    async def _sent(self, request: web.Request, name: str) -> web.StreamResponse:
        if name not in self.files:
            raise Refused("NoSuchKey")
        body, at = self.files[name]
        part = request.http_range
        sent = body[part]
        response = web.StreamResponse(status=200 if len(sent) == len(body) else 206)
        if response.status == 206:
            start = part.start or 0
            response.headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        response.content_length = len(sent)
        response.headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()}"'
        response.last_modified = at
        await response.prepare(request)
        if self.halves:
            self.halves -= 1
            await response.write(sent[: len(sent) // 2])
            assert request.transport
            request.transport.close()
            return response
        await response.write(sent)
        return response


def _xml(text: str, status: int = 200) -> web.Response:
    whole = f'<?xml version="1.0" encoding="UTF-8"?>{text}'
    return web.Response(text=whole, status=status, content_type="application/xml")


def _kept(body: bytes) -> web.Response:
    return web.Response(headers={"ETag": f'"{hashlib.sha256(body).hexdigest()}"'})


def _verify(request: web.Request, body: bytes, clock_ahead_s: float) -> None:
    """As Amazon describes it: what was sent is put into one form, and signed again."""
    kind, _, rest = request.headers.get("Authorization", "").partition(" ")
    said = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    key, *scope = said.get("Credential", "").split("/")
    if kind != "AWS4-HMAC-SHA256" or len(scope) != 4:
        raise Refused("AccessDenied")
    if key != KEY:
        raise Refused("InvalidAccessKeyId")
    if scope[1] != REGION:
        raise Refused("AuthorizationHeaderMalformed")
    at = request.headers["x-amz-date"]
    signed_at = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(datetime.now(UTC).timestamp() + clock_ahead_s - signed_at.timestamp()) > MOST_SKEW_S:
        raise Refused("RequestTimeTooSkewed")
    digest = request.headers["x-amz-content-sha256"]
    if digest != hashlib.sha256(body).hexdigest():
        raise Refused("XAmzContentSHA256Mismatch")
    wanted = _signature(request, said["SignedHeaders"], scope, at, digest)
    if not hmac.compare_digest(said["Signature"], wanted):
        raise Refused("SignatureDoesNotMatch")


def _signature(request: web.Request, names: str, scope: list[str], at: str, digest: str) -> str:
    target = urlsplit(request.raw_path)
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(target.query, keep_blank_values=True)
    )
    headers = (f"{name}:{request.headers[name].strip()}\n" for name in names.split(";"))
    canonical = "\n".join(
        (
            request.method,
            quote(unquote(target.path), safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(headers),
            names,
            digest,
        )
    )
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", at, "/".join(scope), hashed))
    secret = f"AWS4{SECRET}".encode()
    for part in (*scope, text):
        secret = hmac.digest(secret, part.encode(), "sha256")
    return secret.hex()


@asynccontextmanager
async def s3_server() -> AsyncIterator[FakeS3]:
    """A bucket with nothing in it."""
    server = FakeS3()
    server.open.set()
    app = web.Application(client_max_size=1 << 28)
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
