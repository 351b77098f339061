"""Templates, styles and scripts: everything is escaped, and what goes into a script element cannot end it."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
POLICY = (
    "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)
"""What a page may load: nothing but itself."""


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def rendered(template: str, **values: Any) -> str:
    """A page from a template; the policy and the style are added."""
    held = _templates().get_template(template)
    return held.render(policy=POLICY, css=files("page.css", "look.css"), **values)


def files(*names: str) -> Markup:
    """The text of our own styles or scripts, in order."""
    texts = [(TEMPLATES / name).read_text("utf-8") for name in names]
    return Markup(_unending("\n".join(texts)))


def script_json(value: Any) -> Markup:
    """JSON for an element of type application/json: no character in it that HTML could see as a tag."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


@lru_cache(maxsize=1)
def library() -> Markup:
    """Vega, Vega-Lite and their embedding in one script, from vl-convert; it takes three seconds."""
    import vl_convert

    bundle = str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
    return files("notice.js") + Markup(_unending(bundle))


def _unending(code: str) -> str:
    """Code that ends no script or style element: within a string or a pattern ``\\/`` is ``/``."""
    return re.sub(r"<(?=/(?:script|style)|!--)(.)", r"<\\\1", code, flags=re.IGNORECASE)
