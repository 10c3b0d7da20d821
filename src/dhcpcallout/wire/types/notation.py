r"""How values are written for people: lists, fields, groups and quoted texts.

::

    10.0.0.1, 10.0.0.2                    a list
    10.0.0.0/8 via 10.0.0.1               fields
    flags=S name=host.example.com.        named fields
    {a, b} c                              a list as a field: a group
    "two words", "tab\x09", "\xff"        texts that need quotes; \xNN is a byte, \" and \\ themselves

Everything is on one line and printable: control characters and bytes that are not UTF-8 are always written ``\xNN``.
"""

import re

from ...errors import EncodeError

__all__ = [
    "as_field",
    "as_item",
    "decode_utf8",
    "encode_utf8",
    "quote",
    "quoted_if_needed",
    "split_fields",
    "split_list",
    "ungroup",
    "unquoted",
]

_BARE = re.compile(r"[^\s,{}\"]+")
_CLEAR = re.compile(r"[^\s\"](.*\S)?")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\Z', re.DOTALL)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)


def decode_utf8(data: bytes) -> str:
    """Text from the wire; a byte that is not UTF-8 becomes a lone surrogate (PEP 383), so that none is lost."""
    return data.decode("utf-8", "surrogateescape")


def encode_utf8(text: str) -> bytes:
    """The inverse of ``decode_utf8``.

    Raises:
        EncodeError: It has a surrogate that stands for no byte.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise EncodeError(f"{text!r} has a character that UTF-8 cannot hold, at {error.start}") from None


def quote(text: str) -> str:
    """``text`` in quotation marks, printable."""
    return '"' + "".join(_escaped(c) for c in text) + '"'


def _escaped(c: str) -> str:
    if c in '"\\':
        return "\\" + c
    if c.isprintable():
        return c
    return "".join(f"\\x{byte:02x}" for byte in encode_utf8(c))


def quoted_if_needed(text: str, *, alone: bool) -> str:
    """``text`` as it is where that is clear, else in quotation marks.

    Args:
        text: Any text.
        alone: Whether nothing else follows or precedes, so that spaces, commas and braces need no quotes.
    """
    if not text.isprintable():
        return quote(text)
    pattern = _CLEAR if alone else _BARE
    return text if pattern.fullmatch(text) else quote(text)


def unquoted(text: str) -> str:
    """The inverse of ``quoted_if_needed``.

    Raises:
        EncodeError: A quotation mark begins it and none ends it, or an escape is unknown.
    """
    if not text.startswith('"'):
        return text
    match = _QUOTED.fullmatch(text)
    if match is None:
        raise EncodeError(f"{text}: a text that begins with a quotation mark ends with one")
    parts = []
    at = 0
    body = match[1]
    for escape in _ESCAPE.finditer(body):
        parts.append(encode_utf8(body[at : escape.start()]))
        parts.append(_unescaped(escape[1]))
        at = escape.end()
    parts.append(encode_utf8(body[at:]))
    return decode_utf8(b"".join(parts))


def _unescaped(escape: str) -> bytes:
    if len(escape) == 3:
        return bytes.fromhex(escape[1:])
    if escape in '"\\':
        return escape.encode()
    raise EncodeError(f'\\{escape}: within quotation marks, \\", \\\\ and \\xNN are known')


def split_list(text: str) -> list[str]:
    """The items between commas, without the space around them.

    Raises:
        EncodeError: An item is empty, or quotation marks or braces do not match.
    """
    if not text.strip():
        return []
    items = [item.strip() for item in _split(text, ",")]
    if "" in items:
        raise EncodeError(f'{text}: nothing between two commas; an empty text is written ""')
    return items


def split_fields(text: str) -> list[str]:
    """The fields between spaces.

    Raises:
        EncodeError: Quotation marks or braces do not match.
    """
    return [field for field in _split(text, " \t") if field]


def _split(text: str, separators: str) -> list[str]:
    parts = []
    start = depth = 0
    quoted = escaped = False
    for i, c in enumerate(text):
        if quoted:
            if escaped:
                escaped = False
            elif c == "\\":
                escaped = True
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
        elif c == "{":
            depth += 1
        elif c == "}":
            depth -= 1
            if depth < 0:
                break
        elif depth == 0 and c in separators:
            parts.append(text[start:i])
            start = i + 1
    if quoted or depth:
        raise EncodeError(f"{text}: {'quotation marks' if quoted else 'braces'} do not match")
    parts.append(text[start:])
    return parts


def as_item(text: str) -> str:
    """``text``, in braces where it would not stand as one item of a list."""
    return text if text and text[0] != "{" and len(_split(text, ",")) == 1 else f"{{{text}}}"


def as_field(text: str) -> str:
    """``text``, in braces where it would not stand as one field among others."""
    return text if text and text[0] != "{" and len(_split(text, ", \t")) == 1 else f"{{{text}}}"


def ungroup(text: str) -> str:
    """``text`` without the braces around it, if there are any."""
    if text.startswith("{") and text.endswith("}") and len(split_fields(text)) == 1:
        return text[1:-1].strip()
    return text
