"""The frames of Lark's long connection: protobuf, read and written by hand."""

from collections.abc import Iterator

CONTROL, DATA = 0, 1


def encode(method: int, headers: dict[str, str], payload: bytes) -> bytes:
    """A frame."""
    numbers = ((1, 1), (2, 1), (3, 1), (4, method))
    frame = b"".join(_varint(field << 3) + _varint(value) for field, value in numbers)
    for key, value in headers.items():
        frame += _block(5, _block(1, key.encode()) + _block(2, value.encode()))
    return frame + _block(8, payload)


def decode(frame: bytes) -> tuple[int, dict[str, str], bytes]:
    """(method, headers, payload) of a frame."""
    method, payload = 0, b""
    headers: dict[str, str] = {}
    for field, value in _fields(frame):
        if field == 4 and isinstance(value, int):
            method = value
        elif field == 5 and isinstance(value, bytes):
            pair = [inner.decode() for _, inner in _fields(value) if isinstance(inner, bytes)]
            headers[pair[0]] = pair[1]
        elif field == 8 and isinstance(value, bytes):
            payload = value
    return method, headers, payload


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _block(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _read(data, at)
        value, at = _read(data, at)
        if tag & 7 == 2:
            yield tag >> 3, data[at : at + value]
            at += value
        else:
            yield tag >> 3, value


def _read(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
