"""`run_bot.py user`: logins that are given and taken from the command line."""

import json
from pathlib import Path

import pytest

from bot.console.users import StoredUser, UserFile, read_users, write_users
from bot.store.store import open_store
from tests.daemon import run
from tests.postgres import Server

PASSWORD = "correct horse battery\n"


async def test_users_are_added_listed_and_removed(tmp_path: Path) -> None:
    status, out, err = await run(tmp_path, "user", "list")
    assert (status, out) == (0, "")
    assert "user add NAME" in err

    add = ("user", "add", "alice", "--role", "admin")
    assert (await run(tmp_path, *add, stdin=PASSWORD))[0] == 0
    status, token, _ = await run(tmp_path, "user", "add", "ci", "--token")
    assert status == 0
    assert len(token.strip()) >= 32
    file = tmp_path / "data/users.json"
    assert file.stat().st_mode & 0o077 == 0
    assert "battery" not in file.read_text() and token.strip() not in file.read_text()
    assert (await run(tmp_path, "user", "list"))[1] == (
        "alice\tadmin\tpassword\tuser add\nci\tviewer\ttoken\tuser add\n"
    )

    assert (await run(tmp_path, "user", "remove", "alice"))[0] == 0
    status, _, err = await run(tmp_path, "user", "remove", "ci")
    assert "whoever opens the page first" in err
    assert read_users(tmp_path / "data").users == ()


async def test_an_entry_for_the_configuration_is_printed_and_taken(tmp_path: Path) -> None:
    add = ("user", "add", "bob", "--role", "labeller", "--print")
    _, out, _ = await run(tmp_path, *add, stdin=PASSWORD)
    entry = json.loads(out.removeprefix("- "))
    more = ("--set", f"http.users=[{json.dumps(entry)}]")
    assert (await run(tmp_path, "user", "list", more=more))[1] == (
        "bob\tlabeller\tpassword\thttp.users\n"
    )
    status, _, err = await run(tmp_path, "user", "remove", "bob", more=more)
    assert (status, "http.users" in err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "expected"),
    [
        (("add", "a b"), PASSWORD, 2, "must be 1 to 64 characters"),
        (("add", "alice", "--role", "boss"), PASSWORD, 2, "'viewer', 'labeller', 'admin'"),
        (("add", "alice"), "short\n", 1, "at least 10 characters"),
        (("remove", "nobody"), "", 1, "there is no user nobody"),
    ],
)
async def test_what_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], stdin: str, status: int, expected: str
) -> None:
    found, _, err = await run(tmp_path, "user", *arguments, stdin=stdin)
    assert (found, expected in err) == (status, True)


async def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/users.json").write_text("[]")
    status, _, err = await run(tmp_path, "user", "list")
    assert status == 1
    assert err.count("\n") == 1
    assert "users.json" in err


@pytest.mark.slow
async def test_who_shares_a_store_shares_the_logins_in_it(tmp_path: Path, postgres: Server) -> None:
    with postgres.database() as url:
        more = ("--set", f"store.url={url.whole}")
        write_users(tmp_path / "data", UserFile(users=(StoredUser(name="old", role="viewer"),)))
        assert (await run(tmp_path, "user", "add", "ci", "--token", more=more))[0] == 0
        (tmp_path / "data/users.json").unlink()
        assert (await run(tmp_path, "user", "list", more=more))[1] == (
            "old\tviewer\tproxy\tuser add\nci\tviewer\ttoken\tuser add\n"
        )
        async with open_store(url) as store:
            (noted,) = await store.audit_page(None, 10)
            assert (noted.who, noted.target) == ("run_bot.py user", "ci")
