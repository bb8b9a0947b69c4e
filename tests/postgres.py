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
from tests.debian import install

PATIENCE_S = 60.0
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
    """A server in a folder, where its socket is too. Made by `running_server`."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self._programs = folder, programs
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str, user: str = "postgres") -> PostgresUrl:
        return PostgresUrl(f"postgresql://{user}@/{database}?host={self.folder}")

    @contextmanager
    def database(self) -> Iterator[PostgresUrl]:
        """A database for one test, with an empty store of the bot."""
        name = f"test{next(self._numbers)}"
        self.do(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        yield self.url(name)
        self.do(f"DROP DATABASE {name} WITH (FORCE)")

    def do(self, statement: str) -> None:
        """Something that only the owner of the server may."""
        with psycopg.connect(self.url("postgres").whole, autocommit=True) as connection:
            connection.execute(statement.encode())

    def lay_out(self) -> None:
        """Makes the server, and lays out the store once: a test copies it in no time."""
        if user := _user():
            shutil.chown(self.folder, "postgres")
        initdb = [str(self._programs / "initdb"), "-D", str(self.folder / "data"), *INITDB]
        subprocess.run(initdb, cwd="/", check=True, stdout=subprocess.DEVNULL, **user)
        rules = self.folder / "data/pg_hba.conf"
        rules.write_text(f"local all locked scram-sha-256\n{rules.read_text()}")
        self.start()
        self.do("CREATE ROLE locked LOGIN PASSWORD 'right'")
        self.do(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
        open_postgres(self.url(TEMPLATE), upgrade=True).close()

    def start(self) -> None:
        """Returns once it answers."""
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        data = ["-D", str(self.folder / "data"), "-k", str(self.folder)]
        command = [str(self._programs / "postgres"), *data, *settings]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", UNTIL_ITS_INPUT_ENDS, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                **_user(),
            )
        for attempt in Retrying(
            retry=retry_if_exception_type(psycopg.OperationalError),
            stop=stop_after_delay(PATIENCE_S),
            wait=wait_fixed(0.05),
            reraise=True,
        ):
            with attempt:
                self.do("SELECT 1")

    def stop(self) -> None:
        """It breaks off what it is at, and ends."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            self._process.wait(PATIENCE_S)
        self._process = None

    def restart(self) -> None:
        """The server crashes, and comes up again."""
        self.stop()
        self.start()

    @contextmanager
    def standing_by(self) -> Iterator[None]:
        """It only reads, as a standby that took over from nobody yet."""
        signal = self.folder / "data/standby.signal"
        self.stop()
        signal.touch()
        self.start()
        yield
        self.stop()
        signal.unlink()
        self.start()


@contextmanager
def running_server() -> Iterator[Server]:
    """A server with the layout of a store, until the context or this process ends."""
    server = Server(Path(mkdtemp(prefix="pg-")), _found_programs())
    try:
        server.lay_out()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


def _found_programs() -> Path:
    """The folder of a server's programs; installs one where there is none and that may be done.
    Raises NotInstalled."""
    places = _places()
    if not places:
        install("these tests need PostgreSQL 15 or newer", "postgresql")
        places = _places()
    return places[0]


def _places() -> list[Path]:
    found = shutil.which("postgres")
    places = [Path(found).parent] if found else []
    packaged = Path("/usr/lib/postgresql").glob("*/bin")
    places += sorted(packaged, key=lambda place: place.parent.name, reverse=True)
    return [place for place in places if (place / "initdb").exists()]


def _user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as the user that its package made."""
    if os.geteuid() != 0:
        return {}
    group = pwd.getpwnam("postgres").pw_gid
    return {"user": "postgres", "group": group, "extra_groups": []}
