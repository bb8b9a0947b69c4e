"""The command line, as a user types it."""

import json
import os
from pathlib import Path

import pytest

from tests.daemon import lines_of_json, run, run_process
from tests.knowledge.library import BAD, GOOD

ASK = "which port does the kettle server listen on?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


async def test_index_says_what_changed(folder: Path) -> None:
    status, out, _ = await run(folder, "index")
    assert status == 0
    assert "+ en/install.md" in out
    assert "4 documents" in out and "4 added" in out
    (folder / "docs/broken.md").write_bytes(b"\0\0\0")
    status, out, _ = await run(folder, "index")
    assert "! broken.md: a binary file" in out
    assert "0 added, 0 changed, 0 removed, 1 skipped" in out
    (folder / "docs/broken.md").unlink()


async def test_ask_prints_answer_and_source(folder: Path) -> None:
    status, out, _ = await run_process(folder, "ask", ASK, "--trace")
    assert status == 0
    assert "7311" in out
    assert "[1] en/serving.md:" in out
    for stage in ("preprocess", "reject", "retrieve", "answer", "check"):
        assert f"\n{stage}  " in out


async def test_ask_json_has_the_documented_shape(folder: Path) -> None:
    status, out, _ = await run(folder, "ask", ASK, "--json")
    assert status == 0
    found = json.loads(out)
    assert set(found) == {"outcome", "reason", "text", "citations", "trace"}
    assert (found["outcome"], found["reason"]) == ("answer", "answered")
    assert set(found["citations"][0]) == {"path", "heading", "url", "line", "origin"}
    _, out, _ = await run(folder, "ask", "what's for lunch today?", "--json", "--group", "x")
    found = json.loads(out)
    assert found["outcome"] == "silence"
    assert found["reason"] in ("off_topic", "no_evidence")
    assert found["text"] and not found["citations"]


async def test_what_is_damaged_is_built_again_and_said_in_a_line(indexed: Path) -> None:
    (snapshot,) = (indexed / "data/knowledge").glob("snapshot-*")
    (terms,) = (snapshot / "words").glob("*.term")
    terms.write_bytes(bytes(255 - byte for byte in terms.read_bytes()[:200]) + bytes(9000))
    status, out, err = await run(indexed, "ask", ASK)
    assert (status, "7311" in out) == (0, True)
    (line,) = [line for line in err.splitlines() if "is built again by itself" in line]
    assert "the index of words" in line
    assert "Traceback" not in err


async def test_a_daemon_that_can_not_build_its_index_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/knowledge").write_text("a file where the index should be")
    status, _, err = await run_process(tmp_path, "run", "--burst")
    assert status == 1
    assert err.splitlines()[-1].startswith("can't write the index in ")
    assert "Traceback" not in err and "Group" not in err


async def test_search_json(folder: Path) -> None:
    status, out, _ = await run(folder, "search", ASK, "-k", "2", "--json")
    hits = json.loads(out)
    assert status == 0
    assert len(hits) == 2
    assert {"path", "heading", "line", "score", "text"} <= set(hits[0])
    assert hits[0]["path"] == "en/serving.md"


async def test_gate_judges_a_message_per_line(folder: Path) -> None:
    status, out, _ = await run(folder, "gate", "--json", stdin=f"{GOOD[0]}\n\n{BAD[0]}\n")
    good, bad = lines_of_json(out)
    assert status == 0
    assert (good["text"], good["accept"], bad["accept"]) == (GOOD[0], True, False)
    assert {"text", "accept", "score", "reason"} <= set(good)


async def test_calibrate_fits_and_draws(folder: Path) -> None:
    status, out, err = await run(folder, "calibrate")
    assert (status, err) == (0, "")
    for word in ("precision", "recall", "F1", "threshold"):
        assert word in out
    assert (folder / "data/calibration.png").read_bytes().startswith(b"\x89PNG")


async def test_eval_gate_on_either_format(folder: Path) -> None:
    data, train = folder / "labelled.jsonl", folder / "train.json"
    rows = [{"text": t, "label": 1} for t in GOOD] + [{"text": t, "label": 0} for t in BAD]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    train.write_text(json.dumps({"good": GOOD, "bad": BAD}))
    keys = {"n", "precision", "recall", "f1", "threshold", "auc", "recall_at_p90"}
    keys |= {"best_f1", "ece", "model", "unprompted", "mention"}
    for more in ((), ("--train", str(train)), ("--train", str(data))):
        status, out, _ = await run(folder, "eval", "gate", "--data", str(data), "--json", *more)
        figures = json.loads(out)
        assert status == 0
        assert set(figures) == keys
        assert figures["n"] == len(rows) and figures["auc"] > 0.9
        assert figures["model"] == "learned" and figures["ece"] < 0.5
        assert figures["unprompted"]["recall"] == figures["recall"]
        assert figures["mention"]["threshold"] <= figures["unprompted"]["threshold"]


async def test_eval_retrieval_and_answers(folder: Path) -> None:
    data = folder / "questions.jsonl"
    rows = [
        {"id": "1", "lang": "en", "kind": "answerable", "question": ASK,
         "gold_paths": ["en/serving.md"], "must_contain": ["7311"]},
        {"id": "2", "lang": "zh", "kind": "answerable", "question": "怎么用 pip 安装 kettle",
         "gold_paths": ["zh/install.md"], "must_contain": ["pip install", "nowhere"]},
        {"id": "3", "lang": "en", "kind": "offtopic", "question": "what's for lunch today?"},
        {"id": "4", "lang": "zh", "kind": "near_miss", "question": "kettle 支持 tensorrt 吗"},
    ]  # fmt: skip
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    _, out, _ = await run(folder, "eval", "retrieval", "--data", str(data), "--json")
    assert json.loads(out) == {
        "n": 2, "recall@1": 1.0, "recall@5": 1.0, "must_contain@5": 0.5,
    }  # fmt: skip
    out_dir = folder / "out"
    status, out, _ = await run(
        folder, "eval", "answers", "--data", str(data), "--json", "--out", str(out_dir)
    )
    figures = json.loads(out)
    assert status == 0
    assert figures["n"] == 4
    assert figures["en"]["must_contain"] == 1.0 and figures["zh"]["must_contain"] == 0.0
    assert figures["offtopic_silent"] == figures["near_miss_declined"] == 1.0
    assert {path.name for path in out_dir.iterdir()} >= {
        "answers-misses.jsonl", "operating-point.png",
    }  # fmt: skip
    misses = lines_of_json((out_dir / "answers-misses.jsonl").read_text())
    assert [miss["id"] for miss in misses] == ["2"]


async def test_check_finds_what_is_wrong(folder: Path) -> None:
    status, out, _ = await run(folder, "check")
    assert status == 0, out
    assert "BAD" not in out
    status, out, _ = await run(folder, "check", more=("--set", f"bot.data_dir={folder}/none"))
    assert status == 1
    assert "run_bot.py index" in out


async def test_check_of_an_adapter_leaves_nothing_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, _ = await run(folder, "check", "--adapter", "web")
    assert (status, out) == (0, "ok    web: nothing to set up\n")
    assert os.listdir() == []  # noqa: PTH208 - Path is ASYNC240


@pytest.mark.parametrize(
    ("more", "command", "words"),
    [
        ((), ("dance",), "invalid choice"),
        ((), ("ask",), "TEXT"),
        ((), ("ask", " "), "empty"),
        ((), ("search", "x", "-k", "0"), "from 1 to 50"),
        ((), ("eval", "gate"), "--data"),
        (("--set", "knowledge.sourcs=1"), ("check",), "did you mean `sources`"),
        (("--set", "http.port=high"), ("check",), "http.port"),
        (("--config", "/nowhere.yaml"), ("check",), "/nowhere.yaml"),
    ],
)
async def test_bad_usage_is_one_line_and_status_2(
    folder: Path, more: tuple[str, ...], command: tuple[str, ...], words: str
) -> None:
    status, out, err = await run(folder, *command, more=more)
    assert (status, out) == (2, "")
    assert words in err
    assert len(err.strip().splitlines()) == 1


async def test_unreadable_data_is_one_line_and_status_1(folder: Path) -> None:
    bad = folder / "bad.jsonl"
    bad.write_text('{"text": "a", "label": 1}\n{"text": 2}\n')
    status, out, err = await run(folder, "eval", "gate", "--data", str(bad))
    assert (status, out) == (1, "")
    assert f"{bad}:2" in err
    assert len(err.strip().splitlines()) == 1


async def test_files_that_are_not_there_are_bad_usage(folder: Path) -> None:
    status, out, err = await run(folder, "eval", "gate", "--data", "/nowhere.jsonl")
    assert (status, out) == (2, "")
    assert "/nowhere.jsonl" in err
    status, out, err = await run(folder, "gate", more=("--set", "gate.examples=[/nowhere.json]"))
    assert (status, out) == (2, "")
    assert err.startswith("gate.examples: can't read /nowhere.json")
