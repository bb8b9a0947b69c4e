"""What stands for the package lmdeploy where it is not installed: `python -m lmdeploy serve ...`.

Behaves like the real api_server as seen from outside: a closed port while loading, /health and
/v1/models, its exit codes. `--fake-...` arguments script its fate.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def main() -> None:
    """Serves until a signal comes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs=3)
    parser.add_argument("--server-port", type=int)
    parser.add_argument("--model-name")
    parser.add_argument("--fake-starts", type=Path, help="a file that gets a line per start")
    parser.add_argument("--fake-load-until", type=Path, help="loads until this file exists")
    parser.add_argument("--fake-exit", type=int)
    parser.add_argument("--fake-oom", action="store_true")
    parser.add_argument("--fake-sick", type=Path, help="unhealthy while this file exists")
    parser.add_argument("--fake-stubborn", action="store_true", help="ignores SIGTERM")
    parser.add_argument("--fake-chatter", type=int, default=0)
    parser.add_argument("--fake-helper", type=Path, help="starts a process, its id goes there")
    args, _ = parser.parse_known_args()
    if args.fake_starts:
        with args.fake_starts.open("a") as file:
            file.write(f"{os.getpid()}\n")
    if args.fake_helper:
        sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        args.fake_helper.write_text(str(sleeper.pid))
    sys.stderr.write("x" * args.fake_chatter + "\n[TM] loading\n")
    while args.fake_load_until and not args.fake_load_until.exists():
        time.sleep(0.01)
    if args.fake_oom:
        sys.stderr.write("RuntimeError: [TM][ERROR] CUDA runtime error: out of memory\n")
        raise SystemExit(1)
    if args.fake_exit is not None:
        raise SystemExit(args.fake_exit)
    handled = signal.SIG_IGN if args.fake_stubborn else signal.SIG_DFL
    signal.signal(signal.SIGTERM, handled)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sick = args.fake_sick and args.fake_sick.exists()
            content = {"data": [{"id": args.model_name}]}
            data = json.dumps(content if "models" in self.path else {"status": "healthy"}).encode()
            self.send_response(503 if sick else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", args.server_port), Handler)
    sys.stdout.write("HINT: Please open http://127.0.0.1\n")
    threading.Thread(target=server.serve_forever).start()


main()
