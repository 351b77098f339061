"""Compositions and modifiers as text: read, written back, and refused at the right place."""

from __future__ import annotations

import pytest

from antibench.errors import UserError
from antibench.expression import (
    EOT,
    Chain,
    Ensemble,
    ExpressionError,
    Part,
    is_expression,
    parse_protection,
    parse_purification,
)


def test_a_composition_is_read_from_left_to_right() -> None:
    chain = parse_purification('jpeg@1(75, subsampling="4:4:4") > resize(.5) > gaussian-blur')
    assert chain.parts == (
        Part("jpeg@1", 75, {"subsampling": "4:4:4"}),
        Part("resize", 0.5),
        Part("gaussian-blur"),
    )
    assert chain.label == 'jpeg(75,subsampling="4:4:4")>resize(0.5)>gaussian-blur'


@pytest.mark.parametrize("text", ["(a(1)>b(2))>c", "a(1)>(b(2)>c)", "((a(1)>(b(2))>c))", " a( 1.0 )>b(2e0) > c "])
def test_grouping_spaces_and_spelling_of_numbers_do_not_matter(text: str) -> None:
    assert parse_purification(text) == Chain((Part("a", 1), Part("b", 2), Part("c")))
    assert parse_purification(text).label == "a(1)>b(2)>c"


def test_modifiers_are_read() -> None:
    found = parse_protection(
        "mist@1 + ensemble(svd, dynamicrafter-512) + eot(jpeg, jpeg(75)>resize(0.5), identity=false)"
    )
    assert found.name == "mist@1"
    assert found.ensemble == Ensemble(("svd", "dynamicrafter-512"))
    assert found.eot == EOT((Chain((Part("jpeg"),)), Chain((Part("jpeg", 75), Part("resize", 0.5)))), identity=False)
    assert found.label == "mist+ensemble(svd,dynamicrafter-512)+eot(jpeg,jpeg(75)>resize(0.5),identity=false)"
    assert parse_protection("advdm").modifiers == ()
    assert parse_protection("advdm+eot(jpeg)").eot == EOT((Chain((Part("jpeg"),)),), identity=True)


@pytest.mark.parametrize(
    "text", ["jpeg(75)>resize(0.5)", 'jpeg(q="a b",n=3,on=true)', "ism0[dlib]", "wan2.1-i2v-14b(1)", "a(-3)>b(0.001)"]
)
def test_a_label_reads_as_what_it_labels(text: str) -> None:
    chain = parse_purification(text)
    assert parse_purification(chain.label) == chain
    protection = parse_protection(f"p+eot({text})+ensemble(m)")
    assert parse_protection(protection.label) == protection


@pytest.mark.parametrize(
    ("text", "what", "rest"),
    [
        ("jpeg(75)>>resize", "expected the name of a purification, found '>'", ">resize"),
        ("jpeg(75)>", "expected the name of a purification, found the end", ""),
        (">jpeg", "expected the name of a purification, found '>'", ">jpeg"),
        ("jpeg(75", "expected , or ), found the end", ""),
        ("jpeg(75))", "expected the end, found ')'", ")"),
        ("(jpeg(75)>resize(1)", "expected ), found the end", ""),
        ("jpeg()", "expected a strength of jpeg, or KEY=VALUE; found ')'", ")"),
        ("jpeg(75, 76)", "expected a strength of jpeg, or KEY=VALUE; found '76'", "76)"),
        ("jpeg(q=1, q=2)", "q is there twice", "q=2)"),
        ("jpeg(strong)", "expected a strength of jpeg, or KEY=VALUE", "strong)"),
        ("jpeg(1e999)", "1e999 is no finite number", "1e999)"),
        ("jpeg resize", "expected the end, found 'resize'", "resize"),
        ("jpeg/../x(1)", "expected the end, found '/'", "/../x(1)"),
        ("advdm+", "expected a modifier, found the end", ""),
        ("advdm+eto(jpeg)", "unknown modifier 'eto'; did you mean 'eot'? (there are: eot, ensemble)", "eto(jpeg)"),
        ("advdm+eot", "expected (, found the end", ""),
        ("advdm+eot()", "expected the name of a purification, found ')'", ")"),
        ("advdm+eot(identity=true)", "eot names no purification", ")"),
        ("advdm+eot(jpeg, identity=no)", "identity is true or false", "no)"),
        ("advdm+eot(jpeg,jpeg)", "jpeg is there twice", ")"),
        ("advdm+eot(a)+eot(b)", "eot is there twice; name all in one", "eot(b)"),
        ("advdm+ensemble(a,a)", "a is there twice", "a)"),
        ("advdm+ensemble(a b)", "expected ), found 'b'", "b)"),
    ],
)
def test_errors_point_at_the_place(text: str, what: str, rest: str) -> None:
    read = parse_protection if text.startswith("advdm") else parse_purification
    with pytest.raises(ExpressionError) as caught:
        read(text)
    message = str(caught.value)
    place = len(text) - len(rest)
    assert f": {what}, at character {place + 1}: " in message
    assert message.endswith(f"{text[:place]} HERE--> {rest}".rstrip())
    assert "\n" not in message
    assert isinstance(caught.value, UserError)


def test_plain_names_are_no_expressions() -> None:
    assert not any(map(is_expression, ["jpeg", "jpeg@1", "ism0[dlib]", "wan2.1-i2v-14b", "a b"]))
    assert all(map(is_expression, ["jpeg(75)", "a>b", "a+eot(b)"]))
