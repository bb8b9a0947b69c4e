"""What a reload makes of a configuration that was changed meanwhile."""

from pathlib import Path

import pytest

from bot.config.schema import load_config
from bot.daemon.compose import sources_again
from knowledge.types import KnowledgeError


def test_the_sources_are_read_again_and_what_is_wrong_is_for_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "config.yaml"
    (tmp_path / "more").mkdir()
    file.write_text("knowledge: {sources: [{name: more, path: more}]}")
    (source,) = sources_again(lambda: load_config(file))
    assert (source.name, source.path) == ("more", str(tmp_path / "more"))
    file.write_text("http: {token: 'a secret', colour: red}")
    with pytest.raises(KnowledgeError, match="see the log") as found:
        sources_again(lambda: load_config(file))
    assert "colour" not in str(found.value)
    assert "colour" in caplog.text
