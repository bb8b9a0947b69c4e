"""DingTalk groups and private chats, over DingTalk's stream mode."""

from adapters.dingtalk.adapter import create as create
from adapters.dingtalk.settings import Settings as Settings
