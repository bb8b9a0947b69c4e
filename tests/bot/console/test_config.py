"""The configuration on the console: its file changed by an admin, and what holds at once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.config.config_file import ConfigFile
from knowledge.base import KnowledgeBase
from knowledge.ingest.build import build
from knowledge.settings import GateSettings
from tests.bot.console.running import Running, running_bot
from tests.knowledge.library import gate_options, plan, write_pages

TOKEN = "0123456789abcdef-secret"
TEXT = f"""\
# what we are called
bot: {{name: dou}}
http: {{users: [{{name: ann, role: admin, token: {TOKEN}}}]}}
gate:
  target_precision: 0.9   # nine of ten
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def content(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def spoil(file: Path) -> None:
    file.write_text("bot: [", encoding="utf-8")


def name_examples(file: Path, gate: GateSettings) -> None:
    file.write_text(f"{TEXT}  examples: [{gate.examples[0]}]\n", encoding="utf-8")


@pytest.fixture
async def bot(tmp_path: Path, file: Path) -> AsyncIterator[Running]:
    """A bot started from the file, with a gate of its own, which is going to change."""
    made = plan(tmp_path / "index", write_pages(tmp_path / "docs"), "https://docs.test/")
    build(made)
    config = ConfigFile(file).load()
    gate = gate_options(tmp_path).model_copy(update={"target_precision": 0.9})
    config = config.model_copy(update={"gate": gate})
    name_examples(file, gate)
    async with (
        KnowledgeBase(made, gate) as knowledge,
        running_bot(tmp_path / "data", knowledge, config, file=ConfigFile(file)) as running,
    ):
        yield running


async def test_the_file_is_changed_with_what_it_means_and_without_its_secrets(
    bot: Running, file: Path
) -> None:
    shown = await bot.get("config/file")
    assert TOKEN not in str(shown) and "•••1" in shown["text"]
    text = shown["text"].replace("name: dou", "name: goose").replace("role: admin", "role: viewer")
    change = {"version": shown["version"], "text": text}
    checked = await bot.ask("POST", "config/check", json=change)
    assert checked["problems"] == [] and TOKEN not in str(checked)
    assert checked["keys"] == [
        {"key": "bot.name", "holds": "restart"},
        {"key": "http.users", "holds": "now"},
    ]
    assert "+bot: {name: goose}" in checked["difference"]
    assert "goose" not in content(file)

    assert (await bot.ask("POST", "config/file", json=change))["backup"] == 1
    assert f"role: viewer, token: {TOKEN}" in content(file)
    login = bot.parts.access.users.by_token(TOKEN)
    assert login and login.user.role == "viewer"
    pending = [one["key"] for one in (await bot.get("config/file"))["pending"]]
    assert "bot.name" in pending and "http.users" not in pending
    (entry,) = (await bot.get("audit"))["entries"]
    assert (entry["action"], entry["who"]) == ("config.change", "admin")
    assert "goose" in entry["after"] and "dou" in entry["before"] and TOKEN not in str(entry)

    # Another page had the file open meanwhile.
    stale = await bot.ask("POST", "config/file", json=change, status=409)
    assert "changed meanwhile" in stale["error"]
    now = (await bot.get("config/file"))["version"]
    back = {"version": now, "backup": 1}
    assert "-bot: {name: goose}" in (await bot.ask("POST", "config/check", json=back))["difference"]
    await bot.ask("POST", "config/file", json=back)
    assert content(file).startswith(TEXT)


async def test_what_is_wrong_is_said_by_line_and_can_not_be_written(
    bot: Running, file: Path
) -> None:
    before, shown = content(file), await bot.get("config/file")
    wrong = {"version": shown["version"], "text": shown["text"].replace("name: dou", "nmae: dou")}
    checked = await bot.ask("POST", "config/check", json=wrong)
    (problem,), (chinese,) = checked["problems"], checked["zh"]
    assert problem.endswith("config.yaml:2: bot.nmae: unknown key; did you mean `name`?")
    assert chinese.endswith("config.yaml:2: bot.nmae: 没有这个键；是不是想写 `name`？")
    await bot.ask("POST", "config/file", json=wrong, status=400)
    both = {"version": shown["version"], "text": "", "backup": 1}
    await bot.ask("POST", "config/file", json=both, status=400)
    assert content(file) == before
    spoil(file)
    assert "line 1" in (await bot.ask("GET", "config/file", status=409))["error"]


async def test_who_only_uses_this_machine_may_not_change_the_file(
    tmp_path: Path, kettle: KnowledgeBase, file: Path
) -> None:
    async with running_bot(tmp_path / "data", kettle, logins=True, file=ConfigFile(file)) as bot:
        async with bot.http.post(f"{bot.url}api/setup", json={"choice": "open"}) as response:
            assert response.status == 200
        async with bot.http.get(f"{bot.url}api/console/config/file") as response:
            assert response.status == 403
    async with running_bot(tmp_path / "data", kettle) as bot:
        await bot.ask("GET", "config/file", status=409)


async def test_another_target_is_written_into_the_file_and_holds_at_once(
    bot: Running, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    offered = await bot.get("gate/targets", "viewer")
    values = [one["value"] for one in offered["precision"]]
    assert values == sorted(values) and 0.9 in values
    assert offered["target_precision"] == 0.9
    passing = [one["threshold"] for one in offered["precision"]]
    assert passing == sorted(passing)
    strict = offered["precision"][-1]
    wish = {"target_precision": strict["value"]}
    done = await bot.ask("PUT", "gate/target", json=wish)
    assert done["before"] == {"target_precision": 0.9, "max_unwanted_per_week": None}
    state = await bot.get("gate")
    assert state["target"] == strict["value"]
    assert state["unprompted"]["threshold"] == pytest.approx(strict["threshold"])
    assert "  target_precision: 0.99   # nine of ten\n" in content(file)

    await bot.ask("PUT", "gate/target", json={"max_unwanted_per_week": 5})
    assert (await bot.get("gate/targets"))["max_unwanted_per_week"] == 5.0
    await bot.ask("PUT", "gate/target", json={}, status=400)
    await bot.ask("PUT", "gate/target", json=done["before"])
    after = ConfigFile(file).load().gate
    assert (after.target_precision, after.max_unwanted_per_week) == (0.9, None)
    audit = (await bot.get("audit"))["entries"]
    assert [one["action"] for one in audit] == ["gate.target"] * 3
    assert [one for one in caplog.records if one.name.startswith("knowledge")] == []
