"""From a caption to the string that the text encoder reads: scores are appended, then it is cleaned twice.

Source: the inference guide of Open-Sora 1.2. The cleaning is that of DeepFloyd IF and PixArt, for which the function of
diffusers is called.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

import ftfy
from diffusers import PixArtAlphaPipeline
from diffusers.pipelines.pixart_alpha import pipeline_pixart_alpha

from antibench.models.opensora.html_text import HtmlText

AESTHETIC = 6.5
"""The score that is asked for by default."""
CLEANINGS = 2
"""How often a caption is cleaned; the first time may leave something behind."""


class _Pipeline:
    """What the cleaning reads of its pipeline."""

    bad_punct_regex = PixArtAlphaPipeline.bad_punct_regex


_names: dict[str, Any] = {**vars(pipeline_pixart_alpha), "BeautifulSoup": HtmlText, "ftfy": ftfy}
# The function knows BeautifulSoup only where that is installed, and needs it for nothing but the text in HTML.
_clean_once = FunctionType(PixArtAlphaPipeline._clean_caption.__code__, _names)


def with_scores(
    prompt: str, aesthetic: float | None = AESTHETIC, motion: float | None = None, camera: str | None = None
) -> str:
    """A prompt with what is asked for besides, each unless the prompt says it itself.

    Args:
        prompt: The caption.
        aesthetic: About 4 to 7, more is finer. None: nothing is said of it.
        motion: From 0, more is more.
        camera: Its motion, such as "pan right".
    """
    asked = {
        "aesthetic score:": None if aesthetic is None else f"{aesthetic:.1f}",
        "motion score:": None if motion is None else f"{motion:.1f}",
        "camera motion:": camera,
    }
    told = [f" {phrase} {value}." for phrase, value in asked.items() if value is not None and phrase not in prompt]
    return prompt + "".join(told)


def cleaned(prompt: str) -> str:
    """Lower case, without links, markup, names of files and other things that captions of the web carry."""
    for _ in range(CLEANINGS):
        prompt = _clean_once(_Pipeline, prompt)
    return prompt
