"""What a page shows of a run: the very pictures that were scored, each once, as many as fit, and the rest by name."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from film_frames import CountingModel, disc
from film_runs import film_run, with_protection
from PIL import Image

from antibench.contracts import ImageU8
from antibench.errors import UserError
from antibench.report.html.films import film as film_of
from antibench.report.html.look import Look, View
from antibench.report.html.media import look_of
from antibench.report.html.views import Slot
from antibench.run_folder import RunFolder
from antibench.store import Store

Film = tuple[RunFolder, Store]
GONE = "not in the store any more"
MOST = 18_000_000


@pytest.fixture
def copied(film: Film, tmp_path: Path) -> Film:
    """The run with a store of its own, to take something out of."""
    shutil.copytree(film[1].folder, tmp_path / "store")
    return film[0], Store(tmp_path / "store")


def view_of(look: Look, **at: object) -> View:
    (found,) = (view for view in look.views if at.items() <= vars(view.place).items())
    return found


def tilted(photo: ImageU8, budget: int) -> ImageU8:
    """What film-tilt makes of it."""
    sign = np.where(np.arange(photo.shape[1]) < photo.shape[1] // 2, -1, 1)[None, :, None]
    return (photo.astype(int) + budget * sign).astype(np.uint8)


def pixels(look: Look, view: View, slot: Slot) -> ImageU8:
    index = view.slots[slot].medium
    assert index is not None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(look.media[index].uri.partition(",")[2]))))


TILT = {"protection": "film-tilt", "model": "film-seven", "surrogate": "film-seven", "photo": "disc-1"}


@pytest.mark.parametrize("budget", [4, 8])
def test_a_view_shows_what_was_made_and_scored(look: Look, budget: int) -> None:
    view = view_of(look, **TILT, budget=budget, purification="jpeg(50)")
    photo, protected = disc(1), tilted(disc(1), budget)
    np.testing.assert_array_equal(pixels(look, view, "clean"), photo)
    np.testing.assert_array_equal(pixels(look, view, "protected"), protected)
    difference = pixels(look, view, "difference")
    assert (difference[:, :16] == 128 - 8 * budget).all()
    assert (difference[:, 16:] == 128 + 8 * budget).all()
    purified = pixels(look, view, "purified")
    assert 0 < abs(purified.astype(int) - protected).mean() < 12
    assert abs(purified.astype(int) - protected).mean() < abs(purified.astype(int) - disc(2)).mean()

    animate = CountingModel("film-seven", (32, 32), 7, 6.0).generate
    shown = {slot: shown.medium for slot, shown in view.slots.items() if slot.endswith("clip")}
    for slot, image in (("clean_clip", photo), ("protected_clip", protected), ("purified_clip", purified)):
        assert look.media[shown[slot] or 0] == film_of(animate(image, "", 0), 6.0), slot
    assert len(set(shown.values())) == 4


def test_a_view_without_purification_shows_no_purified(look: Look) -> None:
    view = view_of(look, **TILT, budget=8, purification="none")
    assert list(view.slots) == ["clean", "protected", "difference", "clean_clip", "protected_clip"]
    assert (
        view.slots["protected_clip"] == view_of(look, **TILT, budget=8, purification="jpeg(50)").slots["protected_clip"]
    )


def test_there_is_a_view_for_each_photo_model_protection_budget_and_purification(look: Look) -> None:
    places = {tuple(vars(view.place).values()) for view in look.views}
    ways = 1 + 2 * 2 * 2 + 2 * 2  # another seed; protections on two surrogates at two budgets; controls at two budgets
    assert len(places) == len(look.views) == 3 * 2 * 3 * ways
    assert Counter(view.place.protection for view in look.views).keys() == {
        *("clean-reseeded", "film-tilt", "film-rows", "random-sign", "random-lowfreq")
    }
    assert look.missing == look.left_out == ()
    assert look.said.startswith("3 photos, 5 protections and controls, 2 models; without purification and after 2 pur")


def test_scores_are_those_of_the_run(look: Look, film: Film) -> None:
    lines = [json.loads(line) for line in (film[0].path / "cells.jsonl").read_text().splitlines()]

    def score(**at: object) -> str:
        (line,) = (line for line in lines if {**at, "metric": "film-likeness"}.items() <= line.items())
        return f"film-likeness {line['value']:.2f}"

    view = view_of(look, **TILT, budget=8, purification="jpeg(50)")
    own = {"case": "disc-1", "target": "film-seven", "surrogate": "film-seven", "protection": "film-tilt", "budget": 8}
    clean = {"case": "disc-1", "target": "film-seven", "role": "reference"}
    assert view.slots["protected_clip"].score == score(**own, purification="none")
    assert view.slots["purified_clip"].score == score(**own, purification="jpeg(50)")
    assert view.slots["purified_clean_clip"].score == score(**clean, purification="jpeg(50)") == "film-likeness 1.00"
    assert view.slots["clean"].score is None
    # A clean clip of a photo at the surrogate's size is no cell of this target, so it has no score.
    other = view_of(look, **{**TILT, "surrogate": "film-five"}, budget=8, purification="none")
    assert other.slots["clean_clip"].score is None


def test_every_medium_is_there_once_and_is_used(look: Look) -> None:
    assert len({medium.uri for medium in look.media}) == len(look.media)
    used = Counter(shown.medium for view in look.views for shown in view.slots.values())
    assert used.keys() == set(range(len(look.media)))
    clean = view_of(look, **TILT, budget=8, purification="none").slots["clean"].medium
    # At the size of film-seven: what is made on it for either model, and what is made on none for itself; of the clean
    # photo with another seed it is the "protected" one as well.
    assert used[clean] == 3 * (2 * 4 + 5 + 1)


def test_it_begins_with_a_protection_on_its_own_model_purified(look: Look) -> None:
    assert {item.name: item.chosen for item in look.filters} == {
        "photo": "disc-0",
        "model": "film-seven",
        "protection": "film-tilt",
        "surrogate": "film-seven",
        "budget": "4",
        "purification": "jpeg(50)",
    }
    (protections,) = (item for item in look.filters if item.name == "protection")
    assert [choice.text for choice in protections.choices if "control" in choice.text] == [
        *("clean-reseeded (control)", "random-sign (control)", "random-lowfreq (control)")
    ]


def test_words_say_what_is_seen(look: Look) -> None:
    view = view_of(look, **{**TILT, "surrogate": "film-five"}, budget=4, purification="jpeg(50)")
    alternatives = {slot: shown.alternative for slot, shown in view.slots.items()}
    protected = "disc-1 with film-tilt at 4 levels, made on film-five"
    assert alternatives == {
        "clean": "The clean photo disc-1",
        "protected": f"Photo {protected}",
        "difference": f"Difference between the clean photo disc-1 and photo {protected}, amplified 8 times around grey",
        "purified": f"Photo {protected}, then jpeg(50)",
        "clean_clip": "Clip that film-seven made of the clean photo disc-1",
        "protected_clip": f"Clip that film-seven made of photo {protected}",
        "purified_clean_clip": "Clip that film-seven made of the clean photo disc-1, then jpeg(50)",
        "purified_clip": f"Clip that film-seven made of photo {protected}, then jpeg(50)",
    }


def whole_size(look: Look) -> int:
    return len(json.dumps([medium.as_json() for medium in look.media])) + len(json.dumps(look.data["views"]))


def test_whole_photos_while_they_fit_and_the_rest_is_said(look: Look, film: Film) -> None:
    full = whole_size(look)
    assert len(look_of(*film, most_bytes=full).views) == 234
    some = look_of(*film, most_bytes=full * 3 // 4)
    assert Counter(view.place.photo for view in some.views) == {"disc-0": 78, "disc-1": 78}
    assert whole_size(some) <= full * 3 // 4
    assert some.views == look.views[:156]
    assert some.media == look.media[: len(some.media)]
    limit = f"the pictures of a page may take {full * 3 // 4 / 1e6:.3g} MB."
    assert some.left_out == (f"Shown 2 of 3 photos (all but disc-2): {limit}",)


def test_of_a_photo_that_does_not_fit_pairs_of_model_and_purification(look: Look, film: Film) -> None:
    some = look_of(*film, most_bytes=(most := whole_size(look) // 6))
    assert whole_size(some) <= most
    pairs = list(dict.fromkeys((view.place.model, view.place.purification) for view in some.views))
    assert 1 <= len(pairs) < 6
    assert len(some.views) == 13 * len(pairs)  # every protection of each
    assert pairs == [("film-seven", name) for name in ("none", "jpeg(50)", "gaussian-blur(1)")][: len(pairs)]
    told = " ".join(some.left_out)
    assert "Shown 1 of 3 photos (disc-0)" in told
    assert f"Of disc-0, {len(pairs)} of 6 pairs of model and purification (film-seven: " in told


def test_of_a_pair_that_does_not_fit_single_views_and_at_last_nothing(film: Film) -> None:
    few = look_of(*film, most_bytes=30_000)
    assert 1 <= len(few.views) < 13
    assert whole_size(few) <= 30_000
    assert f"Of disc-0, {len(few.views)} of 78 views (clean-reseeded; film-tilt" in " ".join(few.left_out)
    none = look_of(*film, most_bytes=500)
    assert none.views == none.media == ()
    assert none.said == "Shown 0 of 3 photos: the pictures of a page may take 0.0005 MB."


def key_of(film: Film, find: Callable[[bytes], bool], kind: str) -> Path:
    (found,) = (path for path in film[1].folder.rglob(f"*.{kind}") if find(path.read_bytes()))
    return found


def is_photo(photo: ImageU8) -> Callable[[bytes], bool]:
    def find(data: bytes) -> bool:
        return np.array_equal(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), photo)

    return find


def test_what_the_store_does_not_hold_is_named_and_the_rest_is_shown(copied: Film, look: Look) -> None:
    path = key_of(copied, is_photo(tilted(disc(1), 8)), "png")
    path.write_bytes(path.read_bytes()[:-5] + b"torn!")
    clips = [path for path in copied[1].folder.rglob("*.mkv")]
    some = look_of(*copied, MOST)
    torn = "Photo disc-1 with film-tilt at 8 levels, made on film-seven"
    assert some.missing == (f"{torn}: {GONE}",)
    view = view_of(some, **TILT, budget=8, purification="jpeg(50)")
    assert [slot for slot, shown in view.slots.items() if shown.medium is None] == ["protected", "difference"]
    assert view.slots["protected"].gone == GONE
    assert len(some.views) == 234
    for clip in clips:
        clip.unlink()
    some = look_of(*copied, MOST)
    assert not any(medium.kind == "video" for medium in some.media)
    assert f"Clip that film-seven made of photo {torn.removeprefix('Photo ')}: {GONE}" in some.missing


def test_without_its_store_a_run_says_so_and_none_is_made(film: Film, tmp_path: Path) -> None:
    nothing = look_of(film[0], Store(tmp_path / "nowhere"), MOST)
    assert nothing.views == nothing.media == ()
    assert nothing.said.startswith("The store holds no photo or clip of this run any more")
    assert "The clean photo disc-0: " + GONE in nothing.missing
    assert str(tmp_path) not in repr(nothing)
    assert not (tmp_path / "nowhere").exists()


def test_looking_writes_nothing(film: Film, copied: Film) -> None:
    before = sorted(path for path in copied[1].folder.rglob("*"))
    look_of(*copied, most_bytes=200_000)
    assert sorted(path for path in copied[1].folder.rglob("*")) == before


def test_a_protection_that_failed_is_shown_with_its_reason(tmp_path: Path) -> None:
    done = film_run(tmp_path, "dataset.count=2", 'models=["film-seven"]', overrides=(with_protection("film-fails"),))
    some = look_of(RunFolder(done.folder), Store(tmp_path / "store"), MOST)
    view = next(view for view in some.views if view.place.protection == "film-fails")
    assert view.slots["clean"].medium is not None
    assert view.slots["protected_clip"].medium is None
    assert "made to fail" in str(view.slots["protected_clip"].score)


def test_one_seed_is_shown_and_the_others_are_named(tmp_path: Path) -> None:
    done = film_run(tmp_path, "dataset.count=2", 'models=["film-seven"]', "seeds=[3,5]", "budgets=[8]")
    some = look_of(RunFolder(done.folder), Store(tmp_path / "store"), MOST)
    assert some.left_out == ("Clips of seed 3 are shown, not those of 5.",)
    assert len(some.views) == 2 * 3 * 5


def test_pictures_of_another_version_are_said_to_be(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    from antibench.registry import PROTECTIONS

    monkeypatch.setattr(PROTECTIONS.load("film-tilt"), "version", 2)
    some = look_of(*film, MOST)
    assert f"{3 * 2 * 3 * 2 * 2} of 270 clips were made with other versions of plugins" in " ".join(some.left_out)
    assert view_of(some, **TILT, budget=8, purification="none").slots["protected_clip"].gone == GONE


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        look_of(RunFolder(tmp_path / "none"), Store(tmp_path), MOST)
