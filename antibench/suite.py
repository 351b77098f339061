"""A suite: what is crossed, the headline metric and the seeds. The data model; files are read in `suite_file`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from antibench.expression import Chain, Part, Protected, is_expression, parse_protection, parse_purification

NONE = "none"
"""Label of "no purification"."""
CLEAN = "clean"
"""Label of the reference: the photo without protection."""
RESEEDED = "clean-reseeded"
"""Label of the control that is the clean photo animated at another seed."""
UNRELATED = "unrelated"
"""Label of the floor: the clean video of another photo."""
CONTROLS = ("random-sign", "random-lowfreq")
"""Protections that every suite holds as controls."""
RESERVED = frozenset({NONE, CLEAN, RESEEDED, UNRELATED})

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_\[\]@-]*")
Level = Annotated[int, Field(ge=1, le=255, strict=True)]
Seed = Annotated[int, Field(ge=0, lt=2**63, strict=True)]


class Choice(BaseModel):
    """A registered thing in a suite: its name, a label, and parameters (every further key)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    label: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_label(self) -> Choice:
        own = self.label or not is_expression(self.name)
        if own and not _LABEL.fullmatch(self.shown):
            raise ValueError(f"label {self.shown!r} may hold letters, digits and . + _ - @ [ ] only")
        if self.shown in RESERVED:
            raise ValueError(f"label {self.shown!r} is taken by antibench itself")
        return self

    @property
    def shown(self) -> str:
        """The label in tables and keys of a run."""
        return self.label or self.name.partition("@")[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The registered names in it."""
        return (self.name,)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters given, not yet checked against the plugin."""
        return dict(self.model_extra or {})


class ProtectionChoice(Choice):
    """A protection with the models it is made on; None means all surrogates of the suite.

    What serves a protection best depends on the model it is made on, so a suite may hold it once for each.
    """

    surrogates: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _check_modifiers(self) -> ProtectionChoice:
        if is_expression(self.name) and self.expression.ensemble and self.surrogates:
            raise ValueError(f"{self.name!r}: the ensemble says what it is made on; leave out `surrogates`")
        return self

    @property
    def expression(self) -> Protected:
        """The name as read."""
        return parse_protection(self.name) if is_expression(self.name) else Protected(self.name)

    @property
    def shown(self) -> str:
        """The label in tables; of a protection with modifiers the expression itself."""
        return self.label or (self.expression.label if is_expression(self.name) else super().shown)

    @property
    def names(self) -> tuple[str, ...]:
        """The name without its modifiers."""
        return (self.expression.name,)

    @property
    def through(self) -> tuple[str, ...]:
        """Names of the purifications it is made through."""
        eot = self.expression.eot
        return tuple(part.name for chain in eot.chains for part in chain.parts) if eot else ()


class PurificationChoice(Choice):
    """A purification with the strengths to run; None means its whole grid. The name may be a composition."""

    strengths: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _check_composition(self) -> PurificationChoice:
        if not is_expression(self.name):
            return self
        parts = self.chain.parts
        if self.strengths is not None and sum(part.strength is None for part in parts) != 1:
            raise ValueError(f"`strengths` is for the one part of {self.name!r} that names none")
        if self.params and len(parts) > 1:
            key = next(iter(self.params))
            raise ValueError(f"{self.name!r}: write the parameters of a part in it, such as {parts[0].name}({key}=...)")
        return self

    @property
    def chain(self) -> Chain:
        """The name as read."""
        return parse_purification(self.name) if is_expression(self.name) else Chain((Part(self.name),))

    @property
    def shown(self) -> str:
        """The label in tables; of a composition the expression itself."""
        return self.label or (self.chain.label if is_expression(self.name) else super().shown)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its parts."""
        return tuple(part.name for part in self.chain.parts)


class Suite(BaseModel):
    """A suite as written, every default filled in."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    schema_: Literal[1] = Field(alias="schema")
    name: str = Field(pattern=r"^[a-z0-9-]+$")
    version: int = Field(ge=1, strict=True)
    description: str = ""
    headline: str
    metrics: tuple[Choice, ...]
    models: tuple[Choice, ...]
    surrogates: tuple[Choice, ...] = ()
    budgets: tuple[Level, ...] = (8,)
    seeds: tuple[Seed, ...] = (0,)
    noise_seed: Seed = 1000
    reference_seeds: tuple[Seed, ...] = (2000,)
    transfer: bool | Literal["unpurified"] = True
    """Show protected photos to models they were not made on: all of them, none, or as they are but not purified."""
    limit: int | None = Field(default=None, ge=1)
    """Use the first cases of the dataset only."""
    dataset: Choice
    protections: tuple[ProtectionChoice, ...] = ()
    purifications: tuple[PurificationChoice, ...] = ()

    @field_validator("metrics", "models", "budgets", "seeds", "reference_seeds")
    @classmethod
    def _not_empty(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if not value:
            raise ValueError("must not be empty: nothing would be run")
        return value

    @field_validator("metrics", "models", "surrogates", "protections", "purifications")
    @classmethod
    def _unique_labels(cls, value: tuple[Choice, ...]) -> tuple[Choice, ...]:
        labels = [item.shown for item in value]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"{label!r} is there twice; give one of them another `label`")
        return value

    @field_validator("budgets", "seeds", "reference_seeds")
    @classmethod
    def _unique_numbers(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) < len(value):
            raise ValueError("holds a number twice")
        return value

    @field_validator("reference_seeds")
    @classmethod
    def _references_unscored(cls, value: tuple[int, ...], info: Any) -> tuple[int, ...]:
        scored = {*info.data.get("seeds", ()), info.data.get("noise_seed")}
        if scored & set(value):
            raise ValueError("must hold no seed that is scored (`seeds`, `noise_seed`)")
        return value

    @field_validator("noise_seed")
    @classmethod
    def _noise_unscored(cls, value: int, info: Any) -> int:
        if value in info.data.get("seeds", ()):
            raise ValueError("must not be one of `seeds`: the control would be the clean video itself")
        return value

    @model_validator(mode="after")
    def _headline_listed(self) -> Suite:
        if self.headline not in [metric.shown for metric in self.metrics]:
            raise ValueError(f"headline {self.headline!r} is not one of `metrics`")
        return self

    @property
    def scored_protections(self) -> tuple[ProtectionChoice, ...]:
        """The protections of the suite, then the controls that it does not list itself."""
        listed = {choice.shown for choice in self.protections}
        return self.protections + tuple(ProtectionChoice(name=name) for name in CONTROLS if name not in listed)

    @property
    def surrogate_choices(self) -> tuple[Choice, ...]:
        """The surrogates; the models if none are given. A bare name takes the parameters of the model it names."""
        models = {model.shown: model for model in self.models}
        chosen = self.surrogates or self.models
        return tuple(item if item.params else models.get(item.shown, item) for item in chosen)

    @property
    def model_choices(self) -> tuple[Choice, ...]:
        """The models, the surrogates, and what an ensemble names besides: a label of these, or a registered model."""
        found = {choice.shown: choice for choice in self.models + self.surrogate_choices}
        for protection in self.protections:
            ensemble = protection.expression.ensemble
            for name in ensemble.models if ensemble else ():
                choice = Choice(name=name)
                found.setdefault(choice.shown, choice)
        return tuple(found.values())

    def as_dict(self) -> dict[str, Any]:
        """The suite as JSON types, defaults included, `None` left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
