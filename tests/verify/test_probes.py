"""What a process can tell of itself."""

import os
import signal
import sys
import threading

import pytest

from dhcpcallout.verify.probes import RunDelay, allocated_bytes, describe_process, usage


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells")
def test_descriptors_threads_and_memory_are_counted() -> None:
    before = usage()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    ends = os.pipe()
    block = bytearray(b"x") * 50_000_000
    after = usage()
    stop.set()
    thread.join()
    for end in ends:
        os.close(end)

    assert (before.descriptors, before.resident_bytes) != (None, None)
    assert after.threads == before.threads + 1
    assert (after.descriptors or 0) == (before.descriptors or 0) + 2
    assert (after.resident_bytes or 0) > (before.resident_bytes or 0) + 40_000_000
    assert after.python_blocks > 10_000
    assert len(block) == 50_000_000


def test_what_malloc_has_given_out_is_counted_where_glibc_tells() -> None:
    before = allocated_bytes()
    if before is None:
        pytest.skip("this C library does not tell")
    block = bytearray(100_000)
    assert (allocated_bytes() or 0) - before >= len(block)


def test_what_is_done_to_the_process_shows_in_its_description() -> None:
    before = describe_process()
    handler = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    umask = os.umask(0o123)
    try:
        after = describe_process()
    finally:
        os.umask(umask)
        signal.signal(signal.SIGUSR1, handler)

    assert {name for name in before if before[name] != after[name]} == {"SIGUSR1", "the umask"}
    assert after["the umask"] == "123"
    assert describe_process() == before


def test_time_that_others_ran_is_told_and_only_grows() -> None:
    delay = RunDelay()
    first = delay.read_ns()
    assert 0 <= first <= delay.read_ns()
    delay.close()
    assert delay.read_ns() == 0
