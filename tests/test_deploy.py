"""The image and the unit: what can be checked without a docker engine and without being root."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.cli.parser import parse
from bot.config.schema import load_config

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
UNIT = ROOT / "deploy/huixiangdou.service"
LAUNCHER = (ROOT / "deploy/huixiangdou.sh").read_text(encoding="utf-8")


def copied() -> list[tuple[list[str], str]]:
    """What the last stage copies from the project: sources and target."""
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    lines = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+)$", last, re.MULTILINE)
    return [(parts[:-1], parts[-1]) for parts in map(str.split, lines)]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The image's /app, with the environment of this process in place of its own."""
    app = tmp_path / "app"
    app.mkdir()
    for sources, target in copied():
        for name in sources:
            place = tmp_path / target.lstrip("/") if target.startswith("/") else app / target
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, place)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, place / name if place.is_dir() else place)
    (app / ".venv").symlink_to(sys.prefix)
    return tmp_path


def test_the_build_installs_by_the_locks_as_the_makefile_does() -> None:
    build = DOCKERFILE.partition("FROM ${BASE} AS build")[2].partition("\nFROM ")[0]
    assert "COPY requirements*.lock ./" in build
    assert "ARG LOCK=requirements.lock" in build
    assert "sh deploy/install.sh .venv/bin/python" in build
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert {"!requirements*.lock", "!deploy/install.sh"} <= set(allowed)
    assert "requirements-build.lock requirements.lock" in (ROOT / "Makefile").read_text()


def test_nothing_that_is_copied_is_kept_out_of_the_build() -> None:
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    for sources, _ in copied():
        assert set(sources) <= allowed


@pytest.mark.slow
def test_the_image_holds_all_that_the_bot_needs(image: Path) -> None:
    """The command line of the image, from the files of the image, asked something that one of the
    image's documents says."""
    script = LAUNCHER.replace("/app", str(image / "app")).replace("/data", str(image / "data"))
    page = "knowledge.sources=[{name: huixiangdou, path: docs, include: ['en/admin.md']}]"
    done = subprocess.run(
        ["sh", "-c", script, "huixiangdou", "--set", page,
         "ask", "how do I reload the knowledge base?"],
        capture_output=True, text=True, timeout=250,
        env={"HTTP_TOKEN": "sesame", "PATH": os.environ["PATH"], "HOME": str(image)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "/dou reload" in done.stdout
    assert (image / "data/knowledge").is_dir()


def test_the_launcher_demands_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(LAUNCHER.partition("run_bot.py")[2].replace("\\\n", " "))
    args = parse([word for word in words if word != "$@"])
    monkeypatch.setenv("HTTP_TOKEN", "sesame")
    config = load_config(ROOT / "config.yaml", args.overrides)
    assert str(config.bot.data_dir) == "/data"
    assert config.http.host == "0.0.0.0"  # noqa: S104  # inside a container
    assert config.http.token.get_secret_value() == "sesame"


def test_the_image_is_not_root_and_says_how_it_is() -> None:
    made, _, runs = DOCKERFILE.partition("\nUSER 10001\n")
    assert "compileall" in made and runs, "it may not write byte code itself"
    assert "/readyz" in DOCKERFILE.partition("HEALTHCHECK")[2].partition("ENTRYPOINT")[0]
    assert re.search(r"^VOLUME /data$", DOCKERFILE, re.MULTILINE)


def test_the_unit_starts_what_there_is(tmp_path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]  # keys keep their case
    unit.read(UNIT)
    service = unit["Service"]
    python, script, *words = shlex.split(service["ExecStart"])
    assert python == f"{service['WorkingDirectory']}/.venv/bin/python"
    assert (ROOT / script).is_file()
    args = parse(words)
    config = load_config(ROOT / "config.yaml", args.overrides)
    assert str(config.bot.data_dir) == f"/var/lib/{service['StateDirectory']}"
    assert (args.command, service["DynamicUser"], service["Restart"]) == (
        "run",
        "yes",
        "on-failure",
    )
    if analyze := shutil.which("systemd-analyze"):
        here = tmp_path / UNIT.name
        text = UNIT.read_text().replace(python, sys.executable)
        here.write_text(text.replace("/opt/huixiangdou", str(ROOT)))
        done = subprocess.run([analyze, "verify", str(here)], capture_output=True, text=True)
        assert UNIT.name not in done.stderr, done.stderr


def test_the_unit_is_confined_and_watched() -> None:
    text = UNIT.read_text(encoding="utf-8")
    for line in (
        *("Type=notify", "WatchdogSec=60", "CapabilityBoundingSet=", "NoNewPrivileges=yes"),
        *("SystemCallFilter=@system-service", "SystemCallFilter=~@privileged"),
        *("MemoryMax=2G", "TasksMax=512", "ProtectSystem=strict", "PrivateDevices=yes"),
    ):
        assert f"\n{line}\n" in text
    if analyze := shutil.which("systemd-analyze"):
        command = [analyze, "security", "--offline=true", "--threshold=25", str(UNIT)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-200:]


def composed(environment: dict[str, str]) -> dict[str, Any]:
    """deploy/compose.yaml with its variables filled in, as docker compose does it."""

    def filled(found: re.Match[str]) -> str:
        name, default, needed = found["name"], found["default"], found["needed"]
        value = environment.get(name) or default
        assert value is not None, f"{name}: {needed}"
        return str(value)

    text = (ROOT / "deploy/compose.yaml").read_text(encoding="utf-8")
    variable = r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?(?P<needed>[^}]*))\}"
    loaded: dict[str, Any] = yaml.safe_load(re.sub(variable, filled, text))
    return loaded


def test_the_composition_starts_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"HTTP_TOKEN": "sesame", "DOCUMENTS": "/srv/docs"}
    services = composed(settings | {"LLM_URLS": "[http://lmdeploy:23333]"})["services"]
    launched = shlex.split(LAUNCHER.partition("run_bot.py")[2].replace("\\\n", " "))[:-1]
    monkeypatch.setenv("HTTP_TOKEN", services["bot"]["environment"]["HTTP_TOKEN"])
    args = parse([*launched, *services["bot"]["command"]])
    config = load_config(ROOT / "config.yaml", args.overrides)
    assert args.command == "run"
    assert [str(source.path) for source in config.knowledge.sources] == ["/documents"]
    assert config.llm.local.base_urls == ("http://lmdeploy:23333/v1",)
    assert not load_config(
        None, parse([*launched, *composed(settings)["services"]["bot"]["command"]]).overrides
    ).llm.local.base_urls
    with pytest.raises(AssertionError, match="HTTP_TOKEN: choose a token"):
        composed({"DOCUMENTS": "/srv/docs"})


def test_the_composition_is_confined_and_its_files_exist() -> None:
    whole = composed({"HTTP_TOKEN": "sesame", "DOCUMENTS": "/srv/docs"})
    services = whole["services"]
    assert {name: tuple(one.get("profiles", ())) for name, one in services.items()} == {
        "bot": (),
        "lmdeploy": ("llm",),
        "prometheus": ("monitoring",),
        "grafana": ("monitoring",),
    }
    for name, service in services.items():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / "deploy" / source).exists(), source
            else:
                assert source in (*whole["volumes"], "/srv/docs")
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
    bot = services["bot"]
    assert (bot["read_only"], bot["cap_drop"], bot["mem_limit"]) == (True, ["ALL"], "2g")
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert scraped["scrape_configs"][0]["static_configs"] == [{"targets": ["bot:8765"]}]


TOOL = """#!/bin/sh
echo "{name} ${{UV_DEFAULT_INDEX:--}} $*" >> {log}
case "$*" in
  *"config list"*) echo "global.index-url='https://mirror.test/simple'" ;;
  {fails}) exit 1 ;;
esac
"""


@pytest.mark.parametrize(
    ("fails", "by_pip"),
    [("nothing", []), ("*b.lock*", ["b.lock"]), ("*--help*", ["a.lock", "b.lock"])],
    ids=["uv", "uv fails once", "uv can't run"],
)
def test_locks_are_installed_by_uv_and_where_it_fails_by_pip(
    tmp_path: Path, fails: str, by_pip: list[str]
) -> None:
    log = tmp_path / "log"
    for name, failing in (("python", "nothing"), ("uv", fails)):
        tool = tmp_path / name
        tool.write_text(TOOL.format(name=name, log=log, fails=failing))
        tool.chmod(0o755)
    script = [str(ROOT / "deploy/install.sh"), str(tmp_path / "python"), "a.lock", "b.lock"]
    clean = {"PATH": os.environ["PATH"]}
    subprocess.run(script, check=True, env=clean, capture_output=True)
    calls = [line.split() for line in log.read_text().splitlines()]
    assert all("--require-hashes" in call for call in calls if "install" in call[2:])
    locks = [call[-1] for call in calls if call[0] == "python" and call[-1].endswith(".lock")]
    assert [Path(lock).name for lock in locks] == ["requirements-uv.lock", *by_pip]
    assert {call[1] for call in calls if call[0] == "uv"} == {"https://mirror.test/simple"}
