"""What is published is fetched whole, checked, and never changes under who serves it."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from knowledge.sharing import publishing
from knowledge.sharing.places import FolderShare
from knowledge.sharing.publishing import Publisher, fetch
from knowledge.types import KnowledgeError

LABEL = "labels/000001.jsonl"


def write(folder: Path, snapshot: str, files: dict[str, str]) -> None:
    """Lays out the folder of an index."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "current").write_text(snapshot)


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


PARTS = {"snapshot-3/catalog": "c3", "snapshot-3/words/a": "w", "snapshot-3/gate": "g1"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder, beside = tmp_path / "built", {"vectors.sqlite": "a cache", "git/docs/x": "a clone"}
    write(folder, "snapshot-3", {**PARTS, LABEL: "l1", **beside})
    return folder


@pytest.fixture
def shared(tmp_path: Path) -> FolderShare:
    return FolderShare(tmp_path / "share")


def test_a_version_arrives_as_it_was_and_again_when_only_the_gate_changes(
    built: Path, shared: FolderShare, tmp_path: Path
) -> None:
    publisher, worker = Publisher(built, shared), tmp_path / "worker"
    first = publisher.publish()
    assert publisher.publish() == first, "nothing has changed"
    fetch(first, shared, worker)
    assert content(worker) == {**PARTS, LABEL: "l1", "current": "snapshot-3"}
    objects = len(list(shared.names("objects")))
    write(built, "snapshot-3", {"snapshot-3/gate": "gate two", "labels/000002.jsonl": "l2"})
    second = publisher.publish()
    assert len(list(shared.names("objects"))) == objects + 2, "the rest is there already"
    with (worker / "snapshot-3" / "catalog").open() as served:
        fetch(second, shared, worker)
        assert served.read() == "c3", "who serves the old one has it open"
    assert content(worker)["snapshot-3/gate"] == "gate two"
    assert content(worker)["labels/000002.jsonl"] == "l2"
    fetch(first, shared, worker)
    assert content(worker) == {**PARTS, LABEL: "l1", "current": "snapshot-3"}


def test_a_new_snapshot_takes_the_place_of_the_old_one(
    built: Path, shared: FolderShare, tmp_path: Path
) -> None:
    publisher, worker = Publisher(built, shared), tmp_path / "worker"
    fetch(publisher.publish(), shared, worker)
    write(built, "snapshot-4", {"snapshot-4/catalog": "c4"})
    fetch(publisher.publish(), shared, worker)
    assert content(worker) == {"snapshot-4/catalog": "c4", LABEL: "l1", "current": "snapshot-4"}


@pytest.mark.parametrize("damaged", ["objects", "versions"])
def test_what_is_damaged_is_refused_and_the_old_one_stays(
    built: Path, shared: FolderShare, tmp_path: Path, damaged: str
) -> None:
    publisher, worker = Publisher(built, shared), tmp_path / "worker"
    fetch(publisher.publish(), shared, worker)
    before = content(worker)
    write(built, "snapshot-4", {"snapshot-4/catalog": "c4"})
    version = publisher.publish()
    for one in list(shared.names(damaged)):
        (shared.root / one.name).write_text("rubbish")
    with pytest.raises(KnowledgeError, match="damaged"):
        fetch(version, shared, worker)
    assert content(worker) == before
    assert publisher.publish() == version
    fetch(version, shared, worker)
    assert content(worker)["snapshot-4/catalog"] == "c4", "publishing it again makes it whole"


def test_a_version_may_not_write_beside_the_index(shared: FolderShare, tmp_path: Path) -> None:
    outside = json.dumps({"snapshot": "snapshot-1", "files": {"../../outside": "0" * 64}})
    file, name = tmp_path / "written", hashlib.sha256(outside.encode()).hexdigest()
    file.write_text(outside)
    shared.put(f"versions/{name}", file)
    with pytest.raises(KnowledgeError, match="no file of an index"):
        fetch(name, shared, tmp_path / "worker")
    assert not (tmp_path / "outside").exists()


def test_old_versions_go_with_what_only_they_had(built: Path, shared: FolderShare) -> None:
    publisher = Publisher(built, shared, unused_s=-1.0)
    for number in range(publishing.KEPT + 3):
        write(built, "snapshot-3", {"snapshot-3/gate": f"gate {number}" + "!" * number})
        publisher.clean_up(publisher.publish())
    assert len(list(shared.names("versions"))) == publishing.KEPT
    assert len(list(shared.names("objects"))) == publishing.KEPT + 3, "each gate, and what all have"


def test_the_version_that_counts_stays_however_old_the_others_are(
    built: Path, shared: FolderShare, tmp_path: Path
) -> None:
    publisher, versions = Publisher(built, shared), []
    for number in range(4):
        write(built, "snapshot-3", {"snapshot-3/gate": f"gate {number}"})
        versions.append(publisher.publish())
    for one in list(shared.names("versions")):
        os.utime(shared.root / one.name, (1e9, 1e9))  # a bucket tells no more than seconds
    publisher.clean_up(versions[1], 1)
    assert [one.name for one in shared.names("versions")] == [f"versions/{versions[1]}"]
    fetch(versions[1], shared, tmp_path / "worker")
