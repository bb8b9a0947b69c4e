"""Which sentences say what one of their source's says, by words alone."""

import pytest

from bot.grounding.restated import turns_alike

PORT = "The server listens on port 7311, and a second one needs another port and folder."


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("Its port is 7311.", PORT),
        ("Hidden files are not read.", "Files that are hidden aren't read, others are."),
        ("Unprompted messages are looked up only here.", "Unprompted messages: here only."),
        ("第二个服务要用另一个端口。", "同一台机器上的第二个服务要用另一个端口。"),
        ("每分钟 20 条消息。", "每分钟 20 条消息，每天不超过 900 条。"),
        ("It keeps pages for a day.", "pages are kept for a day, see `ttl`."),
        ("It refuses while a bot uses it.", "It refuses while a bot uses it."),
        ("It is for reading, but not for writing.", "It is for reading, but not for writing."),
    ],
)
def test_the_same_is_told(said: str, source: str) -> None:
    assert turns_alike(said, source)


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("Hidden files are read.", "Hidden files are not read."),
        ("隐藏的文件也会读。", "隐藏的文件不会读。"),
        ("All files are read.", "The files of the folder are read."),
        ("Restart it before the upgrade.", "Restart it after the upgrade."),
        ("升级之后再备份数据目录。", "升级之前先备份数据目录。"),
        ("It is switched on by default.", "It is switched off by default."),
        ("Pages are kept for a week.", "Pages are kept for a day."),
        ("It waits at most ten minutes.", "It waits at least ten minutes."),
        ("The second server listens on port 7311.", PORT),
        ("至少要 50 条好消息和 25 条坏消息。", "至少要 25 条好消息和 50 条坏消息。"),
        ("A page takes 2 seconds and 10 MB.", "A page takes 10 seconds and 2 MB."),
        ("It reads Word unless told otherwise.", "It reads Word."),
    ],
)
def test_another_turn_is_another_meaning(said: str, source: str) -> None:
    assert not turns_alike(said, source)
