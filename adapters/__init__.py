"""The platforms the bot can sit in, listed by name; each is one module, imported only when used."""

from importlib import import_module
from typing import Any, cast

from adapters.contract import Adapter, Context
from adapters.settings import AdapterSettings

KINDS = ("console", "web", "lark", "dingtalk", "wecom", "webhook")
"""Modules or packages of this one; each has `Settings` and `create(settings, context)`."""


def settings_type(kind: str) -> type[AdapterSettings]:
    """The model of the settings of one kind. Raises ValueError for an unknown kind."""
    return cast("type[AdapterSettings]", _platform(kind).Settings)


def create(settings: AdapterSettings, context: Context) -> Adapter:
    """Builds the adapter that these settings belong to; it does nothing before it is opened.

    Raises TypeError for settings that did not come from `settings_type`.
    """
    if settings.kind not in KINDS or not isinstance(settings, settings_type(settings.kind)):
        raise TypeError(f"{type(settings).__name__} is not the settings of any adapter")
    return cast("Adapter", _platform(settings.kind).create(settings, context))


def _platform(kind: str) -> Any:
    if kind not in KINDS:
        raise ValueError(f"unknown kind of adapter {kind!r}; known are {', '.join(KINDS)}")
    return import_module(f"adapters.{kind}")
