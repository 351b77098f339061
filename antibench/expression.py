"""Names that say more than one thing: compositions of purifications and modifiers of protections.

    purification = part { ">" part }                      jpeg(75)>resize(0.5)
    part         = "(" purification ")" | NAME [ "(" [ strength ] { "," KEY "=" VALUE } ")" ]
    protection   = NAME { "+" modifier }                  mist+ensemble(a,b)+eot(jpeg(75),resize)
    modifier     = "eot" "(" purification { "," purification } [ "," "identity" "=" BOOL ] ")"
                 | "ensemble" "(" NAME { "," NAME } ")"

A part without a strength stands for each of its strengths. Spaces do not count. Nothing is looked up here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias, TypeVar

from antibench.errors import UserError, closest
from antibench.keys import canonical_json

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"[^"]*")
    | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.@\[:-]))
    | (?P<name>[\w](?:[\w.:-]|@(?=\w)|\[[\w.-]*\])*)
    | (?P<sign>[()>,=+])
    )""",
    re.VERBOSE,
)
_T = TypeVar("_T")


class ExpressionError(UserError, ValueError):
    """An expression that cannot be read; the message points at the place."""


@dataclass(frozen=True)
class Part:
    """One purification of a composition."""

    name: str
    """As written, perhaps with ``@version``."""
    strength: float | None = None
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def bare(self) -> str:
        """The name without its version."""
        return self.name.partition("@")[0]

    def shown(self, strength: float | None) -> str:
        """``jpeg(75,subsampling="4:4:4")``."""
        given = [] if strength is None else [canonical_json(strength)]
        given += [f"{key}={canonical_json(value)}" for key, value in self.params.items()]
        return f"{self.bare}({','.join(given)})" if given else self.bare


@dataclass(frozen=True)
class Chain:
    """Purifications one after the other, left to right."""

    parts: tuple[Part, ...]

    @property
    def label(self) -> str:
        """The expression itself, without spaces and versions."""
        return self.shown([part.strength for part in self.parts])

    def shown(self, strengths: list[float] | list[float | None]) -> str:
        """The expression with these strengths."""
        return ">".join(part.shown(strength) for part, strength in zip(self.parts, strengths, strict=True))


@dataclass(frozen=True)
class EOT:
    """Every gradient step sees the photo through a purification drawn at random."""

    chains: tuple[Chain, ...]
    identity: bool = True
    """Whether the photo as it is is drawn too."""

    @property
    def label(self) -> str:
        """``eot(jpeg(75),resize)``."""
        inside = [chain.label for chain in self.chains] + ([] if self.identity else ["identity=false"])
        return f"eot({','.join(inside)})"


@dataclass(frozen=True)
class Ensemble:
    """Several surrogates at once."""

    models: tuple[str, ...]

    @property
    def label(self) -> str:
        """``ensemble(a,b)``."""
        return f"ensemble({','.join(self.models)})"


Modifier: TypeAlias = EOT | Ensemble
FORMS = {
    "PURIFICATION(STRENGTH)>PURIFICATION(STRENGTH)": "A composition: purifications one after the other",
    "PROTECTION+eot(PURIFICATION,...)": "Each step sees the photo through one of these purifications, drawn at random",
    "PROTECTION+ensemble(MODEL,...)": "Made on several models at once",
}
"""What names may be made of, and what that means."""
MODIFIERS = ("eot", "ensemble")


@dataclass(frozen=True)
class Protected:
    """A protection with its modifiers, in the order written."""

    name: str
    modifiers: tuple[Modifier, ...] = ()

    @property
    def label(self) -> str:
        """The expression itself, without spaces and versions."""
        return "+".join([self.name.partition("@")[0], *(item.label for item in self.modifiers)])

    @property
    def eot(self) -> EOT | None:
        """The purifications it is made through."""
        return next((item for item in self.modifiers if isinstance(item, EOT)), None)

    @property
    def ensemble(self) -> Ensemble | None:
        """The models it is made on."""
        return next((item for item in self.modifiers if isinstance(item, Ensemble)), None)


def is_expression(name: str) -> bool:
    """Whether a name is more than the name of one registered thing."""
    return any(sign in name for sign in "()>+")


def parse_purification(text: str) -> Chain:
    """Read ``jpeg(75)>resize(0.5)``.

    Raises:
        ExpressionError: pointing at the first thing that does not fit.
    """
    reader = _Reader("purification", text)
    return reader.whole(reader.chain)


def parse_protection(text: str) -> Protected:
    """Read ``advdm+eot(jpeg)``.

    Raises:
        ExpressionError: pointing at the first thing that does not fit.
    """
    reader = _Reader("protection", text)
    return reader.whole(reader.protected)


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, kind: str, text: str) -> None:
        self._kind, self._text = kind, text
        self._at = 0

    def whole(self, read: Callable[[], _T]) -> _T:
        """What `read` makes of all of the text."""
        found = read()
        if self._rest():
            self._fail(f"expected the end, found {self._next_shown()}")
        return found

    def protected(self) -> Protected:
        name = self._name("the name of a protection")
        modifiers: list[Modifier] = []
        while self._take("+"):
            place = self._place()
            modifier = self._modifier()
            if any(type(other) is type(modifier) for other in modifiers):
                self._fail(f"{self._text[place:].partition('(')[0].strip()} is there twice; name all in one", place)
            modifiers.append(modifier)
        return Protected(name, tuple(modifiers))

    def chain(self) -> Chain:
        parts = list(self._part())
        while self._take(">"):
            parts += self._part()
        return Chain(tuple(parts))

    def _modifier(self) -> Modifier:
        place = self._place()
        word = self._name("a modifier")
        if word not in MODIFIERS:
            self._fail(
                f"unknown modifier {word!r}{closest(word, MODIFIERS)} (there are: {', '.join(MODIFIERS)})", place
            )
        self._must("(")
        modifier = self._eot() if word == "eot" else self._ensemble()
        self._must(")")
        return modifier

    def _eot(self) -> EOT:
        chains: list[Chain] = []
        while True:
            if self._option("identity"):
                place = self._place()
                value = self._value()
                if not isinstance(value, bool):
                    self._fail("identity is true or false", place)
                return EOT(self._checked(chains), value)
            chains.append(self.chain())
            if not self._take(","):
                return EOT(self._checked(chains))

    def _checked(self, chains: list[Chain]) -> tuple[Chain, ...]:
        if not chains:
            self._fail("eot names no purification")
        labels = [chain.label for chain in chains]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            self._fail(f"{twice} is there twice")
        return tuple(chains)

    def _ensemble(self) -> Ensemble:
        models = [self._name("the name of a model")]
        while self._take(","):
            place = self._place()
            models.append(self._name("the name of a model"))
            if models[-1] in models[:-1]:
                self._fail(f"{models[-1]} is there twice", place)
        return Ensemble(tuple(models))

    def _part(self) -> list[Part]:
        if self._take("("):
            inner = self.chain()
            self._must(")")
            return list(inner.parts)
        name = self._name("the name of a purification")
        strength: float | None = None
        params: dict[str, Any] = {}
        if self._take("("):
            strength, params = self._settings(name)
        return [Part(name, strength, params)]

    def _settings(self, name: str) -> tuple[float | None, dict[str, Any]]:
        strength: float | None = None
        params: dict[str, Any] = {}
        while True:
            place = self._place()
            kind, _ = self._look()
            if kind == "number" and strength is None and not params:
                strength = self._value()
            elif kind == "name":
                key = self._name("a parameter")
                if not self._take("="):
                    self._fail(f"expected a strength of {name}, or KEY=VALUE", place)
                if key in params:
                    self._fail(f"{key} is there twice", place)
                params[key] = self._value()
            else:
                self._fail(f"expected a strength of {name}, or KEY=VALUE; found {self._next_shown()}", place)
            if self._take(")"):
                return strength, params
            self._must(",", "or )")

    def _option(self, word: str) -> bool:
        """Take ``word =`` if it is next."""
        match = re.compile(rf"\s*{word}\s*=").match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match is not None

    def _value(self) -> Any:
        kind, text = self._look()
        place = self._place()
        if kind not in ("text", "number", "name"):
            self._fail(f"expected a value, found {self._next_shown()}")
        self._advance()
        if kind == "text":
            return text[1:-1]
        if kind == "name":
            return {"true": True, "false": False}.get(text, text)
        number = float(text)
        if not math.isfinite(number):
            self._fail(f"{text} is no finite number", place)
        return int(number) if number.is_integer() else number

    def _name(self, what: str) -> str:
        kind, text = self._look()
        if kind not in ("name", "number"):
            self._fail(f"expected {what}, found {self._next_shown()}")
        self._advance()
        return text

    def _take(self, sign: str) -> bool:
        kind, text = self._look()
        if kind != "sign" or text != sign:
            return False
        self._advance()
        return True

    def _must(self, sign: str, more: str = "") -> None:
        if not self._take(sign):
            self._fail(f"expected {sign} {more}".strip() + f", found {self._next_shown()}")

    def _rest(self) -> str:
        return self._text[self._at :].strip()

    def _look(self) -> tuple[str, str]:
        """Kind and text of the next token; kind "" if there is none that fits."""
        match = _TOKEN.match(self._text, self._at)
        if match is None or match.lastgroup is None:
            return "", ""
        return match.lastgroup, match[match.lastgroup]

    def _advance(self) -> None:
        match = _TOKEN.match(self._text, self._at)
        assert match is not None
        self._at = match.end()

    def _place(self) -> int:
        """Where the next token begins."""
        return len(self._text) - len(self._text[self._at :].lstrip())

    def _next_shown(self) -> str:
        kind, text = self._look()
        return repr(text if kind else self._rest()[0]) if self._rest() else "the end"

    def _fail(self, what: str, place: int | None = None) -> NoReturn:
        at = self._place() if place is None else place
        marked = f"{self._text[:at]} HERE--> {self._text[at:]}".rstrip()
        raise ExpressionError(f"{self._kind} {self._text!r}: {what}, at character {at + 1}: {marked}")
