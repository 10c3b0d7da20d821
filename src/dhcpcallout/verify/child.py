"""Runs scenarios and tells what happens as it happens: in a process of its own (``__main__``), or in the caller's.

Over standard output goes a line at a time: ``>hook`` before a call and ``<`` after it, ``@name|hex`` for the datagram
that comes next, and JSON objects.
"""

import base64
import gc
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import Any

from ..errors import CalloutLoadError
from ..hooks import ABI_SLOTS
from .probes import limit_memory
from .report import Finding
from .scenarios import SCENARIOS, Captured, Job, Run, ScenarioDone, SecondLoadError
from .watch import LOST, Watch, describe

__all__ = ["job_from_dict", "job_to_dict", "main", "run_scenarios"]

HIGH = 700
"""From which number on the channel's descriptor is: out of the way of those that close what they have not opened."""

_SLOTS = {slot.abi_name: slot.name for slot in ABI_SLOTS}


def run_scenarios(
    job: Job,
    names: Sequence[str],
    mark: Callable[[str], None],
    send: Callable[[Mapping[str, Any]], None],
    *,
    descriptors: tuple[int, ...] = (),
    interruptible: bool = False,
) -> None:
    """Run scenarios, one after the other, until one cannot load the callout.

    Args:
        job: What is to be verified.
        names: Which scenarios.
        mark: Called before and after each call into the callout.
        send: Called with each message: that a scenario begins or ends, the callout is loaded, something is found.
        descriptors: What the callout must leave open for the verifier's sake.
        interruptible: Whether KeyboardInterrupt is the user's, and not the callout's.
    """
    watch = Watch(mark, lambda finding: send({"finding": _fields(finding)}), descriptors)
    run = Run(job, watch, lambda name, slots: send({"loaded": name, "slots": list(slots)}))
    with closing(watch), _statuses(watch):
        for name in names:
            send({"begin": name})
            watch.begin(name)
            run.begin()
            started_s, outcome = time.monotonic(), "done"
            try:
                SCENARIOS[name](run)
            except ScenarioDone:
                outcome = "cut short"
            except SecondLoadError as error:
                send({"again": name, "why": str(error)})
                return
            except CalloutLoadError as error:
                watch.find("load", str(error))
                outcome = "load"
            except BaseException as error:
                outcome = "crash"
                if not watch.broken:
                    if error is not watch.raised or (interruptible and isinstance(error, KeyboardInterrupt)):
                        raise
                    watch.find("crash", f"{describe(error)}: no server catches that")
            send({"end": name, "outcome": outcome, "seconds": time.monotonic() - started_s, "observed": watch.end()})
            if outcome == "load" or watch.broken:
                return
    send({"done": True})


def _fields(finding: Finding) -> dict[str, str]:
    return {name: value for name, value in asdict(finding).items() if value}


@contextmanager
def _statuses(watch: Watch) -> Iterator[None]:
    """Have the watch told of what native hooks return: their loader puts it in the log, once a hook."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if isinstance(record.args, tuple) and len(record.args) == 3 and record.args[1] in _SLOTS:
                watch.status(_SLOTS[str(record.args[1])], int(str(record.args[2])))

    logger, handler = logging.getLogger("dhcpcallout.loaders.native"), Handler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def job_to_dict(job: Job) -> dict[str, Any]:
    """A job for JSON."""
    return asdict(job) | {
        "hardware_addresses": [address.hex() for address in job.hardware_addresses],
        "captured": [[*one[:2], base64.b64encode(one.payload).decode("ascii")] for one in job.captured],
    }


def job_from_dict(fields: Mapping[str, Any]) -> Job:
    """A job from JSON."""
    return Job(
        **{
            **fields,
            "chain": tuple(fields["chain"]),
            "hardware_addresses": tuple(map(bytes.fromhex, fields["hardware_addresses"])),
            "captured": tuple(
                Captured(source, port, base64.b64decode(data)) for source, port, data in fields["captured"]
            ),
        }
    )


def main() -> None:
    """Take a job, as a line of JSON, from standard input; tell what becomes of it over standard output."""
    request = json.loads(sys.stdin.buffer.readline())
    channel = _take_channel()

    def write(text: str) -> None:
        data = memoryview(text.encode("utf-8", "surrogateescape") + b"\n")
        try:
            while data:
                data = data[os.write(channel, data) :]
        except OSError:
            os._exit(LOST)

    def send(message: Mapping[str, Any]) -> None:
        write(json.dumps(message))

    gc.freeze()  # what is here by now stays: collecting what callouts leave need not look at it again and again
    if request["memory_bytes"]:
        limit_memory(request["memory_bytes"])
    try:
        run_scenarios(job_from_dict(request["job"]), request["names"], write, send, descriptors=(channel,))
    except BaseException:
        send({"failed": traceback.format_exc()})


def _take_channel() -> int:
    """Standard output for the verifier alone; what others print goes to standard error."""
    sys.stdout.flush()
    if sys.platform == "win32":
        channel = os.dup(1)
    else:
        import fcntl

        channel = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, HIGH)
    os.dup2(2, 1)
    return channel
