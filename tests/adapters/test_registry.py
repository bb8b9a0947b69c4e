"""All kinds of adapters can be found by name and keep the same contract."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

import adapters
from adapters.settings import AdapterSettings
from bot.config.schema import load_config
from tests.fakes.context import context

LEAST: dict[str, dict[str, object]] = {
    "console": {},
    "web": {},
    "lark": {"app_id": "cli_1", "app_secret": "s"},
    "dingtalk": {"client_id": "ding1", "client_secret": "s"},
    "wecom": {"bot_id": "aib1", "secret": "s"},
    "webhook": {
        "platform": "wecom",
        "url": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k",
    },
}
"""What has to be set for each kind."""


@pytest.mark.parametrize("kind", adapters.KINDS)
def test_every_kind_can_be_built_and_does_nothing_yet(kind: str) -> None:
    settings = adapters.settings_type(kind).model_validate({"kind": kind, **LEAST[kind]})
    adapter = adapters.create(settings, context())
    assert adapter.name == kind
    assert all(route.path.startswith("/") for route in adapter.routes())
    assert not adapter.link().up


@pytest.mark.parametrize("kind", adapters.KINDS)
def test_what_must_be_set_is_enough_in_a_file(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps({"adapters": [{"kind": kind, **LEAST[kind]}]}))
    (loaded,) = load_config(file).adapters
    assert loaded == adapters.settings_type(kind).model_validate({"kind": kind, **LEAST[kind]})


@pytest.mark.parametrize("kind", [kind for kind, least in LEAST.items() if least])
def test_what_must_be_set_is_demanded_by_name(kind: str) -> None:
    with pytest.raises(ValidationError) as raised:
        adapters.settings_type(kind).model_validate({"kind": kind})
    assert {str(error["loc"][0]) for error in raised.value.errors()} == set(LEAST[kind])


@pytest.mark.parametrize("kind", adapters.KINDS)
def test_secrets_are_not_shown(kind: str) -> None:
    settings = adapters.settings_type(kind).model_validate({"kind": kind, **LEAST[kind]})
    shown = repr(settings) + str(settings)
    assert "secret='s'" not in shown and "key=k" not in shown


@pytest.mark.parametrize("kind", adapters.KINDS)
@pytest.mark.parametrize(
    "wrong",
    [{"kind": "other"}, {"color": "red"}, {"name": ""}, {"name": "a:b"}, {"name": "x" * 33}],
    ids=str,
)
def test_every_kind_refuses_wrong_settings(kind: str, wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        adapters.settings_type(kind).model_validate({"kind": kind, **LEAST[kind], **wrong})


@pytest.mark.parametrize("kind", adapters.KINDS)
def test_settings_are_frozen(kind: str) -> None:
    settings = adapters.settings_type(kind).model_validate({"kind": kind, **LEAST[kind]})
    with pytest.raises(ValidationError):
        settings.name = "other"  # type: ignore[misc]  # frozen


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'irc'; known are console, web"):
        adapters.settings_type("irc")


def test_foreign_settings_are_refused() -> None:
    class Foreign(AdapterSettings):
        kind: str = "web"
        name: str = "page"

    with pytest.raises(TypeError, match="Foreign"):
        adapters.create(Foreign(), context())


def test_no_sdk_is_imported_before_its_adapter_runs() -> None:
    code = (
        "import sys, adapters; [adapters.settings_type(kind) for kind in adapters.KINDS];"
        "sys.exit('lark_oapi' in sys.modules or 'dingtalk_stream' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
