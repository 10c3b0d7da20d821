"""The native loader: shared libraries that export ``DhcpServerCalloutEntry``, called in this process through cffi.

In-process means what it says: a native callout that crashes takes the server with it.
"""

import logging
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from struct import Struct
from typing import Any

from ..errors import CalloutFault, CalloutLoadError
from ..hooks import Callout, CalloutEntry, Drop, Replace
from .abi import BUFFER_SIZE, DECLARATIONS, ENTRY_POINT, ROWS, SERVER_OPTIONS_SIZE, Row, ServerOptions, multi_sz

__all__ = ["SUFFIXES", "BufferOverrun", "NativeLoader"]

_log = logging.getLogger(__name__)

SUFFIXES = (".dll", ".so", ".dylib")
"""What the name of a shared library ends in, in any case."""

_GUARD = b"\xa5\x5a\xc3\x3c" * 64
"""What follows the buffer, and must still follow it after each call."""

_POINTED_AT = Struct("@PIi")
"""What follows the guard: a pointer to the buffer, the message's size and ProcessIt, which hooks may set."""


class BufferOverrun(CalloutFault):
    """A hook wrote behind its buffer: what else it has written to, nobody knows."""


class NativeLoader:
    """Loads shared libraries by the callout ABI."""

    name = "native"

    def accepts(self, entry: str) -> bool:
        """Whether the entry ends in .dll, .so or .dylib."""
        return entry.lower().endswith(SUFFIXES)

    def load(self, entry: str, call: CalloutEntry) -> Callout:
        """Load a library and call its entry point: with ``call.version``, then with each older version that there is.

        Raises:
            CalloutLoadError: It is no shared library of this machine's kind, exports no entry point, or its entry
                point refused every version.
        """
        ffi = _ffi()
        try:
            library = _open(ffi, entry)
        except OSError as error:
            raise CalloutLoadError(str(error)) from error
        try:
            return _NativeCallout(ffi, library, entry, call)
        except CalloutLoadError:
            ffi.dlclose(library)
            raise


@cache
def _ffi() -> Any:
    # Imported here because only whoever loads a native callout needs it, and the declarations take long to parse.
    from cffi import FFI

    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    ffi.cdef("void *dlopen(const char *path, int flags); char *dlerror(void);")
    return ffi


def _open(ffi: Any, path: str) -> Any:
    """Load a shared library.

    Raises:
        OSError: The system cannot load it.
    """
    if os.name != "posix":
        return ffi.dlopen(path)
    # ffi.dlopen(path) would try ctypes after a failure: it runs the C compiler to look for another library, and cannot
    # be imported where memory must not be both writable and executable.
    system = ffi.dlopen(None)
    dlopen, dlerror = system.dlopen, system.dlerror  # looking a function up forgets the last error
    # All symbols at once: one that is missing must not end the server in the middle of a packet.
    handle = dlopen(os.fsencode(path), os.RTLD_NOW | os.RTLD_LOCAL)
    if not handle:
        raise OSError(ffi.string(dlerror()).decode(errors="replace"))
    return ffi.dlopen(handle)


class _NativeCallout(Callout):
    """The hooks of one library as functions on slots.

    All memory that hooks are lent is made once: hooks are called by one thread, one after the other.
    """

    def __init__(self, ffi: Any, library: Any, path: str, call: CalloutEntry) -> None:
        super().__init__(Path(path).name)
        self._ffi = ffi
        self._library: Any = library
        # Kept as long as the callout: it may hold on to either pointer.
        self._chain = ffi.new("uint16_t[]", memoryview(multi_sz(call.chain)).cast("H").tolist())
        self._table = ffi.new("DHCP_CALLOUT_TABLE *")
        self._enter(path, call.version)
        memories: dict[str, _Memory] = {}
        for row in ROWS:
            function = getattr(self._table, row.member)
            if function != ffi.NULL:
                if row.shown not in memories:
                    memories[row.shown] = _Memory(ffi, f"PktContext of {path}")
                self.register(row.slot.name, self._hook(row, function, memories[row.shown]))

    def _enter(self, path: str, newest: int) -> None:
        try:
            entry_point = getattr(self._library, ENTRY_POINT)
        except AttributeError as error:
            raise CalloutLoadError(f"{path}: it does not export {ENTRY_POINT}") from error
        for version in range(newest, -1, -1):
            self._ffi.memmove(self._table, bytes(self._ffi.sizeof(self._table[0])), self._ffi.sizeof(self._table[0]))
            status = entry_point(self._chain, version, self._table)
            if status == 0:
                return
        raise CalloutLoadError(f"{path}: {ENTRY_POINT} returned {status} (0x{status:08X})")

    def close(self) -> None:
        """Unload the library; its functions are faults from then on."""
        if self._library is not None:
            self._ffi.dlclose(self._library)
            self._library = None

    def _hook(self, row: Row, function: Any, memory: "_Memory") -> Callable[[Any], Drop | Replace | None]:
        call, content, by_reference, begins = row.call, row.content, row.by_reference, row.begins
        hook_name, may_answer = row.member, row.slot.may_answer
        told = False

        # Told by one comparison that a hook left everything as it was, which nearly all do (benchmarks/bench_hooks.py).
        whole = memory.whole
        context_ref = memory.context_ref

        def hook(event: Any) -> Drop | Replace | None:
            nonlocal told
            if self._library is None:
                raise CalloutFault(f"{hook_name} of {self.name} was called after the callout was closed")
            data = content(event)
            if data is not memory.data:
                memory.fill(data)
            status = call(function, memory, event)
            if begins and (packet_context := context_ref[0]):
                event.context[memory.context_key] = packet_context
                context_ref[0] = memory.null
            if status and not told:
                told = True
                _log.warning(
                    "callout %s: %s returned %d; the return value of a hook changes nothing, and is not logged again",
                    self.name,
                    hook_name,
                    status,
                )
            if whole == memory.image:
                return None
            memory.data = None  # is to be filled anew
            memory.check_guard(hook_name)
            if not by_reference:
                return None
            after = memory.packet_after(hook_name)
            if begins and not memory.process_ref[0]:
                return Drop()
            return Replace(after) if may_answer and after != data[:BUFFER_SIZE] else None

        return hook


class _Memory:
    """The memory of a call, as ``abi.Frame`` says: a buffer with its guard, and what pointers point to.

    Attributes:
        data: The message that was put in the buffer; None where the memory is no longer as ``fill`` left it.
        whole: The memory itself: the buffer, the guard and what a hook may set by its pointers, but for the PktContext.
        image: What ``fill`` has put there.
    """

    __slots__ = (
        "_address", "_block", "_buffer", "_ffi", "_guard", "_options", "_options_image", "_server_options", "_tail",
        "context_key", "context_ref", "data", "image", "null", "packet", "packet_ref", "process_ref", "size",
        "size_ref", "whole",
    )  # fmt: skip

    def __init__(self, ffi: Any, context_key: str) -> None:
        self._ffi = ffi
        self.context_key = context_key
        block = ffi.new("uint8_t[]", BUFFER_SIZE + len(_GUARD) + _POINTED_AT.size)
        self._block = block
        self._address = int(ffi.cast("uintptr_t", block))
        self._buffer = ffi.buffer(block, BUFFER_SIZE)
        self._guard = ffi.buffer(block + BUFFER_SIZE, len(_GUARD))
        self.data: bytes | None = None
        self.whole = ffi.buffer(block)
        self.image = b""
        self._tail = b""
        # Of units as long as a pointer, for the alignment.
        self._options = ffi.new("uintptr_t[]", SERVER_OPTIONS_SIZE // ffi.sizeof("uintptr_t"))
        self._options_image = ffi.buffer(self._options)
        self._server_options = ServerOptions(self._address)
        self.null = ffi.NULL
        self.packet = ffi.cast("uint8_t *", block)
        self.size = -1
        behind = block + BUFFER_SIZE + len(_GUARD)
        self.packet_ref = ffi.cast("uint8_t **", behind)
        self.size_ref = ffi.cast("uint32_t *", behind + ffi.sizeof("void *"))
        self.process_ref = ffi.cast("int32_t *", behind + ffi.sizeof("void *") + 4)
        self.context_ref = ffi.new("void **")

    def fill(self, data: bytes) -> None:
        """Put a message in the buffer; one that is longer is shown in part."""
        self.data = data
        shown = data[:BUFFER_SIZE]
        if len(shown) != self.size:
            self.size = len(shown)
            # Zeros behind it, so that no callout that goes too far reads, or sends, another client's packet.
            self._tail = bytes(BUFFER_SIZE - self.size) + _GUARD + _POINTED_AT.pack(self._address, self.size, 1)
        self.image = self.whole[:] = shown + self._tail

    def options(self, event: Any) -> Any:
        self._options_image[:] = self._server_options.image(event.data[:BUFFER_SIZE])
        return self._options

    def check_guard(self, hook_name: str) -> None:
        """Look whether a hook wrote behind the buffer.

        Raises:
            BufferOverrun: It did.
        """
        if self._guard != _GUARD:
            raise BufferOverrun(f"{hook_name} wrote behind the {BUFFER_SIZE} bytes of its buffer")

    def packet_after(self, hook_name: str) -> bytes:
        """A copy of the message as a hook left it, in our buffer or in one of its own.

        Raises:
            CalloutFault: It left none, or one too long.
        """
        size: int = self.size_ref[0]
        packet = self.packet_ref[0]
        if size > BUFFER_SIZE:
            raise CalloutFault(f"{hook_name} set *PacketSize to {size}; {BUFFER_SIZE} is the most")
        if not packet:
            raise CalloutFault(f"{hook_name} set *Packet to NULL")
        message: bytes = self._buffer[:size] if packet == self.packet else self._ffi.buffer(packet, size)[:]
        return message
