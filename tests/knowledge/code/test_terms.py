"""What of a question is looked for word for word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.code.terms import MAX_CHARS, MAX_TERMS, verbatim_terms


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("what does warm_up do?", ["warm_up"]),
        ("warm_up怎么用", ["warm_up"]),
        ("用Heater.warm_up的时候报错了", ["Heater.warm_up"]),
        ("模型BatchNorm和resnet50有什么区别", ["BatchNorm", "resnet50"]),
        ("mmcv::ops::nms 在哪里", ["mmcv::ops::nms"]),
        ("调用sleep()之后就停了", ["sleep"]),
        ("which default has --work-dir", ["--work-dir"]),
        ("加上--work-dir参数", ["--work-dir"]),
        ("把cache_fraction: 0.2写进配置", ["cache_fraction"]),
        ("set lr=0.01 please", ["lr"]),
        ("see configs/kettle.yaml please", ["configs/kettle.yaml"]),
        ("看configs/kettle.yaml里的port", ["configs/kettle.yaml"]),
        ("the `port` key", ["port"]),
        ("“模型加载失败”是什么意思", ["模型加载失败"]),
        ("「模型加载失败」出现了", ["模型加载失败"]),
        ("don't use kettle, it's broken", []),
        ("Python 3.8 or v2.1.0, e.g. on https://a.test/b_c. Then CUDA", []),
        ("写信给foo_bar@kettle.test", []),
        ("水壶为什么不热？", []),
    ],
)
def test_names_flags_keys_and_quotes(asked: str, expected: list[str]) -> None:
    assert verbatim_terms(asked) == expected


def test_an_error_line_comes_first() -> None:
    assert verbatim_terms("ValueError: can't heat to 99 degrees on this mountain") == [
        "can't heat to 99 degrees on this mountain",
        "ValueError",
    ]
    assert verbatim_terms("跑起来报错：DLL load failed while importing _ext 怎么办") == [
        "DLL load failed while importing _ext",
        "_ext",
    ]
    assert verbatim_terms("OSError: no such kettle. What now?")[0] == "no such kettle"


def test_a_traceback_gives_its_error() -> None:
    text = (
        'Traceback:\n  File "kettle/heat.py", line 3, in warm_up\nkettle.HeatError: too cold here'
    )
    found = verbatim_terms(text)
    assert found[0] == "too cold here"
    assert {"kettle/heat.py", "warm_up", "kettle.HeatError"} <= set(found)


@given(st.text(max_size=300))
def test_terms_stand_in_the_question(text: str) -> None:
    found = verbatim_terms(text)
    assert len(found) == len(set(found)) <= MAX_TERMS
    assert all(term in text and 1 < len(term) <= MAX_CHARS for term in found)


@given(st.from_regex(r"[a-z]{2,8}_[a-z]{2,8}", fullmatch=True), st.sampled_from(["的", "，", "？"]))
def test_names_beside_chinese_are_found(name: str, sign: str) -> None:
    assert name in verbatim_terms(f"请问{name}{sign}默认值是多少")


@pytest.mark.parametrize("part", ["a.", "`", "Error: ", "a_", "'", "-", "::", "\\", "a/", "= "])
def test_hostile_questions_cost_no_time(part: str) -> None:
    assert len(verbatim_terms(part * 20_000)) <= MAX_TERMS
