"""What hides in a name is written out; what belongs to a script stays."""

import pytest

from common.visible import visible


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("invoice\u202efdp.exe", r"invoice\u202efdp.exe"),
        ("admin\u200b", r"admin\u200b"),
        ("ad\u00admin", r"ad\u00admin"),
        ("a\nb\x1b[31m", r"a\u000ab\u001b[31m"),
        ("half \ud83d", r"half \ud83d"),
        ("tag\U000e0041", r"tag\ue0041"),
        ("\u3164", r"\u3164"),
        ("admin\u200d", r"admin\u200d"),
        ("小\u200d李", r"小\u200d李"),
        ("\ufeffreadme.md", r"\ufeffreadme.md"),
    ],
)
def test_what_hides_is_written_out(name: str, shown: str) -> None:
    assert visible(name) == shown
    assert visible(shown) == shown


@pytest.mark.parametrize(
    "name",
    [
        "小李",
        "Zoë",
        "a b",
        "全角\u3000空格",
        "👩\u200d💻",
        "❤\ufe0f",
        "می\u200cخواهم",
        "क्\u200dष",
        "docs/指南.md",
    ],
)
def test_what_belongs_to_a_script_stays(name: str) -> None:
    assert visible(name) == name
