"""The configuration through its front door: files and --set values in, values or sentences out."""

import inspect
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.contract import Context
from bot.config.located import Problem
from bot.config.renamed import OLD_KEYS, Old, accept_old_keys
from bot.config.schema import Config, ConfigError, load_config
from bot.config.yaml_file import read_text, text_of
from bot.group.types import GroupOptions
from bot.llm.settings import BackendOptions
from bot.texts.translated import in_chinese
from knowledge.index.vectors import VectorParams
from knowledge.plan import BuildPlan, EmbedderSpec, Source
from tests.bot.config.config_problems import IN_A_FILE, IN_A_SOURCE, IN_AN_OVERRIDE
from tests.bot.config.test_config_docs import all_keys
from tests.bot.texts.english import english_left

ROOT = Path(__file__).parents[3]

Load = Callable[..., Config]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and an environment that the texts below refer to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NOPE", raising=False)
    monkeypatch.setenv("PORT", "99")
    monkeypatch.setenv("EMPTY", "")
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Load:
    """Loads a configuration written as text to the current folder."""

    def write_and_load(text: str, *overrides: str) -> Config:
        (folder / "config.yaml").write_text(text, encoding="utf-8")
        return load_config(Path("config.yaml"), overrides)

    return write_and_load


def objections(load: Load, text: str, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text, *overrides)
    return str(caught.value).splitlines()


def test_the_shipped_file_says_what_the_defaults_are(load: Load) -> None:
    shipped = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert load(shipped) == load("")


@pytest.mark.parametrize(
    "options",
    [GroupOptions, BackendOptions, BuildPlan, Source, EmbedderSpec, VectorParams, Context],
)
def test_what_parts_are_told_has_its_defaults_in_the_configuration_only(options: type) -> None:
    fields = inspect.signature(options).parameters.values()
    assert [field.name for field in fields if field.default is not field.empty] == []


def test_without_a_file_the_defaults_hold(folder: Path) -> None:
    config = load_config(None, ["bot.language=en"])
    assert config.bot.language == "en"
    assert config.bot.data_dir == folder / "data"
    assert [type(settings).__module__ for settings in config.adapters] == ["adapters.web.adapter"]
    Path("config.yaml").write_text("bot: {language: zh}", encoding="utf-8")
    assert load_config(None, []).bot.language == "zh"


def test_empty_sections_have_their_defaults(load: Load) -> None:
    assert load("gate:\nknowledge: {embedder: , index: ~}\nbot:\n") == load("# nothing\n")


def test_paths_are_relative_to_the_file_or_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etc, here = tmp_path / "etc", tmp_path / "here"
    etc.mkdir()
    here.mkdir()
    text = "knowledge: {sources: [{name: a, path: a}, {name: b, path: /b}]}\ngate: {examples: [q]}"
    (etc / "bot.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    config = load_config(
        etc / "bot.yaml",
        ["knowledge.sources.1.path=c", "knowledge.sources[2]={name: d, path: ~/d}"],
    )
    sources = [source.path for source in config.knowledge.sources]
    assert sources == [etc / "a", here / "c", tmp_path / "home/d"]
    assert config.gate.examples == (etc / "q",)
    assert config.bot.data_dir == etc / "data"


def test_what_is_shipped_is_found_wherever_the_configuration_lies(folder: Path) -> None:
    shipped = (ROOT / "config.yaml").read_text(encoding="utf-8")
    copied = folder / "config.yaml"
    copied.write_text(shipped, encoding="utf-8")
    config = load_config(copied, [])
    assert config.gate.examples == (ROOT / "examples/questions.json",)
    assert [source.path for source in config.knowledge.sources] == [ROOT / "docs"]
    (folder / "docs").mkdir()
    assert load_config(copied, []).knowledge.sources[0].path == folder / "docs"


def test_secrets_do_not_show(load: Load) -> None:
    config = load(
        "http: {token: hush}\n"
        "store: {url: 'postgresql://bot:hush@db/kettle'}\n"
        "knowledge: {embedder: {api_key: hush},"
        " sources: [{name: a, git: 'https://me:hush@host/a.git'}]}"
    )
    assert config.http.token.get_secret_value() == "hush"
    assert "hush" not in repr(config)
    assert str(config.store_place) == "postgresql://bot@db/kettle"
    assert "hush" not in repr(config.store_place)
    lines = objections(
        load,
        "http: {token: 4711, port: x}\nknowledge: {embedder: {api_key: [4711]}}",
        "knowledge.sources=[{name: a, git: 4711}]",
    )
    assert len(lines) == 4
    assert "4711" not in "".join(lines)


def test_adapters_have_the_settings_of_their_kind(load: Load) -> None:
    config = load("adapters:\n  - kind: web\n  - {kind: console, name: tty}\n")
    assert [(type(a).__module__, a.model_dump()["name"]) for a in config.adapters] == [
        ("adapters.web.adapter", "web"),
        ("adapters.console", "tty"),
    ]
    assert load("adapters: []").adapters == ()


@pytest.mark.parametrize(
    "git",
    [
        "https://example.com/docs.git",
        "ssh://git@example.com:22/docs.git",
        "ssh://[2001:db8::1]/docs.git",
        "https://ci%40example.com:p%2d@example.com/docs.git",
        "git@example.com:group/docs.git",
        "file:///srv/docs.git",
        "/srv/docs.git",
    ],
)
def test_git_addresses(load: Load, git: str) -> None:
    config = load(f"knowledge: {{sources: [{{name: a, git: '{git}'}}]}}")
    assert config.knowledge.sources[0].git == git


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_token(load: Load, host: str) -> None:
    assert load(f"http: {{host: '{host}'}}").http.host == host


def test_other_hosts_work_with_a_token(load: Load) -> None:
    assert load("http: {host: 0.0.0.0, token: s3cret}").http.host == "0.0.0.0"  # noqa: S104 - the case


@pytest.mark.parametrize("text", IN_A_FILE)
def test_what_is_wrong_in_a_file(load: Load, text: str) -> None:
    named = "config.yaml:" + ("" if IN_A_FILE[text][0].isdigit() else " ")
    assert objections(load, text) == [named + IN_A_FILE[text]]


@pytest.mark.parametrize("entry", IN_A_SOURCE)
def test_what_is_wrong_with_a_source(load: Load, entry: str) -> None:
    lines = objections(load, f"knowledge:\n  sources:\n    - {entry}")
    assert lines == [f"config.yaml:3: knowledge.sources[0].{IN_A_SOURCE[entry]}"]


@pytest.mark.parametrize(
    "git",
    [
        *("--upload-pack=x", "ext::sh -c x", "docs", "-x", "a@b:-c", ""),
        *("ssh://-oProxyCommand=x/y", "ssh://%2doProxyCommand=x/y", "ssh://git@-oProxyCommand=x/y"),
        *(
            "ssh://-lroot@h/y",
            "ssh://a@b@-oX/y",
            "ssh://[-oX]/y",
            "ssh://h:-p/y",
            "ssh://h:22:-oX/y",
        ),
        *("https://-x/y", "https://h@-o/y", "file://-x/y", "git+ssh://h/y", "ssh:///y"),
        *("ssh://\u202ehost/y", "https://ex\u200bample.com/y", "https://h/a\u2028b"),
    ],
)
def test_git_addresses_that_could_do_harm_are_refused(load: Load, git: str) -> None:
    assert objections(load, f"knowledge: {{sources: [{{name: a, git: '{git}'}}]}}") == [
        "config.yaml:1: knowledge.sources[0].git: must be an https://, ssh:// or file:// "
        "address, git@host:path, or an absolute path"
    ]


def test_sources_of_one_name_are_refused(load: Load) -> None:
    assert objections(load, "knowledge:\n  sources: [{name: a, path: b}, {name: a, path: c}]") == [
        "config.yaml:2: knowledge.sources: two sources are named `a`; give each a name of its own"
    ]


def test_everything_wrong_is_named_at_once_in_the_order_of_the_file(load: Load) -> None:
    text = "store:\n  keep_days: 0\nadapters:\n  - kind: x\nbot:\n  name: ${NOPE}\n  lang: en\n"
    lines = objections(load, text, "knowledge.k=1", "foo", "answer=7")
    assert [line.split(": ", 2)[:2] for line in lines] == [
        ["config.yaml:2", "store.keep_days"],
        ["config.yaml:4", "adapters[0].kind"],
        ["config.yaml:6", "bot.name"],
        ["config.yaml:7", "bot.lang"],
        [
            "--set knowledge.k",
            "unknown key; known here",
        ],
        ["--set foo", "write key=value, such as --set bot.language=en"],
        ["--set answer", "must be a section of keys, not 7"],
    ]


@pytest.mark.parametrize("override", IN_AN_OVERRIDE)
def test_what_is_wrong_in_an_override(load: Load, override: str) -> None:
    text = "bot: {name: x}\nadapters: [{kind: web}]\n"
    assert objections(load, text, override) == [IN_AN_OVERRIDE[override]]


ODD = ("5", "-1", "true", "[1]", "{a: 1}", "a b")


def test_what_is_wrong_is_said_in_chinese_too(load: Load) -> None:
    adapters = "bot: {name: x}\nadapters: [{kind: web}]\n"
    written = [
        *((text,) for text in IN_A_FILE),
        *((adapters, override) for override in IN_AN_OVERRIDE),
        *(("", f"{key.replace('[]', '[0]')}={odd}") for key in all_keys() for odd in ODD),
    ]
    told: list[Problem] = []
    for text, *overrides in written:
        try:
            load(text, *overrides)
        except ConfigError as error:
            told += error.problems
    said = {problem.text: in_chinese(problem.text) for problem in told}
    assert len(said) > 150
    assert not [line for line, zh in said.items() if line == zh or english_left(zh)]


def test_an_override_takes_away_what_was_wrong_in_the_file(load: Load) -> None:
    text = "bot: {name: '${NOPE}', queue_size: x}\nadapters: [{kind: x}]"
    config = load(text, "bot.name=a", "bot.queue_size=7", "adapters.0.kind=console")
    assert (config.bot.name, config.bot.queue_size) == ("a", 7)
    assert load("", "gate.examples[0]=/q", "gate.examples[1]=/r").gate.examples[1] == Path("/r")
    assert load("", "schedule.prune=''", "bot={name: b}", "bot.name=c").bot.name == "c"


def test_files_that_cannot_be_read(folder: Path) -> None:
    (folder / "latin.yaml").write_bytes(b"bot: {name: \xe9}")
    for name, words in {
        "nowhere.yaml": "no such file; check the name after --config",
        ".": "can't be read (Is a directory)",
        "latin.yaml": "not UTF-8 text; save it as UTF-8",
    }.items():
        with pytest.raises(ConfigError) as caught:
            load_config(Path(name), [])
        assert str(caught.value) == f"{name}: {words}"


def test_bombs_are_refused_quickly(load: Load) -> None:
    laughs = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 20))
    assert len(objections(load, f"a0: &a0 x\n{laughs}")) < 500
    assert objections(load, "bot: " + "[" * 5000) == ["config.yaml: nested too deeply"]
    assert "nested too deeply" in objections(load, "bot: " + "[" * 50 + "]" * 50)[0]
    assert objections(load, "#" * 1_000_001) == [
        "config.yaml: more than 1000000 characters; is it the right file?"
    ]


def test_the_environment_fills_in_numbers_and_text(load: Load) -> None:
    config = load(
        "http:\n  port: 8${NOPE:-0}\n"
        "bot:\n  queue_size: ${PORT}\n  name: a ${PORT} $${PORT} ${EMPTY:-b}${EMPTY}\n"
        "admin:\n  prefix: ${PORT}\n"
    )
    assert config.http.port == 80
    assert config.bot.queue_size == 99
    assert config.bot.name == "a 99 ${PORT} b"
    assert config.admin.prefix == "99"


def test_what_was_loaded_does_not_change(load: Load) -> None:
    before = dict(os.environ)
    config = load("bot: {name: '${PORT}'}")
    assert dict(os.environ) == before
    for section in (config, config.bot, config.knowledge.embedder, config.adapters[0]):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, next(iter(type(section).model_fields)), None)


def test_a_key_of_the_last_version_is_accepted_and_told(folder: Path) -> None:
    (folder / "config.yaml").write_text("answer:\n  max_chars: 900\n  min_score: 0.4\n")
    told: list[str] = []
    config = load_config(None, ["answer.min_score=0.5"], told.append)
    assert config.answer.max_chars == 900
    assert told == [
        "--set answer.min_score: answer.min_score is gone and left out; how well a quote must "
        "answer is answer.min_evidence, a probability"
    ]
    load_config(None, (), told.append)
    assert told[-1].startswith("config.yaml:3: answer.min_score is gone")


def test_what_is_called_otherwise_now_moves_unless_both_are_written(tmp_path: Path) -> None:
    table = (Old("bot.called", "bot.name"), Old("old.deep.port", "http.port"), Old("x[0].y"))
    path = tmp_path / "c.yaml"
    path.write_text("bot: {called: Dou}\nold: {deep: {port: 1}}\nhttp: {port: 2}\nx: [{y: 1}]\n")
    tree = read_text(text_of(path, "c.yaml"), path, "c.yaml", {})
    assert accept_old_keys(tree, table) == [
        "c.yaml:1: bot.called is called bot.name now; write that",
        "c.yaml:2: old.deep.port is left out; http.port, as it is called now, is written too",
    ]
    assert tree.data["bot"] == {"name": "Dou"}
    assert tree.data["http"] == {"port": 2}
    assert tree.place(("bot", "name")).label == "c.yaml:1"


def test_every_new_name_of_the_table_is_a_key_and_no_old_one_is() -> None:
    for old in OLD_KEYS:
        assert old.key not in all_keys()
        assert old.new in all_keys() if old.new else old.why
