"""The description of the console's API says what the routes do."""

import re
from pathlib import Path

from adapters.http_guard import Role
from knowledge.base import KnowledgeBase
from tests.bot.console.running import running_bot

API = "/api/console"


async def test_every_route_is_described_with_what_it_takes_and_who_may_use_it(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        described = await bot.get("openapi.json", "viewer")
        operations = {
            (method.upper(), path): operation
            for path, methods in described["paths"].items()
            for method, operation in methods.items()
        }
        served = {
            (route.method, route.resource.canonical)
            for route in bot.routes()
            if route.resource and route.resource.canonical.startswith(API)
        } - {("HEAD", path) for _, path in operations}
        assert set(operations) | {("GET", f"{API}/openapi.json")} == {
            one for one in served if one[0] != "HEAD"
        }
        for place, operation in operations.items():
            assert operation["summary"], place
            role = re.fullmatch(r"needs the role (\w+)", operation["description"])
            assert role, place
            if role[1] == Role.VIEWER and place[0] != "GET":
                assert place[1].endswith(("/seen", "/try")), "a viewer changes nothing"
        query = operations["GET", f"{API}/messages"]["parameters"]
        assert "mark" in {one["name"] for one in query}
        assert "GroupChange" in described["components"]["schemas"]


async def test_what_is_said_not_to_be_there_is_refused(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        described = await bot.get("openapi.json")
        for path, methods in described["paths"].items():
            parameters = methods.get("get", {}).get("parameters", [])
            if parameters and all(one["in"] == "query" for one in parameters):
                wrong = f"{path.removeprefix(API + '/')}?no_such_thing=1"
                async with bot.http.get(f"{bot.url.rstrip('/')}{API}/{wrong}") as response:
                    assert response.status == 400, path
