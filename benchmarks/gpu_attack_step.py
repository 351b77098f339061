"""Time and memory of one step of a protection on the real models at full size, with random weights.

For each configuration: milliseconds a step (median of the steps after the warm-up), the most memory at once, the FLOP
that a step cannot avoid, and the share of the time that these would take at the device's peak. "anti-i2v" draws clip,
noise level and noise from a few triples, so that the target photo's features are computed once for each (its parameter
`draws`); "anti-i2v-photo" takes its perceptual distance of the photo, the other reading of the paper, where nothing has
to be decoded and encoded again; "anti-i2v-fresh" draws anew each step, the default, and passes the target photo through
the denoiser each step. Every configuration runs in a process of its own. One JSON object a line goes to --json as soon
as it is known.

examples:
  python benchmarks/gpu_attack_step.py --budget 280 --json steps.jsonl
  python benchmarks/gpu_attack_step.py --model cogvideox-5b-i2v --frames 16 --mode compiled --attention torch cudnn
  python benchmarks/gpu_attack_step.py --model cogvideox-5b-i2v --frames 16 --mode low-memory --protection anti-i2v
  python benchmarks/gpu_attack_step.py --frames 16 --mode compiled --profile
  python benchmarks/gpu_attack_step.py --tiny --device cpu --mode eager
  python benchmarks/gpu_attack_step.py --table steps.jsonl
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import importlib.util
import itertools
import json
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
COMPUTING: dict[str, dict[str, Any]] = {
    "eager": {"recompute": 0.0},
    "compiled": {"recompute": 0.0, "compiled": True},
    "compiled-float8": {"recompute": 0.0, "compiled": True, "float8": True},
    "low-memory": {"low_memory": True},
    "low-memory-compiled": {"low_memory": True, "compiled": True},
    "default": {},
}
"""What each mode sets of the models' parameters (`antibench.models.computing.Computing`)."""
PROTECTIONS = ("advdm", "anti-i2v", "anti-i2v-photo", "anti-i2v-fresh")
DRAWS = 2
"""Of "anti-i2v" while it is timed: a step costs the same with any number, only there are more first steps of each."""
PEAK = 989e12
"""Dense bfloat16 FLOP/s of an H100 SXM, by NVIDIA's data sheet."""
SIDE = 8192
"""Of the matrix product that shows what rate can be reached."""
LEAST_SECONDS = 20.0
"""A configuration that would have less is not begun."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What one process measures."""

    model: str
    frames: int
    mode: str
    attention: str


def parser() -> argparse.ArgumentParser:
    """The command line."""
    own = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    models = ("cogvideox-5b-i2v", "opensora-1.2", "dynamicrafter-512")
    own.add_argument("--model", nargs="+", choices=models, default=list(models))
    own.add_argument("--frames", nargs="+", type=int, help="default: 16 and 49 of CogVideoX, 51 of Open-Sora, else 16")
    own.add_argument("--protection", nargs="+", choices=PROTECTIONS, default=["advdm", "anti-i2v"])
    own.add_argument("--mode", nargs="+", choices=tuple(COMPUTING), default=["compiled", "low-memory", "eager"])
    own.add_argument("--attention", nargs="+", choices=("torch", "cudnn"), default=["torch"])
    own.add_argument("--recompute", type=float, help="share of the blocks that run again, in modes but low-memory")
    own.add_argument("--guided", action="store_true", help="both branches of guidance, as protections do by default")
    own.add_argument("--steps", type=int, default=6, help="steps that are counted (default 6)")
    own.add_argument("--device", default="cuda")
    own.add_argument("--peak", type=float, default=PEAK, help="FLOP/s of the device (default 989e12, an H100 SXM)")
    own.add_argument("--budget", type=float, default=float("inf"), help="seconds; what no longer fits is skipped")
    own.add_argument("--json", type=Path, metavar="FILE", help="append results here, one JSON object a line")
    own.add_argument("--table", type=Path, metavar="FILE", help="print the results in FILE as Markdown; run nothing")
    own.add_argument("--profile", action="store_true", help="print the kernels that take longest")
    own.add_argument("--tiny", action="store_true", help="tiny networks, to see that it runs")
    own.add_argument("--task", help=argparse.SUPPRESS)
    return own


def main() -> int:
    """Exit code 1 if a configuration failed."""
    given = parser().parse_args()
    if given.table:
        print(markdown([json.loads(line) for line in given.table.read_text().splitlines()]))
        return 0
    importable()
    if given.task:
        return measure(Task(**json.loads(given.task)), given)
    end = time.monotonic() + given.budget
    rows = [row for task in tasks(given) for row in ordered(task, given, end)]
    print_table(rows)
    return int(any(row["status"] == "failed" for row in rows))


def importable() -> None:
    """Run from a checkout as well as installed: three folders are packages of antibench only after installation."""
    sys.path.insert(0, str(ROOT))
    import antibench

    if importlib.util.find_spec("antibench.attacks") is None:
        antibench.__path__.append(str(ROOT))


def tasks(given: argparse.Namespace) -> Iterator[Task]:
    """All that is asked for, the first model first in every mode."""
    from full_size import MODELS

    for model in given.model:
        _, frames, tiny = MODELS[model]
        lengths = [tiny] if given.tiny else given.frames or frames
        for length, mode, attention in itertools.product(lengths, given.mode, given.attention):
            yield Task(model, length, mode, attention)


def ordered(task: Task, given: argparse.Namespace, end: float) -> Iterator[dict[str, Any]]:
    """Measure a task in a process of its own; its rows as they come, and one for each that does not come."""
    asked, seconds = list(given.protection), end - time.monotonic()
    if seconds < LEAST_SECONDS:
        for protection in asked:
            yield reported(task, protection, given, {"status": "skipped", "why": "no time left (--budget)"})
        return
    command = [sys.executable, "-u", __file__, *sys.argv[1:], "--task", json.dumps(dataclasses.asdict(task))]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    clock = threading.Timer(min(seconds, threading.TIMEOUT_MAX), child.kill)
    clock.start()
    try:
        for line in child.stdout:
            if line.startswith("{"):
                row = json.loads(line)
                asked.remove(row["protection"])
                yield reported(task, row["protection"], given, row)
            else:
                print(line, end="", flush=True)
        code = child.wait()
    finally:
        clock.cancel()
        child.kill()
    late = time.monotonic() >= end
    why = "ran past --budget" if late else f"its process ended with code {code}"
    for protection in asked:
        yield reported(task, protection, given, {"status": "skipped" if late else "failed", "why": why})


def reported(task: Task, protection: str, given: argparse.Namespace, row: dict[str, Any]) -> dict[str, Any]:
    """The whole row, printed and written."""
    row = {**dataclasses.asdict(task), "protection": protection, "guided": given.guided, **row}
    print(told(row), flush=True)
    if given.json:
        with given.json.open("a") as file:
            file.write(json.dumps(row) + "\n")
    return row


def measure(task: Task, given: argparse.Namespace) -> int:
    """The process of one task: one line of JSON a protection."""
    from full_size import Order, build
    from step_cost import GIB, matmul_rate

    computing = {**COMPUTING[task.mode], "attention": task.attention}
    if given.recompute is not None and not computing.get("low_memory"):
        computing["recompute"] = given.recompute
    start = time.perf_counter()
    model = build(Order(task.model, task.frames, given.device, computing, given.tiny))
    facts: dict[str, Any] = {"build_seconds": time.perf_counter() - start, "torch": torch.__version__, **computing}
    rate = matmul_rate(given.device, 64 if given.tiny else SIDE)
    if given.device.startswith("cuda"):
        torch.cuda.empty_cache()
        facts |= {"gpu": torch.cuda.get_device_name(), "weights_gib": torch.cuda.memory_allocated() / GIB}
    for protection in given.protection:
        try:
            row = {**facts, **cost(protection, model, given, rate), "status": "ok"}
        except Exception as error:
            traceback.print_exc()
            row = {**facts, "status": "failed", "why": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps({"protection": protection, **row}), flush=True)
        gc.collect()
        if given.device.startswith("cuda"):
            torch.cuda.empty_cache()
    return 0


def cost(protection: str, model: Any, given: argparse.Namespace, rate: float) -> dict[str, Any]:
    """Everything about one protection on one model."""
    from step_cost import GIB, WARM_UP, floor_flops, measured, times

    fresh = protection == "anti-i2v-fresh"
    draws = None if fresh else DRAWS
    steady, anchor = floor_flops(plugin(protection, given.guided, 1, 1), model, given.device)
    flops = steady + (anchor if fresh else 0)
    start = time.perf_counter()
    log = measured(plugin(protection, given.guided, WARM_UP + given.steps, draws), model, given.device)
    seconds = time.perf_counter() - start
    if given.profile:
        profiled(plugin(protection, given.guided, 2, draws), model, given.device)
    ms, anchor_ms = times(log)
    return {
        "ms": ms,
        "ms_with_anchor_pass": anchor_ms,
        "first_step_seconds": log.starts[1] - log.starts[0],
        "seconds": seconds,
        "peak_gib": log.peak / GIB,
        "step_peak_gib": log.step_peak / GIB,
        "floor_tflop": flops / 1e12,
        "floor_ms": flops / given.peak * 1e3,
        "floor_ms_at_matmul_rate": flops / rate * 1e3,
        "matmul_tflops": rate / 1e12,
        "share_of_peak": flops / given.peak * 1e3 / ms,
        "share_of_matmul_rate": flops / rate * 1e3 / ms,
    }


def plugin(name: str, guided: bool, steps: int, draws: int | None) -> Any:
    """The protection as a user would make it."""
    from antibench.attacks.advdm import AdvDM
    from antibench.attacks.anti_i2v import AntiI2V

    if name == "advdm":
        return AdvDM(steps=steps, guided=guided)
    return AntiI2V(steps=steps, guided=guided, draws=draws, lpips_of="photo" if "photo" in name else "reconstruction")


def profiled(protection: Any, model: Any, device: str) -> None:
    """Print where the time of two steps goes."""
    from step_cost import context_of, photo_of

    activities = [torch.profiler.ProfilerActivity.CPU]
    if device.startswith("cuda"):
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities) as profile:
        protection.perturb(photo_of(model, device), context_of(model, device))
    key = "self_cuda_time_total" if device.startswith("cuda") else "self_cpu_time_total"
    print(profile.key_averages().table(sort_by=key, row_limit=30, max_name_column_width=70), flush=True)


def told(row: dict[str, Any]) -> str:
    """A row in one line."""
    what = f"{row['model']} {row['frames']}f {row['mode']}/{row['attention']} {row['protection']}"
    if row["status"] != "ok":
        return f"{what}: {row['status']}: {row['why']}"
    return (
        f"{what}: {row['ms']:.0f} ms, {row['step_peak_gib']:.1f} GiB in the steps ({row['peak_gib']:.1f} in all), "
        f"floor {row['floor_ms']:.0f} ms ({row['floor_tflop']:.0f} TFLOP), {row['share_of_peak']:.0%} of peak"
    )


def markdown(rows: list[dict[str, Any]]) -> str:
    """A table of finished rows; of one that failed, why."""
    heads = ("model", "frames", "mode", "protection", "ms a step", "GiB", "floor, ms", "share of peak")
    lines = ["| " + " | ".join(heads) + " |", "|---|---:|---|---|---:|---:|---:|---:|"]
    for row in rows:
        told = [str(row[name]) for name in ("model", "frames", "mode", "protection")]
        if row["status"] == "ok":
            told += [
                f"{row['ms']:.0f}",
                f"{row['peak_gib']:.1f}",
                f"{row['floor_ms']:.0f}",
                f"{row['share_of_peak']:.0%}",
            ]
        else:
            told += [f"{row['status']}: {row['why'].splitlines()[0]}", "", "", ""]
        lines.append("| " + " | ".join(told) + " |")
    return "\n".join(lines)


def print_table(rows: list[dict[str, Any]]) -> None:
    """All rows once more."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:  # the lines are there already
        return
    table = Table()
    heads = ("model", "frames", "mode", "attention", "protection", "ms", "with anchor pass", "GiB", "floor ms", "share")
    for head in heads:
        table.add_column(head, justify="left" if head in heads[:5] else "right")
    for row in rows:
        facts = [str(row[name]) for name in ("model", "frames", "mode", "attention", "protection")]
        if row["status"] != "ok":
            table.add_row(*facts, row["status"])
            continue
        longer = f"{row['ms_with_anchor_pass']:.0f}" if row["ms_with_anchor_pass"] else "-"
        floor = f"{row['floor_ms']:.0f} ({row['floor_ms_at_matmul_rate']:.0f})"
        share = f"{row['share_of_peak']:.0%} ({row['share_of_matmul_rate']:.0%})"
        table.add_row(*facts, f"{row['ms']:.0f}", longer, f"{row['peak_gib']:.1f}", floor, share)
    Console(width=150).print(table, "In brackets: at the rate of a square matrix product on this device.")


if __name__ == "__main__":
    raise SystemExit(main())
