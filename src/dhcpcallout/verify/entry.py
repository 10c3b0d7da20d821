"""The entry point of a native callout, called directly: with versions that there are not, and guarded memory."""

from collections.abc import Callable, Sequence

from ..loaders.abi import DECLARATIONS, ENTRY_POINT, multi_sz

__all__ = ["try_entry_point"]

_GUARD = b"\xa5\x5a\xc3\x3c" * 64
_VERSIONS = (0, 1, 2, 0xFFFFFFFF)
"""Of the callout ABI, of which 0 is the only one."""


def try_entry_point(path: str, chain: Sequence[str], find: Callable[[str, str], None]) -> None:
    """Call a library's entry point with each version, and look at what it wrote, and where.

    Args:
        path: The library. One that cannot be loaded, or exports no entry point, is left to the loader to refuse.
        chain: The names for ``ChainDlls``.
        find: Called with the kind and the text of each finding.
    """
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    try:
        library = ffi.dlopen(path)
        entry_point = getattr(library, ENTRY_POINT)
    except (OSError, AttributeError):
        return
    size = ffi.sizeof("DHCP_CALLOUT_TABLE")
    names = multi_sz(chain)
    accepted = []
    for version in _VERSIONS:
        # Of pointers, for the alignment.
        table_block = ffi.new("uintptr_t[]", (size + len(_GUARD)) // ffi.sizeof("uintptr_t"))
        chain_block = ffi.new("uint16_t[]", (len(names) + len(_GUARD)) // 2)
        table_bytes, chain_bytes = ffi.buffer(table_block), ffi.buffer(chain_block)
        table_bytes[size : size + len(_GUARD)] = _GUARD
        chain_bytes[:] = names + _GUARD
        table = ffi.cast("DHCP_CALLOUT_TABLE *", table_block)
        status = entry_point(chain_block, version, table)
        if table_bytes[size : size + len(_GUARD)] != _GUARD:
            find("entry", f"it wrote behind the {size} bytes of the table (version {version})")
        if chain_bytes[len(names) :] != _GUARD:
            find("entry", f"it wrote behind ChainDlls (version {version})")
        if chain_bytes[: len(names)] != names:
            find("chain", "it wrote to ChainDlls")
        if status == 0 and version > 0:
            accepted.append(version)
        if status == 0:
            for member in ("DhcpExtensionHook", "DhcpReservedHook"):
                if getattr(table, member) != ffi.NULL:
                    find("reserved", f"it fills {member}")
    if accepted:
        find("version", f"it accepts versions that there are not: {', '.join(map(str, accepted))}")
