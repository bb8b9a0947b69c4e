"""What of a text is code for every reader."""

import pytest

from common.markdown import outside_code, parts, split_code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\n```sh\nb\n```\nc", ["```sh\nb\n```\n"]),
        ("- a\n\n  ```\n  b\n  ```\n- c", ["  ```\n  b\n  ```\n"]),
        ("````\n```\nb\n```\n````", ["````\n```\nb\n```\n````"]),
        ("~~~\n```\n~~~\na", ["~~~\n```\n~~~\n"]),
        ("a ``` b", []),
        ("    indented\n\n<pre>\n```", ["```"]),
    ],
)
def test_code_blocks_are_found(text: str, code: list[str]) -> None:
    assert [part for part, is_code in parts(text) if is_code] == code
    assert "".join(part for part, _ in parts(text)) == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a `b` c `d`", ["`b`", "`d`"]),
        ("``a ` b`` c", ["``a ` b``"]),
        (r"\`a` b `c`", ["` b `"]),
        ("`a\nb` `c`", ["`c`"]),  # goes on in the next line
        ("`a\n\nb` c", []),
        ("``` a", []),
    ],
)
def test_stretches_of_code_are_found(text: str, code: list[str]) -> None:
    assert split_code(text)[1::2] == code
    assert "".join(split_code(text)) == text


def test_code_is_left_as_it_is() -> None:
    assert outside_code("a `b`\n```\nc\n```\nd", str.upper) == "A `b`\n```\nc\n```\nD"
