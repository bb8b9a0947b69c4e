"""A process that is nothing but the console and the bot in memory; ends on EOF or a signal."""

import asyncio
import signal

from adapters.console import Settings, create
from tests.fakes.context import context
from tests.fakes.memory_bot import MemoryBot


async def main() -> None:
    bot = MemoryBot()
    adapter = create(Settings(kind="console"), context(bot))
    running = asyncio.create_task(adapter.run(bot.publish))
    deciding = asyncio.create_task(bot.decide_all(adapter))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    await asyncio.wait([running])
    if not running.cancelled():
        await bot.all_decided()
    deciding.cancel()
    await asyncio.wait([deciding])


if __name__ == "__main__":
    asyncio.run(main())
