"""`run_bot.py forget`: what is kept of a person, as JSON, and erased."""

import json
from pathlib import Path

from bot.store.examples import Label, Origin
from bot.store.instance import only_instance
from bot.store.store import open_store
from tests.bot.group.posts import post
from tests.daemon import run


async def filled(folder: Path) -> None:
    """Where Alice asked something, and a step of the gate holds it."""
    (folder / "data/knowledge/labels").mkdir(parents=True)
    async with open_store(folder / "data/bot.sqlite") as store:
        await store.add_message(post("m1", "which port?"), 1000.0)
        label = Label(
            adapter="web",
            group="g",
            message_id="m1",
            text="which port?",
            good=True,
            origin=Origin.LABEL,
            person="",
            weight=1.0,
            at=1001.0,
        )
        await store.add_label(label)
        await store.database.run(
            lambda db: db.execute(
                "INSERT INTO proposals VALUES ('web', 'g', 'm1', 'approved', 'a.md', 'web:bob', 1)"
            )
        )
    step = folder / "data/knowledge/labels/000001.jsonl"
    step.write_text('{"text": "which port?", "label": 1}\n{"text": "lunch?", "label": 0}\n')


async def test_a_person_is_shown_and_erased(tmp_path: Path) -> None:
    await filled(tmp_path)
    status, out, _ = await run(tmp_path, "forget", "web:alice", "--show")
    assert status == 0
    shown = json.loads(out)
    assert [row["text"] for row in shown["messages"]] == ["which port?"]
    assert [row["origin"] for row in shown["labels"]] == ["label"]
    with only_instance(tmp_path / "data"):
        status, out, _ = await run(tmp_path, "forget", "web:alice")
    assert status == 0
    assert "1 message, 0 votes, 1 label, and 1 in what the gate took up" in out
    assert "look at it yourself: a.md" in out
    assert "the running bot leaves it out within a minute" in out
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert b"which port?" not in kept
    assert b"lunch?" in kept
    status, out, _ = await run(tmp_path, "forget", "web:alice")
    assert (status, out.startswith("nothing is kept of web:alice")) == (1, True)
