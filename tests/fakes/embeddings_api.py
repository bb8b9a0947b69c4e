"""An OpenAI-compatible embeddings API on loopback, in a thread of its own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass
class EmbeddingsApi:
    """`fail_next` answers that many requests with `fail_status`; `requests` are the bodies.
    Nothing is answered while `open` is not set; `odd` stands where a vector should."""

    url: str = ""
    fail_next: int = 0
    fail_status: int = 500
    short: bool = False
    odd: Any = None
    open: Event = field(default_factory=Event)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@contextmanager
def embeddings_api() -> Iterator[EmbeddingsApi]:
    """Serves until the context ends. A text's vector counts its letters a, b, c."""
    api = EmbeddingsApi()
    api.open.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            api.requests.append(body)
            api.keys.append(self.headers.get("Authorization", ""))
            assert api.open.wait(60)
            if api.fail_next:
                api.fail_next -= 1
                self._answer(api.fail_status, {"error": {"message": "out of order"}})
                return
            texts = body["input"][:1] if api.short else body["input"]
            rows = [
                {
                    "object": "embedding",
                    "index": i,
                    "embedding": [text.count(c) for c in "abc"] if api.odd is None else api.odd,
                }
                for i, text in enumerate(texts)
            ]
            self._answer(200, {"object": "list", "model": body["model"], "data": rows[::-1]})

        def _answer(self, status: int, content: dict[str, object]) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        api.open.set()
        server.shutdown()
        thread.join()
        server.server_close()
