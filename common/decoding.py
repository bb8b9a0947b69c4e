"""The text of a file in an encoding that nobody named."""

import re

_LOST = "\ufffd"


_FOREIGN = re.compile(r"[^\x00-\x7f]+")


class ReadError(Exception):
    """A file can't be read; the message is the reason that is reported."""


def decode(data: bytes) -> str:
    """Bytes of a text file, line ends unified. Raises ReadError for a binary file."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    elif b"\0" in data[:100_000]:
        raise ReadError("a binary file")
    else:
        text = _decoded(data)
    controls = sum(c < " " and c not in "\t\n\r\f\x1b" for c in text[:10_000])
    if controls > len(text[:10_000]) / 20:
        raise ReadError("a binary file")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes) -> str:
    text = data.decode("utf-8-sig", "replace")
    if 20 * text.count(_LOST) <= sum(map(len, _FOREIGN.findall(text))):
        return text  # UTF-8, perhaps with a damaged character or two
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        text = ""
    if text and _looks_chinese(text):
        return text
    from charset_normalizer import from_bytes  # only strange files need it

    best = from_bytes(data[:1_000_000]).best()
    return data.decode(best.encoding if best else "latin-1", "replace")


def _looks_chinese(text: str) -> bool:
    """Bytes of other encodings turn into rare characters when read as gb18030.

    Common ones are the first level of GB 2312, whose first byte is 0xb0 to 0xd7, and its signs.
    """
    foreign = [c.encode("gb18030") for c in text[:100_000] if not c.isascii()]
    common = sum(0xA1 <= c[0] <= 0xA3 or 0xB0 <= c[0] <= 0xD7 for c in foreign)
    return common > 0.8 * len(foreign)
