"""A group chat on the bot's own page."""

from adapters.web.adapter import Settings as Settings
from adapters.web.adapter import create as create
