"""The event loop's own clock, which time limits of requests go by, moved on by a test."""

import asyncio


async def turns(count: int = 100) -> None:
    """Lets all go on that needs nothing but turns of the loop, however busy the machine is."""
    for _ in range(count):
        await asyncio.sleep(0)


def leap(seconds: float) -> None:
    """Lets this much time pass for all who wait in the running loop; real time goes on as well."""
    if not seconds:
        return
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]  # what it is for
