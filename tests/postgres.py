"""A real PostgreSQL in a folder of its own, for one session of tests. What is written need not
outlive the power there, so nothing waits for a disk."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from bot.store.engines.place import PostgresUrl
from bot.store.engines.postgres import open_postgres

PATIENCE_S = 60.0
MISSING = (
    "PostgreSQL 15 or newer is needed for these tests: apt-get install postgresql, or its bin "
    "folder on the PATH"
)
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "16MB",
    "max_connections": "30",
    "autovacuum": "off",
    "listen_addresses": "",
}
INITDB = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
TEMPLATE = "template"

# Ends when whoever holds its input does, however that ends.
UNTIL_ITS_INPUT_ENDS = '"$@" & cat >/dev/null; kill -QUIT $!; wait $!'


class Server:
    """A server that runs; its socket is in `folder`. Made by `running_server`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)

    def url(self, database: str) -> PostgresUrl:
        return PostgresUrl(f"postgresql://postgres@/{database}?host={self.folder}")

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[PostgresUrl]:
        """A database for one test: an empty store of the bot, or not even that."""
        name = f"test{next(self._numbers)}"
        self._do(f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else TEMPLATE}")
        yield self.url(name)
        self._do(f"DROP DATABASE {name} WITH (FORCE)")

    def make_template(self) -> None:
        """Lays out the store once: a test copies it in a twentieth of a second."""
        self._do(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
        open_postgres(self.url(TEMPLATE), upgrade=True).close()

    def answers(self) -> None:
        """Raises OperationalError while it doesn't."""
        self._do("SELECT 1")

    def restart(self) -> None:
        """The server crashes, and comes up again."""
        self.control("restart")

    def control(self, what: str) -> None:
        """Restarts or stops it as a crash does."""
        control = [str(_programs() / "pg_ctl"), "-D", str(self.folder / "data")]
        command = [*control, "-m", "immediate", "-w", "-s", "-l", str(self.folder / "log2"), what]
        subprocess.run(command, cwd="/", check=what != "stop", **_user())

    def _do(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres").whole, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_server() -> Iterator[Server]:
    """A server with the layout of a store, until the context or this process ends."""
    programs, folder = _programs(), Path(mkdtemp(prefix="pg-"))
    user = _user()
    if user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    initdb = [str(programs / "initdb"), "-D", str(data), *INITDB]
    subprocess.run(initdb, cwd="/", check=True, stdout=subprocess.DEVNULL, **user)
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *settings]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", UNTIL_ITS_INPUT_ENDS, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd="/",
            **user,
        )
    with process:
        try:
            server = Server(folder)
            for attempt in Retrying(
                retry=retry_if_exception_type(psycopg.OperationalError),
                stop=stop_after_delay(PATIENCE_S),
                wait=wait_fixed(0.05),
                reraise=True,
            ):
                with attempt:
                    server.answers()
            server.make_template()
            yield server
        finally:
            assert process.stdin
            server.control("stop")  # one that was restarted is no child of ours
            process.stdin.close()
            process.wait(PATIENCE_S)
            shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    found = shutil.which("postgres")
    places = [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    for place in places:
        if (place / "initdb").exists():
            return place
    raise FileNotFoundError(MISSING)


def _version(place: Path) -> int:
    return int(place.parent.name) if place.parent.name.isdigit() else 0


def _user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as the user that its package made."""
    if os.geteuid() != 0:
        return {}
    group = pwd.getpwnam("postgres").pw_gid
    return {"user": "postgres", "group": group, "extra_groups": []}
