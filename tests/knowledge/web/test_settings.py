"""The section search.web: what is refused, and in which words."""

from typing import Any

import pytest
from pydantic import ValidationError

from knowledge.web.settings import WebSettings
from tests.knowledge.web.running import settings


def test_nothing_is_searched_by_default() -> None:
    made = WebSettings()
    assert made.engine == "none"
    assert made.endpoint == "https://google.serper.dev/search"
    assert made.cache_ttl == 86400


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"engine": "serper"}, "must be set for the engine serper, such as ${SERPER_API_KEY}"),
        ({"engine": "bing"}, "'none', 'serper' or 'ddgs'"),
        ({"engine": "serper", "api_key": "a b"}, "without spaces"),
        ({"endpoint": "google.serper.dev"}, "must be an address that starts with http://"),
        ({"endpoint": ""}, "at least 1 character"),
        ({"preferred_domains": ["https://pytorch.org"]}, "must be a domain such as pytorch.org"),
        ({"preferred_domains": ["pytorch.org/docs"]}, "must be a domain such as pytorch.org"),
        ({"blocked_domains": ["*.csdn.net"]}, "must be a domain such as pytorch.org"),
        ({"blocked_domains": [""]}, "must be a domain such as pytorch.org"),
        ({"allow": ["127.0.0.1"]}, "must be a host and a port, such as wiki.intranet:443"),
        ({"allow": ["wiki:0"]}, "must be a host and a port"),
        ({"allow": ["wiki:99999"]}, "must be a host and a port"),
        ({"allow": ["http://wiki:80"]}, "must be a host and a port"),
        ({"max_articles": 0}, "greater than or equal to 1"),
        ({"max_articles": 11}, "less than or equal to 10"),
        ({"cache_ttl": -1}, "greater than or equal to 0"),
        ({"contact": "bot@example.org)\r\nX: y"}, "must be an address such as bot@example.org"),
        ({"api_keys": "x"}, "Extra inputs"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**fields)
    assert said in str(caught.value)


def test_domains_and_places_get_one_spelling() -> None:
    made = settings(
        preferred_domains=["PyTorch.org.", "例子.中国"],
        allow=["Wiki.Intranet:443", "[::1]:8080", "0x7f.1:80"],
        contact="bot@example.org, https://example.org/bot",
    )
    assert made.preferred_domains == ("pytorch.org", "xn--fsqu00a.xn--fiqs8s")
    assert made.allow == ("wiki.intranet:443", "::1:8080", "127.0.0.1:80")


def test_the_key_is_shown_nowhere() -> None:
    made = settings(engine="serper", api_key="very-secret")
    assert "very-secret" not in f"{made!r} {made}"
    with pytest.raises(ValidationError) as caught:
        settings(engine="serper", api_key="very secret")
    assert "must be letters, digits and signs of ASCII" in str(caught.value)
