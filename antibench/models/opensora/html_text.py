"""The text in a caption that may hold HTML, by the parser of the standard library.

It stands where diffusers' cleaning of captions calls `BeautifulSoup(caption, features="html.parser").text`: same
parser, same rules, but no further package.
"""

from __future__ import annotations

import html
from html.parser import HTMLParser

SILENT = ("script", "style", "template")
"""Elements whose content is no text."""


class HtmlText(HTMLParser):
    """`HtmlText(markup).text` is what a reader sees of it."""

    def __init__(self, markup: str, features: str = "html.parser") -> None:
        """Parse; `features` is there to be called as BeautifulSoup is."""
        del features
        super().__init__(convert_charrefs=False)
        self._parts: list[str] = []
        self._silent = 0
        self.feed(markup)
        self.close()

    @property
    def text(self) -> str:
        """Without tags and comments; references to characters are resolved."""
        return "".join(self._parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser."""
        del attrs
        self._silent += tag in SILENT

    def handle_endtag(self, tag: str) -> None:
        """Called by the parser."""
        self._silent -= tag in SILENT and self._silent > 0

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser; an element that is closed at once holds nothing."""

    def handle_data(self, data: str) -> None:
        """Called by the parser."""
        if not self._silent:
            self._parts.append(data)

    def handle_charref(self, name: str) -> None:
        """Called by the parser."""
        self.handle_data(html.unescape(f"&#{name};"))

    def handle_entityref(self, name: str) -> None:
        """Called by the parser; an unknown name stays as it is, without its semicolon."""
        known = html.unescape(f"&{name};")
        self.handle_data(f"&{name}" if known == f"&{name};" else known)
