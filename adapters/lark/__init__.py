"""Group chats on Lark (Feishu)."""

from adapters.lark.adapter import create as create
from adapters.lark.settings import Settings as Settings
