r"""Domain names as labels (RFC 1035 section 3.1), alone, in lists, and compressed (section 4.1.4).

Their texts are DNS's usual ones: labels between dots, ``\.`` for a dot within a label, ``\DDD`` for a byte that is not
printable ASCII. The dot that ends an absolute name is left out, but for the root's own, ``.``.
"""

import re
from typing import Any

from ...errors import EncodeError, WireError
from .base import SelfDelimited
from .composite import Array
from .strings import Item

__all__ = ["CompressedNames", "DomainName", "join_labels", "read_labels", "split_labels"]

_MAX_NAME = 255
_MAX_LABEL = 63
_POINTER = 0xC0
_MAX_POINTER = 0x3FFF
_SPECIAL = re.compile(rb"[^!-\[\]-~]|\.")
_LABEL = re.compile(r"(?:[^.\\]|\\[0-9]{3}|\\[^0-9])+")
_ESCAPE = re.compile(r"\\([0-9]{3}|.)", re.DOTALL)


def read_labels(data: bytes, at: int, *, partial: bool = False) -> tuple[list[bytes], bool, int]:
    """The labels of the name at ``data[at]``, which is not compressed.

    Args:
        data: The bytes that hold the name.
        at: Where it begins.
        partial: Whether it may end with ``data``, without the root.

    Returns:
        The labels, whether the root follows them, and the offset after the name.

    Raises:
        WireError: It is malformed, compressed or longer than 255 bytes.
    """
    labels: list[bytes] = []
    start = at
    while at < len(data):
        size = data[at]
        if size > _MAX_LABEL:
            raise WireError(f"{size} is no label's length; a name is not compressed here", offset=at)
        if size == 0:
            return labels, True, at + 1
        end = at + 1 + size
        if end > len(data):
            raise WireError(f"a label of {size} bytes, but {len(data) - at - 1} are left", offset=at)
        if end - start >= _MAX_NAME:
            raise WireError(f"a name of more than {_MAX_NAME} bytes", offset=start)
        labels.append(data[at + 1 : end])
        at = end
    if partial:
        return labels, False, at
    raise WireError("a name without its end", offset=start)


def join_labels(labels: list[bytes]) -> str:
    """Labels as text, without the dot at the end."""
    return ".".join(map(_label_text, labels))


def _label_text(label: bytes) -> str:
    return _SPECIAL.sub(_escape, label).decode("ascii")


def _escape(match: re.Match[bytes]) -> bytes:
    byte = match[0]
    return b"\\" + byte if byte in b".\\" else b"\\%03d" % byte[0]


def split_labels(text: str) -> tuple[list[bytes], bool]:
    """The inverse of ``join_labels``.

    Returns:
        The labels, and whether the text ends with the root's dot.

    Raises:
        EncodeError: It is no domain name.
    """
    if text in ("", "."):
        return [], text == "."
    labels = []
    at = 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if match is None or text[match.end() : match.end() + 1] not in ("", "."):
            raise EncodeError(f"{text!r}: a label of a domain name has 1 to {_MAX_LABEL} bytes")
        labels.append(_label_bytes(text, match[0]))
        at = match.end()
        if at == len(text):
            return _checked(text, labels), False
        at += 1
    return _checked(text, labels), True


def _label_bytes(text: str, label: str) -> bytes:
    try:
        data = _ESCAPE.sub(_unescape, label).encode("latin-1") if "\\" in label else label.encode("ascii")
    except UnicodeEncodeError:
        raise EncodeError(f"{text!r} is not ASCII; an international name is given in its xn-- form") from None
    if len(data) > _MAX_LABEL:
        raise EncodeError(f"{text!r}: a label of a domain name has 1 to {_MAX_LABEL} bytes")
    return data


def _unescape(match: re.Match[str]) -> str:
    escape = match[1]
    if len(escape) == 1:
        return escape
    if int(escape) > 255:
        raise EncodeError(f"\\{escape}: a byte is \\000 to \\255")
    return chr(int(escape))


def _checked(text: str, labels: list[bytes]) -> list[bytes]:
    if sum(map(len, labels)) + len(labels) + 1 > _MAX_NAME:
        raise EncodeError(f"{text!r}: a domain name has at most {_MAX_NAME} bytes")
    return labels


class DomainName(Item[str], SelfDelimited[str]):
    """One absolute name, not compressed."""

    name = "fqdn"

    def read(self, data: bytes, at: int) -> tuple[str, int]:
        labels, _, end = read_labels(data, at)
        return join_labels(labels) or ".", end

    def pack(self, value: Any) -> bytes:
        return b"".join(bytes((len(label),)) + label for label in _labels_of(value)) + b"\0"

    def value_of(self, text: str) -> str:
        return join_labels(_labels_of(text)) or "."


class CompressedNames(Array[str]):
    """Names one after the other, where a name may end with a pointer to one before it (RFC 3397 section 2).

    A pointer has to point at the beginning of a label, or of a pointer, of a name before its own, as every encoder
    makes it: so there are no loops, and each byte is read once.
    """

    def __init__(self) -> None:
        super().__init__(DomainName())
        self.name = "list of fqdn, compressed"

    def decode(self, data: bytes) -> tuple[str, ...]:
        if not data:
            raise WireError("no name", offset=0)
        names: list[str] = []
        suffixes: dict[int, tuple[str, int]] = {}
        at = 0
        while at < len(data):
            name, at = _read_compressed(data, at, suffixes)
            names.append(name)
        return tuple(names)

    def pack(self, value: Any) -> bytes:
        out = bytearray()
        offsets: dict[tuple[bytes, ...], int] = {}
        for name in self.items(value):
            _append_compressed(out, tuple(_labels_of(name)), offsets)
        return bytes(out)


def _labels_of(value: Any) -> list[bytes]:
    if not isinstance(value, str) or not value:
        raise EncodeError(f"{value!r} is not a domain name such as example.com")
    return split_labels(value)[0]


def _read_compressed(data: bytes, start: int, suffixes: dict[int, tuple[str, int]]) -> tuple[str, int]:
    """The name at ``data[start]`` and the offset after it.

    ``suffixes`` holds, for every offset that a pointer may name, the rest of the name from there: text and size.
    """
    labels: list[tuple[int, bytes]] = []
    at = start
    while True:
        if at >= len(data):
            raise WireError("a name without its end", offset=start)
        size = data[at]
        if size == 0:
            text, total = "", 1
            end = at + 1
            break
        if size >= _POINTER:
            if at + 1 >= len(data):
                raise WireError("half a pointer", offset=at)
            target = (size & ~_POINTER) << 8 | data[at + 1]
            if target not in suffixes:
                raise WireError(f"a pointer to byte {target}, where no label of a name before begins", offset=at)
            text, total = suffixes[at] = suffixes[target]
            end = at + 2
            break
        if size > _MAX_LABEL:
            raise WireError(f"{size} is neither a label's length nor a pointer", offset=at)
        if at + 1 + size > len(data):
            raise WireError(f"a label of {size} bytes, but {len(data) - at - 1} are left", offset=at)
        if len(labels) == _MAX_NAME // 2:
            raise WireError(f"a name of more than {_MAX_NAME} bytes", offset=start)
        labels.append((at, data[at + 1 : at + 1 + size]))
        at += 1 + size
    for offset, label in reversed(labels):
        total += 1 + len(label)
        if total > _MAX_NAME:
            raise WireError(f"a name of more than {_MAX_NAME} bytes", offset=start)
        text = f"{_label_text(label)}.{text}" if text else _label_text(label)
        suffixes[offset] = text, total
    return text or ".", end


def _append_compressed(out: bytearray, labels: tuple[bytes, ...], offsets: dict[tuple[bytes, ...], int]) -> None:
    for i, label in enumerate(labels):
        target = offsets.get(labels[i:])
        if target is not None:
            out += (_POINTER << 8 | target).to_bytes(2, "big")
            return
        if len(out) <= _MAX_POINTER:
            offsets[labels[i:]] = len(out)
        out.append(len(label))
        out += label
    out.append(0)
