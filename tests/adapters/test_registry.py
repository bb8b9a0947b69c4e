"""All kinds of adapters can be found by name and keep the same contract."""

import subprocess
import sys

import pytest
from pydantic import BaseModel, ValidationError

import adapters
from adapters.base import Context
from tests.fakes.memory_bot import MemoryBot


@pytest.mark.parametrize("kind", adapters.KINDS)
def test_every_kind_can_be_built_from_its_kind_alone(kind: str) -> None:
    settings = adapters.settings_type(kind).model_validate({"kind": kind})
    adapter = adapters.create(settings, Context(MemoryBot(), "豆哥"))
    assert adapter.name == kind
    assert all(route.path.startswith("/") for route in adapter.routes())


@pytest.mark.parametrize("kind", adapters.KINDS)
@pytest.mark.parametrize(
    "wrong",
    [{"kind": "other"}, {"color": "red"}, {"name": ""}, {"name": "a:b"}, {"name": "x" * 33}],
    ids=str,
)
def test_every_kind_refuses_wrong_settings(kind: str, wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        adapters.settings_type(kind).model_validate({"kind": kind, **wrong})


@pytest.mark.parametrize("kind", adapters.KINDS)
def test_settings_are_frozen(kind: str) -> None:
    settings = adapters.settings_type(kind).model_validate({"kind": kind})
    with pytest.raises(ValidationError):
        settings.name = "other"  # type: ignore[attr-defined]  # every kind has a name


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'irc'; known are console, web"):
        adapters.settings_type("irc")


def test_foreign_settings_are_refused() -> None:
    class Foreign(BaseModel):
        kind: str = "web"

    with pytest.raises(TypeError, match="Foreign"):
        adapters.create(Foreign(), Context(MemoryBot(), "豆哥"))


def test_a_token_is_not_shown() -> None:
    assert "secret" not in repr(Context(MemoryBot(), "豆哥", http_token="secret"))


def test_only_the_wanted_module_is_imported() -> None:
    code = (
        "import sys, adapters; adapters.settings_type('console');"
        "sys.exit('adapters.web' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=30).returncode == 0
