"""Runs a command that ends with the process that asked for it, however that ends: `python leash.py PID COMMAND ...`.

A trainer has a process group of its own, which a killed specmill (kill -9, out of memory) would leave behind: it would
go on writing into the folder that the next run trains in. It needs the standard library alone.
"""

import os
import signal
import subprocess
import sys
import threading
import time

EVERY_S = 0.5


def main() -> int:
    """Run the command; its exit code, or 128 and the number of the signal that ended it."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    code = subprocess.call(command, close_fds=False)  # what we hold (the lock of the folder) it holds too
    return code if code >= 0 else 128 - code


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY_S)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
