"""Work that Ctrl-C must not cut in two."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off SIGINT and SIGTERM to the end of the block; a process started within it has SIGINT blocked for good.

    Blocking alone would not do: the system gives the signal to any thread that does not block it, as those of
    libraries do not, and Python acts on it in the main thread all the same.
    """
    came: list[int] = []
    in_main = threading.current_thread() is threading.main_thread()  # the only one that Python interrupts
    handlers = {
        number: signal.signal(number, lambda number, frame: came.append(number))
        for number in ((signal.SIGINT, signal.SIGTERM) if in_main else ())
    }
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
