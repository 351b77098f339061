"""A worker takes one core, since there is one worker a core."""

from __future__ import annotations

import subprocess
import sys

import pytest

THREADS = """
import os
os.environ.pop("OMP_NUM_THREADS", None)
os.environ.pop("OPENCV_FOR_THREADS_NUM", None)
{limit}
import cv2, torch
print(cv2.getNumThreads(), torch.get_num_threads())
"""
LIMIT = "from antibench.engine.worker import one_thread; one_thread()"


def threads(limit: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", THREADS.format(limit=limit)], capture_output=True, text=True, check=True, timeout=120
    )
    return [int(count) for count in done.stdout.split()]


def test_libraries_compute_in_one_thread() -> None:
    if min(threads("")) == 1:
        pytest.skip("one core: the libraries take one thread unasked")
    assert threads(LIMIT) == [1, 1]
