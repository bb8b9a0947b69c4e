"""Local code through the front door: indexed in a process of its own, searched, brought up to
date."""

import os
from pathlib import Path

import pytest

from knowledge.code.types import MAX_LINES
from tests.knowledge.code.code import (
    FILES,
    built,
    committed,
    git,
    holding,
    opened,
    places,
    question,
    repo,
    write,
)


async def test_definitions_come_first_and_tests_last(tmp_path: Path) -> None:
    root = write(tmp_path / "code")
    async with opened(tmp_path / "index", [repo(repo=str(root))]) as search:
        await search.refresh()
        assert search.notes() == []
        hits = await search.search(question("warm_up怎么算的？"))
    assert [hit.path for hit in hits] == ["kettle/heat.py", "kettle/pour.py", "tests/test_heat.py"]
    first = hits[0]
    assert (first.repo, first.line, first.heading) == ("kettle", 6, "Heater")
    assert (first.language, first.url, first.matched) == ("python", "", ("warm_up",))
    assert first.text == "\n".join(FILES["kettle/heat.py"].split("\n")[5:15])
    assert first.score > 0.8 > hits[1].score > hits[2].score > 0.2


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("what is BOIL_LIMIT_C?", "kettle/heat.py"),
        ("ValueError: can't heat to 99 degrees on this mountain", "kettle/heat.py"),
        ("cache_fraction 默认是多少", "configs/kettle.yaml"),
        ("what is the default of --work-dir", "tools/serve.py"),
        ("open configs/kettle.yaml", "configs/kettle.yaml"),
        ("what does boil_limit_c mean", "kettle/heat.py"),
        ("who pours cups after warming up", "kettle/pour.py"),
    ],
)
async def test_names_keys_flags_and_errors_are_found(indexed: Path, asked: str, path: str) -> None:
    async with opened(indexed / "index", [repo(repo=str(indexed / "code"))]) as search:
        hits = await search.search(question(asked))
    assert hits[0].path == path


async def test_what_nobody_wrote_is_not_found(indexed: Path) -> None:
    async with opened(indexed / "index", [repo(repo=str(indexed / "code"))]) as search:
        assert await search.search(question("xyzzy_plugh")) == []
        assert await search.search(question("？")) == []
        hits = await search.search(question("does frobnicate_all pour cups"))
    assert all(hit.score < 0.3 for hit in hits)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kettle's code with its index, built in this process."""
    folder = tmp_path_factory.mktemp("kettle")
    write(folder / "code")
    built(folder / "index", [repo(repo=str(folder / "code"))])
    return folder


@pytest.mark.parametrize(
    ("remote", "link"),
    [
        (
            "https://github.com/o/kettle.git",
            "https://github.com/o/kettle/blob/{}/kettle/heat.py#L6",
        ),
        ("git@gitee.com:o/kettle.git", "https://gitee.com/o/kettle/blob/{}/kettle/heat.py#L6"),
        (
            "https://u:geheim@gitlab.com/g/s/kettle",
            "https://gitlab.com/g/s/kettle/-/blob/{}/kettle/heat.py#L6",
        ),
        ("https://git.example.test/o/kettle.git", ""),
        ("", ""),
    ],
)
async def test_a_hit_links_to_the_exact_commit(tmp_path: Path, remote: str, link: str) -> None:
    root = write(tmp_path / "code")
    commit = committed(root, remote)
    built(tmp_path / "index", [repo()], {"kettle": root})
    async with opened(tmp_path / "index", [repo()], {"kettle": root}) as search:
        hits = await search.search(question("Heater.warm_up"))
    assert hits[0].url == (link.format(commit) if link else "")


async def test_only_committed_files_count_and_changed_ones_have_no_link(tmp_path: Path) -> None:
    root = write(tmp_path / "code")
    committed(root, "https://github.com/o/kettle")
    write(root, {"secret.py": "API_TOKEN = 'geheim'\n"})
    heat = root / "kettle/heat.py"
    heat.write_text("# a line more\n" + heat.read_text())
    async with opened(tmp_path / "index", [repo()], {"kettle": root}) as search:
        await search.refresh()
        assert not holding(await search.search(question("API_TOKEN")))
        hits = await search.search(question("Heater.warm_up"))
        assert [bool(hit.url) for hit in hits[:2]] == [False, True]
        git(root, "commit", "-qam", "more")
        await search.refresh()
        hits = await search.search(question("Heater.warm_up"))
    assert git(root, "rev-parse", "HEAD") in hits[0].url
    assert hits[0].url.endswith("#L7")


async def test_a_part_of_a_repository_links_into_it(tmp_path: Path) -> None:
    root = write(tmp_path / "code")
    commit = committed(root, "https://github.com/o/kettle")
    built(tmp_path / "index", [repo(repo=str(root / "kettle"))])
    async with opened(tmp_path / "index", [repo(repo=str(root / "kettle"))]) as search:
        hit = (await search.search(question("BOIL_LIMIT_C")))[0]
    assert (hit.path, hit.url) == (
        "heat.py",
        f"https://github.com/o/kettle/blob/{commit}/kettle/heat.py#L{hit.line}",
    )


async def test_an_own_link_base_is_used(tmp_path: Path) -> None:
    root = write(tmp_path / "code", {"a b.py": "first_name = 1\n"})
    base = "https://code.example.test/x/"
    built(tmp_path / "index", [repo(repo=str(root), link_base=base)])
    async with opened(tmp_path / "index", [repo(repo=str(root), link_base=base)]) as search:
        hits = await search.search(question("first_name"))
    assert hits[0].url == "https://code.example.test/x/a%20b.py#L1"


async def test_a_refresh_takes_up_what_changed(tmp_path: Path) -> None:
    root = write(tmp_path / "code")
    (root / "same.py").write_text("old_name = 1\n")
    async with opened(tmp_path / "index", [repo(repo=str(root))]) as search:
        assert search.notes() == ["search.repo (kettle): its code is not indexed yet"]
        assert await search.search(question("warm_up")) == []
        await search.refresh()
        # Its size and time say that it did not change: it is not read again.
        before = (root / "same.py").stat()
        (root / "same.py").write_text("new_name = 1\n")
        os.utime(root / "same.py", ns=(before.st_atime_ns, before.st_mtime_ns))
        (root / "kettle/pour.py").unlink()
        write(root, {"kettle/lid.py": "def open_lid():\n    pass\n"})
        await search.refresh()
        assert not holding(await search.search(question("new_name")))
        assert len(await search.search(question("old_name"))) == 1
        assert places(await search.search(question("open_lid"))) == [("kettle/lid.py", "open_lid")]
        hits = await search.search(question("warm_up"))
    assert "kettle/pour.py" not in [hit.path for hit in hits]
    async with opened(tmp_path / "index", [repo(repo=str(root))]) as again:
        assert again.notes() == []
        assert len(await again.search(question("open_lid"))) == 1
    assert len(list((tmp_path / "index/kettle").glob("snapshot-*"))) == 1


async def test_the_old_index_goes_on_when_a_refresh_fails(tmp_path: Path) -> None:
    root = write(tmp_path / "code")
    async with opened(tmp_path / "index", [repo(repo=str(root))]) as search:
        await search.refresh()
        root.rename(tmp_path / "elsewhere")
        await search.refresh()
        assert search.notes() == [f"search.repo (kettle): there is no folder {root}"]
        assert await search.search(question("warm_up"))


@pytest.mark.parametrize("damage", ["about.json", "files.json", "words/meta.json"])
async def test_a_damaged_index_is_made_anew(tmp_path: Path, damage: str) -> None:
    root = write(tmp_path / "code")
    built(tmp_path / "index", [repo(repo=str(root))])
    (tmp_path / "index/kettle/snapshot-1" / damage).write_text("{")
    async with opened(tmp_path / "index", [repo(repo=str(root))]) as search:
        await search.search(question("warm_up"))
    built(tmp_path / "index", [repo(repo=str(root))])
    async with opened(tmp_path / "index", [repo(repo=str(root))]) as search:
        assert search.notes() == []
        assert await search.search(question("warm_up"))


async def test_other_patterns_make_another_index(tmp_path: Path) -> None:
    root = write(tmp_path / "code")
    built(tmp_path / "index", [repo(repo=str(root))])
    only = repo(repo=str(root), include=("**/*.md", "kettle/**"), exclude=("**/pour.py",))
    async with opened(tmp_path / "index", [only]) as search:
        assert await search.search(question("warm_up")) == []
        await search.refresh()
        hits = await search.search(question("warm_up"))
    assert sorted(hit.path for hit in hits) == ["README.md", "kettle/heat.py"]


async def test_hostile_folders_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path / "outside", {"leak.py": "leaked_name = 1\n"})
    root = write(
        tmp_path / "code",
        {
            "long.py": b"huge_line = '" + b"x" * 100_000 + b"'\n" + b"short_line = 2\n" * 2000,
            "windows.py": b"def crlf_name():\r\n    return 1\r\n",
            "gbk.py": "# 模型加载失败，请检查路径\nsome_gbk = 1\n".encode("gb18030"),
            "图/中文.py": "def 烧水():\n    return chinese_file\n",
            "binary.py": b"\x00\x01binary_name",
            "broken.py": b'def broken_name(:\n  """ never closed\n\xff\xfe\xfa',
            "deep.py": "[\n" * 50_000 + "deep_name = 1\n",
            "app.min.js": "function minified_name(){}",
            "bundle.js": "var bundled_name=1;" * 5000,
            "made_pb2.py": "generated_one = 1\n",
            "made.py": "# Code generated by kettle. DO NOT EDIT.\ngenerated_two = 1\n",
            "vendor/x.py": "vendored_name = 1\n",
            "node_modules/x.js": "vendored_name = 1\n",
            ".hidden/x.py": "hidden_name = 1\n",
            "data.json": '{"big_data": 1}' + " " * 100_000,
            "line\nbreak.py": "newline_name = 1\n",
            "empty.py": "",
        },
    )
    (root / os.fsdecode(b"bad\xff.py")).write_text("bad_file_name = 1\n")
    (root / "leak.py").symlink_to(tmp_path / "outside/leak.py")
    (root / "leaks").symlink_to(tmp_path / "outside")
    (root / "circle").symlink_to(root)
    os.mkfifo(root / "pipe.py")
    built(tmp_path / "index", [repo(repo=str(root))])
    async with opened(tmp_path / "index", [repo(repo=str(root))]) as search:
        assert search.notes() == []
        for gone in (
            "leaked_name", "binary_name", "minified_name", "bundled_name", "generated_one",
            "generated_two", "vendored_name", "hidden_name", "big_data",
        ):  # fmt: skip
            assert not holding(await search.search(question(gone))), gone
        for there in (
            "huge_line", "short_line", "crlf_name", "some_gbk", "chinese_file", "broken_name",
            "deep_name", "bad_file_name", "newline_name",
        ):  # fmt: skip
            hits = holding(await search.search(question(there)))
            assert hits, there
            assert all(len(line) < 1100 for hit in hits for line in hit.text.split("\n"))
            assert all(hit.text.count("\n") < MAX_LINES for hit in hits)
        crlf = (await search.search(question("crlf_name")))[0]
        assert crlf.text == "def crlf_name():\n    return 1"
        assert (await search.search(question("“模型加载失败”是什么")))[0].path == "gbk.py"
        assert (await search.search(question("`烧水` 在哪")))[0].path == "图/中文.py"


async def test_a_missing_source_is_named(tmp_path: Path) -> None:
    async with opened(tmp_path / "index", [repo()], {"other": tmp_path}) as search:
        await search.refresh()
        assert await search.search(question("warm_up")) == []
        assert "there is no knowledge source" in search.notes()[0]
        assert "(kettle)" in search.notes()[0]


async def test_a_folder_without_code_is_noted(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    async with opened(tmp_path / "index", [repo(repo=str(tmp_path / "code"))]) as search:
        await search.refresh()
        assert search.notes() == [f"search.repo (kettle): there is no code in {tmp_path / 'code'}"]


async def test_one_file_does_not_fill_the_hits(tmp_path: Path) -> None:
    body = "\n\n".join(f"def use_{n}():\n    common_name({n})" for n in range(60))
    root = write(tmp_path / "code", {"many.py": body, "one.py": "print(common_name(0))\n"})
    built(tmp_path / "index", [repo(repo=str(root))])
    async with opened(tmp_path / "index", [repo(repo=str(root))]) as search:
        hits = await search.search(question("common_name"))
    assert sum(hit.path == "many.py" for hit in hits) <= 5
    assert "one.py" in [hit.path for hit in hits]
