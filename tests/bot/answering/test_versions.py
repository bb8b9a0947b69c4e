"""Which version a question is about, and which one a text says it describes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.versions import Version, asked_versions, fits, stated_versions

NAMES = ("mmdet", "lmdeploy")
versions = st.lists(st.integers(0, 99), min_size=1, max_size=3).map(tuple)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mmdet 2.x 怎么装", [(2,)]),
        ("mmdet2.25.0怎么装", [(2, 25, 0)]),
        ("lmdeploy==0.6.0 报错", [(0, 6, 0)]),
        ("用lmdeploy v0.7.1时报错", [(0, 7, 1)]),
        ("how do I do this in v2.1?", [(2, 1)]),
        ("version 2 里没有这个选项", [(2,)]),
        ("2.x版本的配置怎么写", [(2,)]),
        ("0.6.3 版本支持吗", [(0, 6, 3)]),
        ("from mmdet 2.x to mmdet 3.x", [(2,), (3,)]),
        ("Python 3.8 上怎么装 mmdet", []),
        ("mmdet with CUDA v11.8", []),
        ("lmdeploy 2 张卡", []),
        ("学习率 0.01 太大吗", []),
        ("python version 3.8", []),
    ],
)
def test_versions_of_the_project_only(text: str, found: list[Version]) -> None:
    assert asked_versions(text, NAMES) == found


@pytest.mark.parametrize(
    ("places", "headings", "found"),
    [
        (["docs/2.x/install.md"], "Install", [(2,)]),
        (["", "https://lmdeploy.test/en/v0.5.0/faq.html"], "FAQ", [(0, 5, 0)]),
        (["changelog.md"], "Changelog > v0.5.0 (31/01/2026)", [(0, 5, 0)]),
        (["readme.md"], "Install > mmdet 2.x with CUDA 11.8", [(2,)]),
        (["configs/yolov3/mask_rcnn_r50_1x.md"], "Results", []),
    ],
)
def test_what_a_text_is_about(places: list[str], headings: str, found: list[Version]) -> None:
    assert stated_versions(places, headings, NAMES) == found


def test_a_shorter_version_stands_for_all_that_begin_with_it() -> None:
    assert fits([(2,)], [(2, 25, 0)])
    assert fits([(0, 6, 0)], [(0, 6)])
    assert not fits([(2,)], [(3, 1), (20,)])


@given(st.lists(versions), st.lists(versions))
def test_nothing_asked_or_stated_fits_everything(
    some: list[Version], others: list[Version]
) -> None:
    assert fits([], some) and fits(some, [])
    assert fits(some, others) == fits(others, some)
