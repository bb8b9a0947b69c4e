"""`check --live`: every platform is asked, and the bot that runs answers a question, end to end."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from adapters.base import AdapterError, Finding
from adapters.contract import Adapter
from bot.config.schema import Config, HttpSettings
from bot.store.instance import running
from knowledge.gate.examples import load_examples

GROUP, ASKER = "check --live", "check"
ANSWER_S, STEP_S = 60.0, 0.2
ANSWERING = ("answered", "nearest", "repeated")
PLATFORMS = ("lark", "dingtalk", "wecom", "webhook")


async def check_live(config: Config, adapters: Mapping[str, Adapter]) -> AsyncIterator[Finding]:
    """Findings as they come."""
    elsewhere = {one.name for one in config.adapters if one.kind in PLATFORMS}
    for name, adapter in adapters.items():
        if name in elsewhere:
            async for finding in check_platform(name, adapter):
                yield finding
    holder = running(config.bot.data_dir)
    if not holder:
        yield Finding("note", f"bot: none runs on {config.bot.data_dir}; start it to have it asked")
        return
    yield Finding("ok", f"bot: {holder}")
    async with _client(config.http) as client:
        try:
            async for finding in _asked(config, client):
                yield finding
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            what = type(error).__name__
            yield Finding("bad", f"bot: {config.http.host}:{config.http.port} fails: {what}")


async def check_platform(name: str, adapter: Adapter) -> AsyncIterator[Finding]:
    """Walks through one platform's set-up."""
    try:
        async with adapter:
            async for finding in adapter.check():
                yield Finding(finding.mark, f"{name}: {finding.text}")
    except AdapterError as error:
        yield Finding("bad", f"{name}: {error}")


def _client(http: HttpSettings) -> aiohttp.ClientSession:
    # Nothing listens here: who listens everywhere is asked on loopback.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(http.host, http.host)  # noqa: S104 - not bound
    token = http.token.get_secret_value()
    return aiohttp.ClientSession(
        f"http://{f'[{host}]' if ':' in host else host}:{http.port}",
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=aiohttp.ClientTimeout(total=10),
    )


async def _asked(config: Config, client: aiohttp.ClientSession) -> AsyncIterator[Finding]:
    if config.http.port == 0:
        yield Finding("note", "bot: http.port is 0, so nobody knows where it listens")
        return
    async with client.get("/readyz") as response:
        state = await response.json()
    yield Finding("ok" if state["status"] == "ready" else "note", f"bot: {state['status']}")
    for mark, lines in (("bad", state["problems"]), ("note", state["degraded"])):
        for line in lines:
            yield Finding("bad" if mark == "bad" else "note", f"bot: {line}")
    for name, link in state["adapters"].items():
        if link["up"]:
            event = link["last_event_age"]
            heard = "no event yet" if event is None else f"last event {event} s ago"
            yield Finding("ok", f"bot: {name} connected for {link['age']} s, {heard}")
    web = [one for one in config.adapters if one.kind == "web"]
    if web and not state["problems"]:
        yield await _answer(client, _question(config.gate.examples))


def _question(files: tuple[Path, ...]) -> str:
    good = load_examples(files).good
    return good[0] if good else "What is this project about?"


async def _answer(client: aiohttp.ClientSession, text: str) -> Finding:
    """Asks as a person would, on the page in a group of its own, and takes the question back."""
    posted = {"group": GROUP, "user": ASKER, "text": text, "mention": True}
    began = time.perf_counter()
    async with client.post("/api/messages", json=posted) as response:
        if response.status in (401, 403):
            return Finding("note", "bot: its API wants a login; set http.token to have it asked")
        message_id = (await response.json())["message_id"]
    try:
        found = await _decided(client, message_id)
    finally:
        gone = {"group": GROUP, "user": ASKER}
        async with client.delete(f"/api/messages/{message_id}", json=gone) as response:
            await response.read()
    seconds = time.perf_counter() - began
    if found is None:
        return Finding("bad", f"bot: {text!r} was not decided within {ANSWER_S:g} s")
    said = f"bot: {text!r} was decided in {seconds:.1f} s: {found['reason']}"
    return Finding("ok" if found["reason"] in ANSWERING else "note", said)


async def _decided(client: aiohttp.ClientSession, message_id: str) -> dict[str, Any] | None:
    for _ in range(round(ANSWER_S / STEP_S)):
        async with client.get(f"/api/decisions/{message_id}") as response:
            found: dict[str, Any] = await response.json()
        if found["state"] != "pending":
            return found
        await asyncio.sleep(STEP_S)
    return None
