"""Made-up runs whose true strengths are known."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

CLEAN, FLOOR = 0.8, 0.2
"""Means of the clean and the unrelated photos' scores: D is 0.6."""


def metric(name: str, protects_when: str = "lower", scope: str = "video", twin: str | None = None) -> dict[str, Any]:
    """The header's entry of a metric."""
    return {
        "name": name,
        "version": 1,
        "protects_when": protects_when,
        "bounds": [-1, 1],
        "scope": scope,
        "photo_twin": twin,
    }


@dataclass
class World:
    """A run's header and lines; `strengths` gives the true strength by protection and purification.

    `noise` is the standard deviation of each video's score; `spread` that of the photos' own clean scores.
    """

    strengths: dict[str, dict[str, float]]
    photos: int = 8
    seeds: tuple[int, ...] = (0,)
    noise: float = 0.0
    spread: float = 0.05
    photo_damage: float = 0.0
    target: str = "zoo-small"
    gate: str = "failed"
    budget: int = 8
    seed: int = 0
    header: dict[str, Any] = field(init=False)
    cells: list[dict[str, Any]] = field(init=False, default_factory=list)
    costs: list[dict[str, Any]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.purifications = list(dict.fromkeys(name for by in self.strengths.values() for name in by))
        self.cases = [f"portrait-{index:04d}" for index in range(self.photos)]
        self.header = self._header()
        controls = {name: dict.fromkeys(self.purifications, 0.0) for name in CONTROLS}
        base = CLEAN + self.spread * np.random.default_rng(99).standard_normal(self.photos)
        for case, clean in zip(self.cases, base, strict=True):
            self._videos(case, clean, "reference", "clean", dict.fromkeys(self.purifications, 0.0))
            self._videos(case, FLOOR, "floor", "unrelated", dict.fromkeys(self.purifications, 0.0))
            self._photo(case, 1.0, "reference", "clean")
            self._photo(case, 0.1, "floor", "unrelated")
            for name, strengths in controls.items():
                self._videos(case, clean, "control", name, strengths)
                if name != "clean-reseeded":
                    self._photo(case, 1.0, "control", name)
            for name, strengths in self.strengths.items():
                self._videos(case, clean, "protection", name, strengths)
                self._photo(case, 1.0 - 0.9 * self.photo_damage, "protection", name)
                self._line(case, "protection", name, "psnr", 33.0, "fidelity", None, "none", None)
                surrogate = self.surrogate("protection")
                cost = {"seconds": 12.5, "peak_mib": 800.0}
                self.costs.append(
                    {"protection": name, "surrogate": surrogate, "budget": self.budget, "case": case, **cost}
                )

    def surrogate(self, role: str) -> str | None:
        """Controls need no surrogate."""
        return self.target if role == "protection" else None

    def _header(self) -> dict[str, Any]:
        labels = [*CONTROLS, *self.strengths]
        return {
            "schema": 1,
            "suite": "made-up",
            "suite_version": 1,
            "suite_sha256": "0" * 64,
            "world": "small",
            "level": "L1",
            "headline": "ism0[dlib]",
            "metrics": [
                metric("ism0[dlib]", twin="ism-photo[dlib]"),
                metric("fdfr[mtcnn]", "higher"),
                metric("motion", "neither"),
                metric("ism-photo[dlib]", scope="photo"),
                metric("psnr", "neither", scope="fidelity"),
            ],
            "models": [{"name": self.target, "version": 1, "world": "small", "gate": self.gate}],
            "cases": self.cases,
            "budgets": [self.budget],
            "seeds": list(self.seeds),
            "noise_seed": 1000,
            "protections": [
                {
                    "label": label,
                    "name": label,
                    "version": 1,
                    "role": "control" if label in CONTROLS else "protection",
                    "params": {},
                }
                for label in labels
            ],
            "purifications": self.purifications,
            "surrogates": [self.target],
            "targets": [self.target],
        }

    def _videos(self, case: str, clean: float, role: str, name: str, strengths: dict[str, float]) -> None:
        for purification in self.purifications:
            for seed in self.seeds:
                value = clean - strengths[purification] * (CLEAN - FLOOR) + self.noise * self.rng.standard_normal()
                where = (self.target, purification, seed)
                self._line(case, role, name, "ism0[dlib]", value, "video", *where)
                self._line(case, role, name, "fdfr[mtcnn]", 1 - value, "video", *where)
                self._line(case, role, name, "motion", 0.1, "video", *where)

    def _photo(self, case: str, value: float, role: str, name: str) -> None:
        for purification in self.purifications:
            self._line(case, role, name, "ism-photo[dlib]", value, "photo", None, purification, None)

    def _line(
        self,
        case: str,
        role: str,
        name: str,
        metric: str,
        value: float,
        scope: str,
        target: str | None,
        purification: str,
        seed: int | None,
    ) -> None:
        budget = 0 if name in ("clean", "clean-reseeded", "unrelated") else self.budget
        surrogate = self.surrogate(role)
        cell = hashlib.sha256(repr((case, name, target, purification, seed, scope)).encode()).hexdigest()[:16]
        self.cells.append(
            {
                "cell": cell,
                "metric": metric,
                "status": "ok",
                "value": float(value),
                "reason": None,
                "scope": scope,
                "role": role,
                "protection": name,
                "surrogate": surrogate,
                "target": target,
                "purification": purification,
                "budget": budget,
                "seed": seed,
                "case": case,
            }
        )


CONTROLS = ("clean-reseeded", "random-sign", "random-lowfreq")
