"""Run Python with some arguments in a Windows console of its own, and press Ctrl-C there when a line is to be read."""

import ctypes
import signal
import subprocess
import sys

assert sys.platform == "win32"

INSIDE = "--inside"


def main() -> int:
    if sys.argv[1] != INSIDE:
        command = [sys.executable, __file__, INSIDE, *sys.argv[1:]]
        return subprocess.run(
            command, check=False, stdin=sys.stdin, stdout=sys.stdout, creationflags=subprocess.CREATE_NO_WINDOW
        ).returncode
    signal.signal(signal.SIGINT, lambda *_: None)  # the console tells all its processes
    process = subprocess.Popen([sys.executable, *sys.argv[2:]], stdin=subprocess.DEVNULL, stderr=sys.stdout)
    if sys.stdin.readline():
        ctypes.windll.kernel32.GenerateConsoleCtrlEvent(signal.CTRL_C_EVENT, 0)
    else:
        process.kill()
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
