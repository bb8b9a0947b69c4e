"""What counts as an address, whatever it is glued to."""

import pytest

from common.links import links, masked, may_be_address, replaced


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("访问evil.com下载", ["evil.com"]),
        ("领取链接：evil.com/x。好", ["evil.com/x"]),
        ("见https://docs.test/cuda。联系a@evil.com吧", ["https://docs.test/cuda", "a@evil.com"]),
        ("7311(evil.test/a)or,evil.test [1].", ["evil.test/a", "evil.test"]),
        ("`a@evil.com`,b@evil.local", ["a@evil.com", "b@evil.local"]),
        ("hxxp://evil.test, weixin://dl/x", ["hxxp://evil.test", "weixin://dl/x"]),
        ("git+https://host/x and //evil.com/y", ["git+https://host/x", "evil.com/y"]),
        ("See https://a.test/x_(y), WWW.evil.zone.", ["https://a.test/x_(y)", "WWW.evil.zone"]),
        ("http://localhost:23333 and http://1.2.3.4/x下载",
         ["http://localhost:23333", "http://1.2.3.4/x"]),
        ("see xn--e1afmkfd.com and еvil.com", ["xn--e1afmkfd.com", "еvil.com"]),  # Cyrillic
        # file names, modules and versions are none
        ("Edit setup.py, README.md and conf.d/a.yaml", []),
        ("mmpose.apis, e.g. 1.2.3.4 or v0.5.0", []),
    ],
)  # fmt: skip
def test_addresses_are_found(text: str, found: list[str]) -> None:
    assert [link.address for link in links(text)] == found
    assert all(text[link.start : link.end] == link.address for link in links(text))


@pytest.mark.parametrize("sign", "!\"#$%&'()*+,/:;<=>?[\\]^`{|}~→👉·…“”é，。（）【】")
@pytest.mark.parametrize("address", ["evil.com", "evil.test/a", "a@evil.com", "www.evil.com"])
def test_no_sign_hides_an_address(sign: str, address: str) -> None:
    for text in (sign + address, f"x{sign}{address}", f"{address}{sign}", f"{address}{sign}x"):
        assert links(text), text


def test_addresses_are_masked_and_replaced_in_their_places() -> None:
    assert masked("见evil.com！", "x") == "见xxxxxxxx！"
    assert masked("src/models/Block.cc", "x") == "src/models/Block.cc"
    assert replaced("a.com，b.com.", str.upper) == "A.COM，B.COM."


def test_a_name_with_a_countrys_ending_may_become_a_link() -> None:
    assert may_be_address("model.to")
    assert not may_be_address("model.py")


@pytest.mark.parametrize(
    "text",
    ["a." * 5000, "@" * 9000, "a@" * 5000, "http://" * 4000, "a.com/" * 4000, "a.com/((" * 500],
)
def test_nothing_takes_long(text: str) -> None:
    links(text)
