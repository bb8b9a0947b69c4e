"""What the adapters say on their own; the lines stand in texts.toml."""

from pathlib import Path

from common.texts import Texts

phrase = Texts(Path(__file__).with_name("texts.toml"))
