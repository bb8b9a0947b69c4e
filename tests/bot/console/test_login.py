"""Logging in and out, the first start, and who may do what afterwards."""

import asyncio
from typing import Any

import aiohttp
import pytest

from adapters.base import IncomingMessage
from bot.console.access import PACES
from bot.console.sessions import FREE_FAILURES, LASTS_S, hash_password
from bot.console.users import StoredUser, UserFile, write_users
from tests.bot.console.conftest import Visit
from tests.fakes.clock import FakeClock
from tests.fakes.web_app import Served, serving

PASSWORD = "correct horse battery"
TOKEN = "a-long-token-0123456789"
MESSAGE = {"group": "g", "user": "admin", "text": "/dou status"}


@pytest.fixture(scope="module")
def hashed() -> str:
    return hash_password(PASSWORD)


async def send(
    client: aiohttp.ClientSession, path: str, body: dict[str, Any], csrf: str = "", **headers: str
) -> tuple[int, dict[str, Any]]:
    more = {"X-CSRF-Token": csrf, **headers} if csrf else headers
    async with client.post(path, json=body, headers=more) as response:
        return response.status, await response.json()


async def session(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.get("/api/session") as response:
        assert response.status == 200
        found: dict[str, Any] = await response.json()
        return found


def logins(served: Served) -> list[str]:
    return [event.login for event in served.bot.events if isinstance(event, IncomingMessage)]


async def test_at_the_first_start_a_name_makes_no_admin_and_one_click_does(visit: Visit) -> None:
    async with serving() as served:
        stranger, owner = visit(served.url), visit(served.url)
        assert (await session(stranger)) == {
            "user": None,
            "role": None,
            "csrf": "",
            "access": "new",
        }
        assert (await send(stranger, "/api/messages", MESSAGE))[0] == 202
        assert logins(served) == [""]

        async with owner.post("/api/setup", json={"choice": "admin"}) as response:
            assert response.status == 200
            made = await response.json()
            (cookie,) = response.headers.getall("Set-Cookie")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert (made["user"], made["role"], made["access"]) == ("admin", "admin", "login")
        assert (await send(owner, "/api/messages", MESSAGE, made["csrf"]))[0] == 202
        assert logins(served) == ["", "admin"]

        assert (await send(stranger, "/api/setup", {"choice": "admin"}))[0] == 409
        for path in ("/api/groups/g/messages", "/metrics"):
            async with stranger.get(path) as response:
                assert response.status == 401
        known = {"name": "admin", "password": made["password"]}
        assert (await send(stranger, "/api/login", known))[0] == 200
        assert (await session(stranger))["user"] == "admin"
        newest, _, oldest = await served.audit.page()
        assert (oldest.who, oldest.action, oldest.after) == ("local", "setup", "admin")
        assert (newest.who, newest.action, newest.target) == ("admin", "login", "127.0.0.1")


async def test_at_the_first_start_one_may_go_on_without_logins(visit: Visit) -> None:
    async with serving() as served:
        client = visit(served.url)
        status, state = await send(client, "/api/setup", {"choice": "open"})
        assert (status, state["access"], state["role"]) == (200, "open", "admin")
        assert (await session(visit(served.url)))["access"] == "open"
        await send(client, "/api/messages", MESSAGE)
        assert logins(served) == ["local"]
        assert (await send(client, "/api/setup", {"choice": "admin"}))[1]["access"] == "login"
        assert (await send(visit(served.url), "/api/messages", MESSAGE))[0] == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
async def test_without_logins_no_proxy_brings_others(visit: Visit, header: str) -> None:
    async with serving() as served:
        client = visit(served.url, **{header: "203.0.113.7"})
        status, answer = await send(client, "/api/setup", {"choice": "open"})
        assert status == 403
        assert "http.users" in answer["error"]


async def test_without_logins_no_proxy_is_served_that_says_nothing_of_itself() -> None:
    """nginx with nothing but `proxy_pass`: the host is ours, and the version an old one."""
    async with serving() as served:
        port = int(served.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET /api/groups/g/messages HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode())
        async with asyncio.timeout(60):
            assert (await reader.readline()).split()[1] == b"403"
            assert b"a proxy stands before this server" in await reader.read()
        writer.close()


async def test_a_cookie_alone_changes_nothing(visit: Visit, hashed: str) -> None:
    users = [{"name": "alice", "role": "admin", "password_hash": hashed}]
    async with serving(http={"users": users}) as served:
        client = visit(served.url)
        _, state = await send(client, "/api/login", {"name": "alice", "password": PASSWORD})
        for forged in ("", "x", state["csrf"][:-1]):
            status, answer = await send(client, "/api/messages", MESSAGE, forged)
            assert (status, "X-CSRF-Token" in answer["error"]) == (403, True)
        evil = {"Origin": "https://evil.example"}
        assert (await send(client, "/api/messages", MESSAGE, state["csrf"], **evil))[0] == 403
        assert served.bot.events == []
        async with client.ws_connect("/api/stream?group=g"):
            pass  # a browser sends the cookie with it
        assert (await send(client, "/api/messages", MESSAGE, state["csrf"]))[0] == 202

        assert (await send(client, "/api/logout", {}))[0] == 403, "nobody is logged out by others"
        kept = client.cookie_jar.filter_cookies(client._base_url)["dou_session"].value  # type: ignore[arg-type]  # never None here
        assert (await send(client, "/api/logout", {}, state["csrf"]))[0] == 200
        client.cookie_jar.update_cookies({"dou_session": kept})
        assert (await session(client))["user"] is None, "the session itself has ended"


@pytest.mark.parametrize(
    "header", ["Cookie: dou_session=\xff\xfe", "Authorization: Bearer \xff", "X-CSRF-Token: \xff"]
)
async def test_headers_that_are_no_text_are_no_login(header: str) -> None:
    proxy = {"address": "127.0.0.1", "user_header": "X-User"}
    users = [{"name": "alice", "role": "admin"}]
    async with serving(http={"users": users, "proxy": proxy}) as served:
        port = int(served.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        named = "X-User: alice\r\n" if "CSRF" in header else ""
        head = f"POST /api/messages HTTP/1.1\r\nHost: x\r\n{named}{header}\r\n\r\n"
        writer.write(head.encode("latin-1"))
        async with asyncio.timeout(60):
            assert (await reader.readline()).split()[1] in {b"401", b"403"}
        writer.close()


async def test_the_cookie_is_secure_where_the_browser_speaks_tls(visit: Visit, hashed: str) -> None:
    users = [{"name": "alice", "role": "admin", "password_hash": hashed}]
    async with serving(http={"users": users}) as served:
        headers = {"Host": "bot.example", "Origin": "https://bot.example"}
        body = {"name": "alice", "password": PASSWORD}
        async with visit(served.url).post("/api/login", json=body, headers=headers) as response:
            assert "Secure" in response.headers["Set-Cookie"].split("; ")


async def test_failures_cost_time_also_the_right_password(
    visit: Visit, hashed: str, clock: FakeClock
) -> None:
    users = [{"name": "alice", "role": "admin", "password_hash": hashed}]
    async with serving(http={"users": users}, clock=clock) as served:
        client = visit(served.url)
        right = {"name": "alice", "password": PASSWORD}
        for name in ("alice", "bob", "alice", "alice", "alice"):
            wrong = {"name": name, "password": "wrong"}
            assert (await send(client, "/api/login", wrong))[0] == 401
        async with client.post("/api/login", json=right) as response:
            assert response.status == 429
            wait = int(response.headers["Retry-After"])
        assert wait == 1
        clock.advance(wait)
        assert (await send(client, "/api/login", {**right, "password": "wrong"}))[0] == 401
        clock.advance(wait)
        assert (await send(client, "/api/login", right))[0] == 429, "each time twice as long"
        clock.advance(wait)
        assert (await send(client, "/api/login", right))[0] == 200
        assert (await send(client, "/api/login", {**right, "password": "wrong"}))[0] == 429


async def test_guessing_tokens_is_slow_but_who_was_right_goes_on(
    visit: Visit, clock: FakeClock
) -> None:
    async with serving(TOKEN, clock=clock) as served:
        friend = visit(served.url, Authorization=f"Bearer {TOKEN}")
        assert (await send(friend, "/api/messages", MESSAGE))[0] == 202
        statuses = []
        for number in range(FREE_FAILURES + 3):
            guess = visit(served.url, Authorization=f"Bearer guess-{number}")
            statuses.append((await send(guess, "/api/messages", MESSAGE))[0])
        assert statuses == [401] * FREE_FAILURES + [429] * 3
        assert (await send(friend, "/api/messages", MESSAGE))[0] == 202
        assert logins(served) == ["http.token"] * 2


async def test_a_session_ends_with_its_time_its_password_and_its_user(
    visit: Visit, hashed: str, clock: FakeClock
) -> None:
    async with serving(TOKEN, clock=clock) as served:
        alice = StoredUser(name="alice", role="viewer", password_hash=hashed)
        write_users(served.folder, UserFile(users=(alice,)))
        clock.advance(2)
        body = {"name": "alice", "password": PASSWORD}
        client = visit(served.url)

        async def log_in() -> None:
            assert (await send(client, "/api/login", body))[0] == 200
            assert (await session(client))["role"] == "viewer"

        await log_in()
        clock.advance(LASTS_S)
        assert (await session(client))["user"] is None
        await log_in()
        changed = alice.model_copy(update={"password_hash": hash_password("another password")})
        write_users(served.folder, UserFile(users=(changed,)))
        clock.advance(2)
        assert (await session(client))["user"] is None
        write_users(served.folder, UserFile(users=(alice,)))
        clock.advance(2)
        await log_in()
        write_users(served.folder, UserFile())
        clock.advance(2)
        assert (await session(client))["user"] is None
        users = [entry for entry in await served.audit.page() if entry.action == "user"]
        assert [entry.target for entry in users] == ["alice"] * 4


async def test_a_damaged_file_of_users_leaves_the_logins_as_they_were(
    visit: Visit, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(clock=clock) as served:
        client = visit(served.url)
        await send(client, "/api/setup", {"choice": "admin"})
        (served.folder / "users.json").write_text("{")
        clock.advance(2)
        assert (await session(visit(served.url)))["access"] == "login"
        assert (await session(client))["user"] == "admin"
        assert "restore it" in caplog.text


async def test_roles_hold_in_the_chat_too(visit: Visit) -> None:
    users = [
        {"name": "reader", "role": "viewer", "token": "reader-token-0123456789"},
        {"name": "judge", "role": "labeller", "token": "judge-token-0123456789"},
    ]
    async with serving(http={"users": users}) as served:
        reader = visit(served.url, Authorization="Bearer reader-token-0123456789")
        judge = visit(served.url, Authorization="Bearer judge-token-0123456789")
        for client in (reader, judge):
            assert (await send(client, "/api/messages", {**MESSAGE, "message_id": "m"}))[0] == 202
        assert logins(served) == ["", ""], "no name and no lesser role commands the bot"
        label = {"group": "g", "user": "admin", "message_id": "m", "label": 1}
        status, answer = await send(reader, "/api/labels", label)
        assert (status, "labeller" in answer["error"]) == (403, True)
        assert (await send(judge, "/api/labels", label))[0] == 200


async def test_the_proxy_is_believed_only_at_its_address(visit: Visit) -> None:
    users = [{"name": "alice@example.org", "role": "admin"}]
    named = {"X-Forwarded-User": "alice@example.org", "X-Forwarded-Proto": "https"}
    proxy = {"address": "127.0.0.1", "user_header": "X-Forwarded-User"}
    async with serving(http={"users": users, "proxy": proxy}) as served:
        client = visit(served.url, **named)
        state = await session(client)
        assert (state["user"], state["role"]) == ("alice@example.org", "admin")
        assert (await send(client, "/api/messages", MESSAGE))[0] == 403
        assert (await send(client, "/api/messages", MESSAGE, state["csrf"]))[0] == 202
        unknown = {"X-Forwarded-User": "mallory"}
        async with client.get("/api/session", headers=unknown) as response:
            assert response.status == 403
        twice = [("X-Forwarded-User", "alice@example.org"), ("X-Forwarded-User", "mallory")]
        async with visit(served.url).get("/api/session", headers=twice) as response:
            assert response.status == 403, "which of them is the proxy's nobody can tell"
        for client_address, statuses in (
            ("203.0.113.7", [401] * FREE_FAILURES + [429]),
            ("203.0.113.8", [401]),
        ):
            for number, status in enumerate(statuses):
                claimed = f"10.9.9.{number}"
                headers = [("X-Forwarded-For", f"{claimed}, {client_address}")]
                if number % 2:
                    headers = [("X-Forwarded-For", claimed), ("X-Forwarded-For", client_address)]
                wrong = {"name": "mallory", "password": "wrong"}
                asked = visit(served.url).post("/api/login", json=wrong, headers=headers)
                async with asked as response:
                    assert response.status == status
    elsewhere = {**proxy, "address": "127.0.0.2"}
    async with serving(http={"users": users, "proxy": elsewhere}) as served:
        assert (await session(visit(served.url, **named)))["user"] is None


@pytest.mark.parametrize("kind", ["page", "program"])
async def test_who_posts_too_fast_waits(
    visit: Visit, hashed: str, clock: FakeClock, kind: str
) -> None:
    token = "reader-token-0123456789"
    users = [{"name": "alice", "role": "viewer", "password_hash": hashed, "token": token}]
    async with serving(http={"users": users}, clock=clock) as served:
        client, csrf = visit(served.url, Authorization=f"Bearer {token}"), ""
        if kind == "page":
            client = visit(served.url)
            _, state = await send(client, "/api/login", {"name": "alice", "password": PASSWORD})
            csrf = state["csrf"]
        _, at_once = PACES[kind]
        statuses = [
            (await send(client, "/api/messages", MESSAGE, csrf))[0] for _ in range(at_once + 1)
        ]
        assert statuses == [202] * at_once + [429]
        clock.advance(1)
        assert (await send(client, "/api/messages", MESSAGE, csrf))[0] == 202
