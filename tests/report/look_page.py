"""A page that holds the pictures section and nothing else."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from antibench.report.html.look import Look

POLICY = (
    "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pictures</title>
<style>
:root { color-scheme: light dark; --bg: #fdfdfc; --fg: #1c1e21; --muted: #5c6269; --line: #d9dbde; --card: #f3f3f1;
  --accent: #1f5fa8; --good: #22703c; --bad: #a33026; }
@media (prefers-color-scheme: dark) { :root { --bg: #15171a; --fg: #e6e7e8; --muted: #a0a6ad; --line: #353a40;
  --card: #1f2226; --accent: #7fb2ee; --good: #7cc794; --bad: #f09a8f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem clamp(.75rem, 3vw, 2rem); max-width: 76rem; background: var(--bg);
  color: var(--fg); font: 16px/1.5 system-ui, sans-serif; }
{{ css }}
</style>
</head>
<body>
<main><h1>Pictures</h1>{% include "look.html.j2" %}</main>
<script>{{ js }}</script>
</body>
</html>
"""


def look_page(look: Look) -> str:
    """The page as HTML."""
    templates = files("antibench.report.html") / "templates"
    css, js = ((templates / f"look.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    environment = Environment(loader=PackageLoader("antibench.report.html"), autoescape=True, undefined=StrictUndefined)
    page = environment.from_string(PAGE.replace("{{ css }}", css).replace("{{ js }}", js))
    return page.render(look=look, policy=POLICY)
