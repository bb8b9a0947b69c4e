"""Every route of the console asks who it is: one without a login gets to none, and a viewer to none
that changes anything but his own marks."""

import re
from pathlib import Path

from bot.console.routes import console_routes
from bot.daemon.compose import create_console
from knowledge.base import KnowledgeBase
from tests.bot.console.running import running_bot

OF_VIEWERS = (
    "POST /api/console/groups/{adapter}/{group}/seen",
    "POST /api/console/knowledge/try",
)
"""What a viewer may send though it is no reading: his own marks, and a question to try."""


async def test_every_route_demands_a_login_and_changes_a_role(
    tmp_path: Path, kettle: KnowledgeBase
) -> None:
    async with running_bot(tmp_path, kettle) as bot:
        routes = [
            (route.method, route.path)
            for route in console_routes(create_console(bot.parts))
            if route.path.startswith("/api/")
        ]
        assert len(routes) > 15
        for method, path in routes:
            filled = re.sub(r"\{\w+(:[^}]*)?\}", "1", path).removeprefix("/api/console/")
            await bot.ask(method, filled, "nobody", status=401)
            if method != "GET" and f"{method} {path}" not in OF_VIEWERS:
                await bot.ask(method, filled, "viewer", status=403)
