"""A worker process: takes jobs from a pipe until the pipe or its parent ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker needs to know. `device` is a torch device string, `weights` are paths of local ones by digest."""

    store: Path
    device: str
    plugin_files: tuple[Path, ...] = ()
    weights: dict[str, Path] = field(default_factory=dict)


def serve(pipe: Connection, settings: WorkerSettings) -> None:
    """Run jobs until told to stop."""
    _die_with_parent()
    os.dup2(2, 1)  # what a plugin prints must not end up in the coordinator's output

    one_thread()  # after the watch on the parent: importing takes seconds

    from antibench.engine.bench import Bench
    from antibench.engine.memory import process_peak_mib
    from antibench.registry import load_plugin_file
    from antibench.store import Store

    for file in settings.plugin_files:
        load_plugin_file(file)
    bench = Bench(Store(settings.store), settings.device, settings.weights)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            pipe.send((bench.perform(pipe.recv()), process_peak_mib()))


def one_thread() -> None:
    """Let torch and OpenCV compute in one thread: results must not depend on the machine's cores, which workers share.

    OpenCV reads its variable when it is first imported, which is later, by the plugins that need it.
    """
    os.environ["OPENCV_FOR_THREADS_NUM"] = "1"
    import torch

    torch.set_num_threads(1)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)  # nothing to save: files appear whole or not at all

    threading.Thread(target=watch, daemon=True).start()
