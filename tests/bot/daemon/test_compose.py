"""What a reload makes of a configuration that was changed meanwhile."""

from pathlib import Path

import pytest

from bot.config.config_file import ConfigFile
from bot.daemon.compose import create_console, sources_again
from knowledge.base import KnowledgeBase
from knowledge.types import KnowledgeError
from tests.bot.console.running import running_bot


async def test_the_sources_are_read_again_and_what_is_wrong_is_for_the_log(
    tmp_path: Path, kettle: KnowledgeBase, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "config.yaml"
    (tmp_path / "more").mkdir()
    file.write_text("knowledge: {sources: [{name: more, path: more, writable: true}]}")
    async with running_bot(tmp_path / "data", kettle) as bot:
        console = create_console(bot.parts, ConfigFile(file))
        (source,) = sources_again(console)
        assert (source.name, source.path) == ("more", str(tmp_path / "more"))
        assert [one.name for one in console.config.knowledge.sources] == ["more"]
        assert bot.parts.pages.folders == {"more": tmp_path / "more"}
        file.write_text("http: {token: 'a secret', colour: red}")
        with pytest.raises(KnowledgeError, match="see the log") as found:
            sources_again(console)
    assert "colour" not in str(found.value)
    assert "colour" in caplog.text
