"""One-way webhooks of Lark, DingTalk and WeCom: answers of other groups are posted there too."""

from adapters.webhook.adapter import create as create
from adapters.webhook.settings import Settings as Settings
