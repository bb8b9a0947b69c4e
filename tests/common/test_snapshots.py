"""Files that are exchanged as a whole or not at all."""

from pathlib import Path

import pytest

from common.snapshots import write_whole


def test_a_file_is_exchanged_with_the_rights_that_are_asked_for(tmp_path: Path) -> None:
    file, other = tmp_path / "users.json", tmp_path / "other"
    file.write_text("before")
    file.chmod(0o644)
    write_whole(file, "新".encode(), 0o600)
    assert file.read_text(encoding="utf-8") == "新"
    assert file.stat().st_mode & 0o777 == 0o600
    other.touch()
    write_whole(file, b"after")
    assert file.stat().st_mode == other.stat().st_mode, "as any new file"


def test_what_can_not_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "page.md"
    (folder / "below").mkdir(parents=True)
    with pytest.raises(OSError, match=r"page\.md"):
        write_whole(folder, b"text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.md"]
    assert (folder / "below").is_dir()
