"""Who counts as one, and which proxy is asked."""

import os

import pytest

from common.hosts import network_of, proxy_for


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("evil, 10.0.0.1", "unknown"),
    ],
)
def test_of_ipv6_a_network_counts_as_one(address: str, network: str) -> None:
    assert network_of(address) == network


HTTP = "http://user:hush@127.0.0.1:7890"


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://api.test/v1", None),
        ({"HTTPS_PROXY": HTTP}, "https://api.test/v1", HTTP),
        ({"https_proxy": "127.0.0.1:7890"}, "https://api.test/v1", "http://127.0.0.1:7890"),
        ({"HTTPS_PROXY": HTTP}, "wss://api.test/v1", HTTP),
        ({"HTTPS_PROXY": HTTP}, "http://api.test/v1", None),
        ({"ALL_PROXY": HTTP}, "http://api.test/v1", HTTP),
        ({"HTTPS_PROXY": HTTP, "ALL_PROXY": "socks5://h:1"}, "https://api.test/v1", HTTP),
        ({"HTTPS_PROXY": HTTP, "NO_PROXY": "corp.test,.test"}, "https://api.test/v1", None),
        ({"HTTP_PROXY": "socks5://h:1"}, "http://127.0.0.1:8000/v1", None),
        ({"HTTP_PROXY": "socks5://h:1"}, "http://localhost/v1", None),
    ],
)
def test_the_environment_names_a_proxy(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: str | None
) -> None:
    without_proxies(monkeypatch, environment)
    assert proxy_for(url) == proxy


@pytest.mark.parametrize("proxy", ["socks5://u:hush@h:1", "nonsense://", "http://"])
def test_a_proxy_of_another_kind_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    without_proxies(monkeypatch, {"ALL_PROXY": proxy})
    with pytest.raises(ValueError, match=r"ALL_PROXY .*; name one in HTTPS_PROXY") as caught:
        proxy_for("https://api.test/v1")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["http://hush:h:99999", "http://hush:x", "h:0", "http://[::1"])
def test_what_is_no_address_of_a_proxy_is_named(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    without_proxies(monkeypatch, {"HTTPS_PROXY": proxy})
    with pytest.raises(ValueError, match="HTTPS_PROXY is no address; write http://") as caught:
        proxy_for("https://api.test/v1")
    assert "hush" not in str(caught.value)


def without_proxies(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Exactly these variables about proxies."""
    for name in [one for one in os.environ if one.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
