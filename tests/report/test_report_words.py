"""Paths are cut out of words, names become slugs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antibench.report.html.reading import without_paths
from antibench.report.html.slugs import Slugs, slug


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("No such file: '/home/John Doe/x/model.ckpt'", "No such file: '…/model.ckpt'"),
        ("error: /home/jane/weights/model.bin is short", "error: …/model.bin is short"),
        ('in "C:\\Users\\jane\\x.png"', 'in "…/x.png"'),
        ("D:/data/jane/x.png", "…/x.png"),
        ("/home/jane", "…"),
        ("~/secret/key", "…"),
        ("path=/srv/jane/k.pt,", "path=…/k.pt,"),
        ("file:///home/jane/a.png", "…/a.png"),
        ("(/tmp/jane/y)", "(…)"),
        ("\\\\server\\jane\\x.png", "…/x.png"),
        # and what is none
        ("see https://hf.co/a/b", "see https://hf.co/a/b"),
        ("and/or 3/4 a/b/c", "and/or 3/4 a/b/c"),
        ("jpeg(75)>resize(0.5)", "jpeg(75)>resize(0.5)"),
        ("</b></i>", "</b></i>"),
        ("10 / 3 and a // b", "10 / 3 and a // b"),
    ],
)
def test_paths_are_cut_down(text: str, left: str) -> None:
    assert without_paths(text) == left
    assert without_paths({"a": [text]}) == {"a": [left]}


@given(st.lists(st.text(), max_size=12))
def test_slugs_are_safe_and_unique(names: list[str]) -> None:
    slugs = Slugs()
    found = [slugs.of(name) for name in names]
    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", item) for item in found)
    assert all(len(item) < 90 for item in found)


def test_a_slug_reads_like_its_name() -> None:
    assert slug("Ünïcode ISM0[dlib] > Resize(0.5)") == "unicode-ism0-dlib-resize-0-5"
    assert slug("../../etc/passwd") == "etc-passwd"
    assert slug("日本") == "x"
