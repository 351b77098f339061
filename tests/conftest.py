"""Settings of the whole test suite."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("antibench", deadline=None)  # a slow example on a busy machine is no fault
settings.load_profile("antibench")
