"""The built-in metrics whose networks do not come along, and where each is held to the contract."""

from __future__ import annotations

from antibench.registry import METRICS

ELSEWHERE = {
    "test_judge_buffalo": ("ism[buffalo_l]", "ism0[buffalo_l]", "ism-photo[buffalo_l]", "fdfr[buffalo_l]"),
    "test_judge_clib_fiqa": ("clib-fiqa",),
    "test_judge_deepface": ("ism[deepface]",),
    "test_judge_q_align": ("q-align-image", "q-align-video"),
}
"""By the test that has others in the place of their networks."""
NEEDS_DOWNLOAD = "lpips[alex]"
DOWNLOADED = {NEEDS_DOWNLOAD, *(name for names in ELSEWHERE.values() for name in names)}
FETCHED = "(weights to be fetched)"
"""Ends their summaries. Those that are not `DOWNLOADED` are of `test_metric_fetched`, which has small instances."""
_BUILTIN = [entry for entry in METRICS.entries() if entry.origin == "antibench" and entry.name not in DOWNLOADED]
WITH_SMALL_INSTANCES = [entry.name for entry in _BUILTIN if entry.summary.endswith(FETCHED)]
COMPLETE = [entry.name for entry in _BUILTIN if not entry.summary.endswith(FETCHED)]
"""Metrics that run as they are."""
