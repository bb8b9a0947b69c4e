"""A WeCom AI bot over its long connection."""

from adapters.wecom.adapter import create as create
from adapters.wecom.settings import Settings as Settings
