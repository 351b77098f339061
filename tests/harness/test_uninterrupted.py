"""A worker's start is whole: an interrupt waits for it, whichever thread the system gives it to."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from antibench.engine.local import LocalPool
from antibench.engine.uninterrupted import uninterrupted
from antibench.jobs import Job


@pytest.fixture(autouse=True)
def another_thread() -> Iterator[None]:
    """A thread that takes signals, as those of libraries do; and Ctrl-C interrupts, however the tests were started."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    yield
    done.set()
    thread.join()
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.1)


def test_an_interrupt_waits_for_the_end() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 (the interrupt comes at the end of the block)
        with uninterrupted():
            interrupt()
            reached.append("end")
        reached.append("beyond")
    assert reached == ["end"]


def test_without_an_interrupt_all_is_as_before() -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with uninterrupted():
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_worker_is_started_whole_and_known_to_the_pool(tmp_path: Path) -> None:
    class Process:
        whole = False

        def start(self) -> None:
            interrupt()
            self.whole = True

    process = Process()
    pool = LocalPool(tmp_path, ["cpu"])
    pool._context = cast(Any, SimpleNamespace(Pipe=multiprocessing.Pipe, Process=lambda **options: process))
    with pytest.raises(KeyboardInterrupt):
        pool.submit(cast(Job, None))
    assert process.whole
    assert [worker.process for worker in pool._workers] == [process]
