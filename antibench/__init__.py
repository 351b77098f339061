"""antibench: how much protection of a photo is left, how sure that is, and what it cost."""

import os

__version__ = "0.1.0"

# Libraries below would phone home or retry against a hub; a user's own setting wins.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
