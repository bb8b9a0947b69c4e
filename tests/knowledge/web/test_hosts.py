"""Spellings of hosts, and which addresses are public."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from knowledge.web.guard import Guard, GuardedResolver, SystemNames
from knowledge.web.hosts import belongs_to, canonical_host, is_public
from knowledge.web.types import NotAllowed, PageError
from tests.knowledge.web.running import Names

PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.9.9",
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.7",
    "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fd00::1", "fc00::1",
    "fe80::1", "fe80::1%eth0", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::1",
    "2002:a00:1::", "2001:0:7f00:1::", "fec0::1", "100::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@given(st.integers(0, 2**32 - 1))
def test_ipv4_within_ipv6_is_judged_as_ipv4(number: int) -> None:
    plain = is_public(str(ipaddress.IPv4Address(number)))
    for start in (0xFFFF << 32, 0x0064FF9B << 96, None):
        inner = (0x2002 << 112) | (number << 80) if start is None else start | number
        assert is_public(str(ipaddress.IPv6Address(inner))) == plain


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """An IPv4 address as `inet_aton` takes it, and in dotted decimals."""
    number = draw(st.integers(0, 2**32 - 1))
    count = draw(st.integers(1, 4))
    whole = number.to_bytes(4, "big")
    parts = [*whole[: count - 1], int.from_bytes(whole[count - 1 :], "big")]
    forms = [draw(st.sampled_from(["{}", "0x{:x}", "0X{:X}", "0{:o}"])) for _ in parts]
    text = ".".join(form.format(part) for form, part in zip(forms, parts, strict=True))
    return text, str(ipaddress.IPv4Address(number))


@given(spellings())
def test_odd_spellings_of_an_address_are_recognised(pair: tuple[str, str]) -> None:
    odd, plain = pair
    assert canonical_host(odd) == plain
    assert canonical_host(odd + ".") == plain


@given(st.text(max_size=40))
def test_a_host_is_spelled_in_one_way_or_is_none(text: str) -> None:
    host = canonical_host(text)
    assert host.isascii()
    assert canonical_host(host) == host


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("①②⑦.0.0.1", "127.0.0.1"), ("127。0。0。1", "127.0.0.1"), ("Example.COM.", "example.com"),
        ("::FFFF:7f00:1", "::ffff:7f00:1"), ("a b", ""), ("", ""), ("1.1.1.1%00.x.com", ""),
        ("-a.com", ""), ("a" * 300, ""), ("中文.com", "xn--fiq228c.com"),
        ("256.1.1.1", "256.1.1.1"),
    ],
)  # fmt: skip
def test_canonical_hosts(written: str, host: str) -> None:
    assert canonical_host(written) == host


def test_a_domain_holds_what_is_below_it() -> None:
    domains = ["pytorch.org", "github.com"]
    assert belongs_to("pytorch.org", domains) == 0
    assert belongs_to("docs.pytorch.org", domains) == 0
    assert belongs_to("github.com", domains) == 1
    assert belongs_to("notgithub.com", domains) is None
    assert belongs_to("github.com.evil.test", domains) is None


REFUSED = [
    "ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)", "data:text/html,x",
    "gopher://example.com/", "//example.com/", "example.com", "", "http://", "http:///x",
    "http://user:pw@example.com/", "http://user@example.com/", "http://:pw@example.com/",
    "http://example.com:8080/", "https://example.com:80/", "http://example.com:443/",
    "http://example.com:22/", "http://example.com:99999/", "http://example.com:0/",
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/",
    "http://017700000001/", "http://0/", "http://0.0.0.0/", "http://[::1]/", "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/", "http://[::]/", "http://[fe80::1%25eth0]/", "http://[fd00::1]/",
    "http://①②⑦.0.0.1/", "http://127.0.0.1./", "http://10.1.2.3/", "http://169.254.169.254/latest",
    "http://exa mple.com/", "http://[::1", "http://a..b\\@c/", "http://example.com/" + "a" * 2000,
    "http://blocked.test/", "https://www.blocked.test/x", "http://BLOCKED.test./",
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_addresses_that_are_not_visited(url: str) -> None:
    with pytest.raises(PageError):
        Guard(blocked=["blocked.test"]).checked(url)


@given(st.text(max_size=60))
def test_any_text_is_judged_without_a_fault(text: str) -> None:
    for url in (text, f"http://{text}", f"http://{text}/x", f"http://example.com/{text}"):
        try:
            checked = Guard().checked(url)
        except PageError:
            continue
        assert checked.scheme in ("http", "https")
        assert str(checked).isascii()
        assert not checked.fragment


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("HTTP://Example.com./a#b", "http://example.com/a"),
        ("https://例子.中国/路?问=1", "https://xn--fsqu00a.xn--fiqs8s/%E8%B7%AF?%E9%97%AE=1"),
        ("http://1.1.1.1/", "http://1.1.1.1/"),
        ("http://0x7f.1:8080/x", "http://127.0.0.1:8080/x"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("http://wiki.intranet:8443/x", "http://wiki.intranet:8443/x"),
    ],
)
def test_addresses_that_may_be_visited(url: str, checked: str) -> None:
    guard = Guard(["127.0.0.1:8080", "::1:8080", "wiki.intranet:8443"])
    assert str(guard.checked(url)) == checked
    assert guard.checked(guard.checked(url)) == URL(checked)


async def test_a_name_that_leads_inside_is_refused_as_a_whole() -> None:
    names = Names(
        fair__test=[["93.184.216.34"]], inside__test=[["10.0.0.1"]],
        mixed__test=[["93.184.216.34", "127.0.0.1"]], six__test=[["::ffff:10.0.0.1"]],
    )  # fmt: skip
    resolver = GuardedResolver(Guard(["inside.test:8080"]), names)
    assert [found["host"] for found in await resolver.resolve("fair.test", 80)] == ["93.184.216.34"]
    for name in ("inside.test", "mixed.test", "six.test"):
        with pytest.raises(NotAllowed):
            await resolver.resolve(name, 80)
    assert await resolver.resolve("inside.test", 8080)
    await resolver.close()


async def test_the_systems_names_are_looked_up_in_threads() -> None:
    names = SystemNames()
    found = await names.resolve("localhost", 80)
    assert {entry["host"] for entry in found} <= {"127.0.0.1", "::1"}
    for name in ("no-such-name.invalid", "a" * 64 + ".test"):
        with pytest.raises(OSError):
            await names.resolve(name, 80)
    with pytest.raises(NotAllowed):
        await GuardedResolver(Guard(), names).resolve("localhost", 80)
    await names.close()
