"""Where each option goes: its place in the order, and its field when the options field cannot hold them all."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .header import END, FILE_SIZE, MAX_PART, OVERLOAD, SNAME_SIZE

__all__ = ["Layout", "arrange", "encode_option", "fit"]

SUBNET_MASK, ROUTER, MESSAGE_TYPE, AGENT = 1, 3, 53, 82

OPTIONS_FIELD_ONLY = frozenset((OVERLOAD, MESSAGE_TYPE, AGENT))
"""RFC 3046 section 2.2: an echoed option 82 never stands in sname or file. The message type stands where relay agents
and filters look for it."""

KEPT_LONGEST = (
    MESSAGE_TYPE,  # RFC 2131 section 3: in every DHCP message
    AGENT,  # RFC 3046 section 2.2: echoed in all replies; a relay agent may need it to deliver the reply
    54,  # server identifier: RFC 2131 table 3, MUST in what a server sends
    51,  # lease time: RFC 2131 table 3, MUST in OFFER and in the ACK of a REQUEST
    50,  # requested address: RFC 2131 table 5, MUST in DECLINE and in a first REQUEST
    61,  # client identifier: RFC 6842 section 3, MUST be echoed
    80,  # rapid commit: RFC 4039 section 3.1, MUST be in the ACK of a two-message exchange
    118,  # subnet selection: RFC 3011, echoed by a server that obeys it
    90,  # authentication: RFC 3118, what lacks it is discarded
)
"""The options without which the message is wrong or useless: the first to get room, so the last to be omitted."""


class Layout(NamedTuple):
    """Options encoded for each field.

    Attributes:
        options: What stands behind the magic cookie, its end option included and no padding.
        file, sname: The same for the overloaded fields; None where the field is not overloaded.
        omitted: The codes of the options that did not fit, in the order in which they were tried.
    """

    options: bytes
    file: bytes | None
    sname: bytes | None
    omitted: tuple[int, ...]


def arrange(options: Mapping[int, bytes], order: Iterable[int]) -> list[tuple[int, bytes]]:
    """Put options in the order of the wire.

    The message type comes first, option 82 last (RFC 3046 section 2.2), the rest in ``order``, which is the client's
    parameter request list (RFC 2132 section 9.8), and then in the mapping's own order; but the subnet mask always comes
    before the routers (RFC 2132 section 3.3). Option 52 is left out: the layout makes it.
    """
    rest = dict(options)
    rest.pop(OVERLOAD, None)
    arranged = []
    if MESSAGE_TYPE in rest:
        arranged.append((MESSAGE_TYPE, rest.pop(MESSAGE_TYPE)))
    agent = rest.pop(AGENT, None)
    for code in order:
        if code in rest:
            if code == ROUTER and SUBNET_MASK in rest:
                arranged.append((SUBNET_MASK, rest.pop(SUBNET_MASK)))
            arranged.append((code, rest.pop(code)))
    if ROUTER in rest and SUBNET_MASK in rest:
        arranged.append((SUBNET_MASK, rest.pop(SUBNET_MASK)))
    arranged += rest.items()
    if agent is not None:
        arranged.append((AGENT, agent))
    return arranged


def fit(options: Sequence[tuple[int, bytes]], room: int, *, file: bool, sname: bool) -> Layout:
    """Lay options out in at most ``room`` bytes of the options field, overloading other fields where that helps.

    An option goes whole into the first field that has room for it. One that fits no field whole is split over what
    is left of them (RFC 3396). One for which that is not enough either is omitted; those of ``KEPT_LONGEST`` are
    placed first, the others in their order, which is the client's order of preference.

    Args:
        options: Codes and whole values, in the order of the wire.
        room: Bytes behind the cookie, the end option included; at least 1.
        file: Whether that field is free to be overloaded.
        sname: Whether that field is.
    """
    tried = [OVERLOAD]
    tried += (code for code in KEPT_LONGEST if any(code == present for present, _ in options))
    tried += (code for code, _ in options if code not in KEPT_LONGEST)
    layouts = []
    # As few fields as will do, the larger one first.
    for overload in (0, 1, 3) if file and sname else (0, 1) if file else (0, 2) if sname else (0,):
        layout = _lay_out(options, tried, room, overload)
        if not layout.omitted:
            return layout
        layouts.append(layout)
    # The one whose first omission matters least: option 52 may cost another its place, or find none itself.
    return max(layouts, key=lambda layout: [*map(tried.index, layout.omitted), len(tried)])


def encode_option(code: int, value: bytes) -> bytes:
    """An option as one or, where it is longer than 255 bytes, several parts (RFC 3396 section 5)."""
    parts = (value[at : at + MAX_PART] for at in range(0, max(len(value), 1), MAX_PART))
    return b"".join(bytes((code, len(part))) + part for part in parts)


def _lay_out(options: Sequence[tuple[int, bytes]], tried: Sequence[int], room: int, overload: int) -> Layout:
    """Place what fits into the options field and the fields that ``overload`` (option 52) says."""
    if overload:
        first = 1 if options and options[0][0] == MESSAGE_TYPE else 0
        options = [*options[:first], (OVERLOAD, bytes((overload,))), *options[first:]]
    values = dict(options)
    # In the order in which parts are joined (RFC 3396 section 5); a field that is not overloaded has no room.
    left = [room - 1, FILE_SIZE - 1 if overload & 1 else 0, SNAME_SIZE - 1 if overload & 2 else 0]
    placed: list[dict[int, bytes]] = [{}, {}, {}]
    omitted = []
    for code in tried:
        value = values.get(code)
        if value is None:
            continue
        fields = (0,) if code in OPTIONS_FIELD_ONLY else (0, 1, 2)
        shares = _shares(len(value), [left[field] for field in fields])
        if shares is None:
            omitted.append(code)
            continue
        at = 0
        for field, share in zip(fields, shares, strict=True):
            if share is not None:
                part = encode_option(code, value[at : at + share])
                placed[field][code] = part
                left[field] -= len(part)
                at += share
    encoded = [b"".join(parts[code] for code, _ in options if code in parts) + bytes((END,)) for parts in placed]
    return Layout(
        encoded[0], encoded[1] if overload & 1 else None, encoded[2] if overload & 2 else None, tuple(omitted)
    )


def _shares(size: int, left: Sequence[int]) -> list[int | None] | None:
    """How many of a value's bytes each field gets: all of them the first that can, else each what it can; or None."""
    room = [_room_for_value(field) for field in left]
    for field, most in enumerate(room):
        if most is not None and size <= most:
            return [size if other == field else None for other in range(len(left))]
    shares: list[int | None] = []
    for most in room:
        share = min(size, most or 0)
        shares.append(share or None)
        size -= share
    return shares if any(shares) and not size else None


def _room_for_value(left: int) -> int | None:
    """The longest value that ``left`` bytes can hold with its codes and lengths; None where not even an empty one."""
    if left < 2:
        return None
    whole, rest = divmod(left, MAX_PART + 2)
    return whole * MAX_PART + max(rest - 2, 0)
