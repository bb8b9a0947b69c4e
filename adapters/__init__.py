"""The platforms the bot can sit in, listed by name; each is one module, imported only when used."""

from pydantic import BaseModel

from adapters.base import Adapter, Context

KINDS = ("console", "web")


def settings_type(kind: str) -> type[BaseModel]:
    """The pydantic model of the settings of one kind. Raises ValueError for an unknown kind."""
    if kind == "console":
        from adapters import console

        return console.Settings
    if kind == "web":
        from adapters import web

        return web.Settings
    raise ValueError(f"unknown kind of adapter {kind!r}; known are {', '.join(KINDS)}")


def create(settings: BaseModel, context: Context) -> Adapter:
    """Builds the adapter that these settings belong to; it does nothing before `run`.

    Raises TypeError for settings that did not come from `settings_type`.
    """
    kind = getattr(settings, "kind", None)
    if kind == "console":
        from adapters import console

        if isinstance(settings, console.Settings):
            return console.create(settings, context)
    if kind == "web":
        from adapters import web

        if isinstance(settings, web.Settings):
            return web.create(settings, context)
    raise TypeError(f"{type(settings).__name__} is not the settings of any adapter")
