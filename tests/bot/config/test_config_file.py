"""The configuration's file as it is changed on the console: masks, judgement, backups."""

from pathlib import Path

import pytest

from bot.config.config_file import ConfigChanged, ConfigFile, changed_keys, with_value
from bot.config.located import ConfigError
from bot.config.masking import mask, unmask

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA"
TEXT = f"""\
# Ours. api_key: sk-in-a-comment
bot:
  name: dou     # its name
llm:
  remote: {{provider: custom, base_url: "https://me:pass-in-address@llm.test/v1", model: m, api_key: 'sk-quoted'}}
adapters:
  - kind: web
  - kind: lark
    app_id: cli_1
    app_secret: ${{LARK_SECRET:-lark-default}}
    encrypt_key: ${{LARK_KEY}}
knowledge:
  sources:
    - {{name: docs, git: "https://token-as-name@git.test/docs.git"}}
http:
  users:
    - name: ann
      role: admin
      token: |-
        0123456789abcdef-ann
    - {{name: bob, role: viewer, password_hash: '{HASH}'}}
  token: "the-bots-own-token-0123"
"""  # noqa: E501 - one long line is a case
SECRETS = (
    "sk-in-a-comment",
    "pass-in-address",
    "sk-quoted",
    "lark-default",
    "token-as-name",
    "0123456789abcdef-ann",
    HASH,
    "the-bots-own-token-0123",
)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConfigFile:
    monkeypatch.setenv("LARK_KEY", "from-the-environment")
    path = tmp_path / "config.yaml"
    path.write_text(TEXT, encoding="utf-8")
    path.chmod(0o640)
    return ConfigFile(path)


def test_no_secret_is_shown_and_each_comes_back(file: ConfigFile) -> None:
    shown = file.shown().text
    assert not [one for one in SECRETS if one in shown]
    for kept in ("# its name", "cli_1", "${LARK_KEY}", "git.test/docs.git", "provider: custom"):
        assert kept in shown
    assert unmask(shown, mask(TEXT).secrets) == TEXT
    assert file.judge(shown, file.shown().version).difference == ()


def test_a_change_is_written_as_a_whole_with_a_backup_and_comments_stay(file: ConfigFile) -> None:
    shown = file.shown()
    text = shown.text.replace("name: dou ", "name: goose ")
    token = next(line for line in text.splitlines() if line.startswith("  token:"))
    text = text.replace(token, "  token: another-one-of-its-own")
    change = file.judge(text, shown.version)
    assert changed_keys(file.load(), change.config) == ["bot.name", "http.token"]
    told = "\n".join(change.difference)
    assert "-  name: dou     # its name\n+  name: goose     # its name" in told
    assert "+  token: •••new" in told
    assert not [one for one in (*SECRETS, "another-one-of-its-own") if one in told]
    assert file.write(change) == 1
    assert file.path
    now = file.path.read_text(encoding="utf-8")
    assert now == TEXT.replace("name: dou ", "name: goose ").replace(
        '"the-bots-own-token-0123"', "another-one-of-its-own"
    )
    assert file.path.stat().st_mode & 0o777 == 0o640
    assert file.load().bot.name == "goose"

    # It was judged by what the file was: the same change can't be written twice.
    with pytest.raises(ConfigChanged):
        file.write(change)
    with pytest.raises(ConfigChanged):
        file.judge(shown.text, shown.version)

    back = file.judge_backup(1, file.shown().version)
    assert file.write(back) == 2
    assert file.path.read_text(encoding="utf-8") == TEXT
    assert file.shown().backups == (2, 1)
    assert {one.name for one in file.path.parent.iterdir()} == {
        "config.yaml",
        "config.yaml.1",
        "config.yaml.2",
    }


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("name: dou", "name: •••3", "line 3: a mask may stand only where a secret does"),
        ("name: dou", "name: •••77", "line 3: there is no secret behind this mask"),
        ("name: dou", "name: •••", "line 3: there is no secret behind this mask"),
        ("# its name", "# •••3", "line 3: a mask may stand only where a secret does"),
        ("name: dou", "nmae: dou", ":3: bot.nmae: unknown key; did you mean `name`?"),
        ("name: dou", "name: [dou", "not valid YAML"),
        ("name: dou", "name: &x dou\n  helpers: [*x]", "aliases are not supported"),
        ("role: viewer", "role: king", ":21: http.users[1].role: must be viewer, labeller or"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_nothing_is_written(
    file: ConfigFile, before: str, after: str, said: str
) -> None:
    shown = file.shown()
    with pytest.raises(ConfigError) as told:
        file.judge(shown.text.replace(before, after, 1), shown.version)
    assert said in str(told.value)
    assert not [one for one in SECRETS if one in str(told.value)]
    assert file.path and file.path.read_text(encoding="utf-8") == TEXT


def test_a_file_that_is_not_there_yet_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = ConfigFile(None)
    shown = file.shown()
    assert (shown.text, shown.backups) == ("", ())
    assert file.write(file.judge("bot: {name: dou}\n", shown.version)) is None
    assert file.load().bot.name == "dou"
    assert Path("config.yaml").stat().st_mode & 0o777 == 0o600


def test_line_endings_stay(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"bot:\r\n  name: dou\r\n")
    file = ConfigFile(path)
    shown = file.shown()
    assert "\r" not in shown.text
    file.write(file.judge(shown.text.replace("dou", "goose"), shown.version))
    assert path.read_bytes() == b"bot:\r\n  name: goose\r\n"


def test_only_so_many_backups_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("bot: {queue_size: 1}\n", encoding="utf-8")
    file = ConfigFile(path)
    for number in range(2, 26):
        file.write(file.judge(f"bot: {{queue_size: {number}}}\n", file.shown().version))
    assert file.shown().backups == tuple(range(24, 4, -1))


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", "\ngate:\n  target_precision: 0.8\n"),
        ("bot: {name: x}", "bot: {name: x}\n\ngate:\n  target_precision: 0.8\n"),
        ("gate:\nbot: {}\n", "gate:\n  target_precision: 0.8\nbot: {}\n"),
        ("gate: # ours\nbot: {}\n", "gate:\n  target_precision: 0.8 # ours\nbot: {}\n"),
        ("gate: {}\n", "gate: {target_precision: 0.8}\n"),
        ("gate: {neighbours: 3}\n", "gate: {target_precision: 0.8, neighbours: 3}\n"),
        (
            "gate:\n    neighbours: 3 # n\n",
            "gate:\n    target_precision: 0.8\n    neighbours: 3 # n\n",
        ),
        (
            "gate:\n  target_precision: 0.9  # p\n  neighbours: 3\n",
            "gate:\n  target_precision: 0.8  # p\n  neighbours: 3\n",
        ),
        ("gate: {target_precision: '0.9'}\n", "gate: {target_precision: 0.8}\n"),
        ("gate:\n  target_precision:\n", "gate:\n  target_precision: 0.8\n"),
        ("{}\n", "{gate: {target_precision: 0.8}}\n"),
    ],
)
def test_a_number_is_written_where_it_stands(tmp_path: Path, text: str, made: str) -> None:
    assert with_value(text, ("gate", "target_precision"), 0.8) == made
    path = tmp_path / "c.yaml"
    path.write_text(made, encoding="utf-8")
    assert ConfigFile(path).load().gate.target_precision == 0.8


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("bot: {}\n", "bot: {}\n\nllm:\n  thresholds: {dodge: 7}\n"),
        ("llm:\n  # no thresholds\n", "llm:\n  thresholds: {dodge: 7}\n  # no thresholds\n"),
        ("llm:\n  retries: 1\n", "llm:\n  thresholds: {dodge: 7}\n  retries: 1\n"),
        ("llm:\n  thresholds:\n", "llm:\n  thresholds:\n    dodge: 7\n"),
        ("llm: {thresholds: {dodge: 9}} # m\n", "llm: {thresholds: {dodge: 7}} # m\n"),
    ],
)
def test_what_is_missing_of_a_place_is_made(tmp_path: Path, text: str, made: str) -> None:
    assert with_value(text, ("llm", "thresholds", "dodge"), 7.0) == made
    path = tmp_path / "c.yaml"
    path.write_text(made, encoding="utf-8")
    assert ConfigFile(path).load().llm.thresholds.dodge == 7.0


def test_a_value_has_no_room_in_a_list() -> None:
    with pytest.raises(ConfigError, match=r"no room for llm\.check_sentences; write true there"):
        with_value("llm: [1]\n", ("llm", "check_sentences"), value=True)
