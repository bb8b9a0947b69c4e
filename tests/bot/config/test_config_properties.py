"""Properties of --set and of the environment's variables, over an empty file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.config.schema import Config, ConfigError, load_config


def load(overrides: Sequence[str]) -> Config:
    return load_config(Path(os.devnull), overrides)


def set_to(key: str, value: Any) -> Config:
    return load([f"{key}={yaml.safe_dump(value, width=10**9)}"])


names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=64
)


@given(
    name=names,
    port=st.integers(0, 65535),
    score=st.floats(-1, 1),
    users=st.lists(st.from_regex(r"[a-z_-]{1,9}:[a-z0-9]{1,9}", fullmatch=True)),
)
def test_overrides_round_trip(name: str, port: int, score: float, users: list[str]) -> None:
    escaped = name.replace("${", "$${")
    quoted = yaml.safe_dump(escaped, default_style='"', width=10**9)
    assert load([f"bot.name={quoted}"]).bot.name == name
    assert set_to("http.port", port).http.port == port
    assert set_to("flood.human_similarity", score).flood.human_similarity == score
    assert set_to("admin", {"users": users}).admin.users == tuple(users)


@given(value=names, before=st.text("ab $", max_size=3), after=st.text("ab }", max_size=3))
def test_the_environment_is_taken_verbatim(value: str, before: str, after: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HXD_TEST", value)
        before = before.rstrip("$")
        config = load([f"knowledge.embedder.model='{before}${{HXD_TEST}}{after}'"])
        assert config.knowledge.embedder.model == before + value + after
        patch.delenv("HXD_TEST")
        config = load(["knowledge.embedder.model='${HXD_TEST:-" + before + "}'"])
        assert config.knowledge.embedder.model == before


@given(st.text("ab:- {}[],\n'\"#&*!|>$?@%~0.", max_size=40), st.text("abot.[]01=:{}", max_size=12))
def test_no_input_does_worse_than_a_config_error(text: str, override: str) -> None:
    for overrides in ([override], [f"bot.name={text}"], [f"adapters={text}"], [f"bot={text}"]):
        try:
            load(overrides)
        except ConfigError as error:
            assert str(error)
