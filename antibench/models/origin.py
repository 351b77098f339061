"""Where a real model's weights come from: a repository of the hub at a commit, or a local folder in its place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from antibench.errors import UserError

if TYPE_CHECKING:
    from antibench.contracts import ModelCard

REASON_LENGTH = 120
"""Characters of another library's reason in a message; the remedy after it must not be cut off."""


@dataclass(frozen=True)
class Origin:
    """Weights of one repository.

    Attributes:
        repo_id: Repository on the hub.
        revision: 40 hex digits of the commit.
        model: The model's name, for `--weights`.
        download_gb: Size of the download in GB; None where it is not known.
        weights_gb: What the weights take in memory in GB; None where it is not known.
        local: A folder, or a file, that takes the place of the repository.
        below: Where `--weights` expects this repository below the path given; empty if it is the path itself.
    """

    repo_id: str
    revision: str = ""
    model: str = ""
    download_gb: float | None = None
    weights_gb: float | None = None
    local: Path | None = None
    below: str = ""

    @property
    def shown(self) -> str:
        """What to call it in a message."""
        if self.local is None:
            return self.repo_id
        place = f" ({self.below})" if self.below else ""
        return f"local weights of {self.model}{place}"

    def part(self, repo_id: str, revision: str, weights_gb: float | None = None) -> Origin:
        """Another repository of the same model, or this one, of several: below a local folder it has one of its own.

        Args:
            repo_id: Repository on the hub.
            revision: 40 hex digits of the commit.
            weights_gb: What its weights take in memory in GB.
        """
        below = repo_id.rpartition("/")[2]
        local = None if self.local is None else self.local / below
        return replace(
            self,
            repo_id=repo_id,
            revision=revision,
            download_gb=None,
            weights_gb=weights_gb,
            local=local,
            below=below,
        )

    def broken(self, error: Exception | str) -> UserError:
        """The error that says that the weights are there, but not whole."""
        if self.local is None:
            return UserError(f"{self.repo_id} is not whole in the cache ({short(error)}); {self.remedy}")
        return UserError(f"{self.shown}: not whole ({short(error)}); download them again")

    @property
    def remedy(self) -> str:
        """What to do where the hub is out of reach."""
        place = f", where PATH holds {self.below}/" if self.below else ""
        return (
            f"run `hf download {self.repo_id} --revision {self.revision}` ({self._size}) where the hub can be reached, "
            f"and set HF_HOME to its cache or give the folder by `--weights {self.model or 'MODEL'}=PATH`{place}"
        )

    @property
    def _size(self) -> str:
        if self.download_gb is not None:
            return f"about {self.download_gb:g} GB"
        if self.weights_gb is not None:
            return f"size not known; loaded, it takes about {self.weights_gb:g} GB"
        return "size not known"


def origin_of(spec: Any, weights: Path | None) -> Origin:
    """The origin of a model's weights.

    Args:
        spec: Its spec, with a card and a revision.
        weights: The local folder or file that was asked for; None for the hub.
    """
    card: ModelCard = spec.card
    return Origin(card.repo_id, spec.revision, spec.name, card.download_gb, card.weights_gb, weights)


def short(error: Exception | str) -> str:
    """The first line of what went wrong, cut to a length that leaves room for a remedy."""
    lines = str(error).strip().splitlines()
    text = " ".join(lines[0].split()) if lines else type(error).__name__
    return text if len(text) <= REASON_LENGTH else f"{text[: REASON_LENGTH - 4]} ..."
