"""The rendered portraits: the same by index whatever else is drawn, held out by split, captioned by what they do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from antibench.zoo.motion import CAPTION_LENGTH, HEAD, WORDS, YAW, caption, sample_motion, token_ids
from antibench.zoo.portraits import ClipFactory, portrait_clip, seed_of


def test_a_portrait_is_byte_for_byte_the_same_again() -> None:
    first, said = portrait_clip("test", 3, 32, 4)
    portrait_clip("test", 9, 32, 4)
    again, said_again = portrait_clip("test", 3, 32, 4)
    assert first.dtype == np.uint8
    assert first.shape == (4, 32, 32, 3)
    np.testing.assert_array_equal(first, again)
    assert said == said_again


def test_no_global_randomness_is_used() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    portrait_clip("test", 0, 32, 2)
    assert torch.equal(before, torch.get_rng_state())


def test_splits_and_indices_hold_other_people() -> None:
    seeds = {seed_of(split, index) for split in ("train", "tune", "test") for index in range(200)}
    assert len(seeds) == 600
    photos = [portrait_clip("test", index, 32, 1)[0][0] for index in range(4)] + [portrait_clip("tune", 0, 32, 1)[0][0]]
    for i, a in enumerate(photos):
        for b in photos[i + 1 :]:
            assert np.abs(a.astype(int) - b.astype(int)).mean() > 5


def test_an_unknown_split_is_named() -> None:
    with pytest.raises(ValueError, match="train, tune, test"):
        portrait_clip("validation", 0, 32, 2)  # type: ignore[arg-type]


def test_the_asked_action_is_performed_and_told() -> None:
    left, said_left = portrait_clip("test", 1, 32, 5, (HEAD.index("turns left"), 0, 0))
    right, said_right = portrait_clip("test", 1, 32, 5, (HEAD.index("turns right"), 0, 0))
    assert "turns left" in said_left
    assert "turns right" in said_right
    # One person, one scene: alike when the clip begins, apart when it ends.
    apart = [np.abs(a.astype(int) - b.astype(int)).mean() for a, b in zip(left, right, strict=True)]
    assert apart[-1] > 3 * apart[0]


def test_motion_goes_where_the_caption_says() -> None:
    actions = torch.tensor([[HEAD.index("turns right"), 0, 0], [HEAD.index("turns left"), 0, 0]] * 20)
    yaw = sample_motion(actions, 9, torch.Generator().manual_seed(1))["yaw"]
    change = yaw[:, -1] - yaw[:, 0]
    sways = 2 * 0.02  # each end may be off by the amplitude of the sway
    assert (change[0::2] > 0.75 * YAW - sways).all()
    assert (change[1::2] < -(0.75 * YAW - sways)).all()
    assert (change.abs() < 1.2 * YAW + sways).all()


def test_captions_are_known_words_of_bounded_length() -> None:
    for head in range(6):
        for mouth in range(4):
            for eyes in range(4):
                ids = token_ids(caption(head, mouth, eyes))
                assert len(ids) == CAPTION_LENGTH
                said = [WORDS[i] for i in ids if i]
                assert " ".join(said) == caption(head, mouth, eyes)
    assert token_ids("") == [0] * CAPTION_LENGTH
    assert token_ids("A zebra, smiles.")[:3] == [WORDS.index("a"), 0, WORDS.index("smiles")]


def test_a_training_batch_repeats_people_in_other_scenes() -> None:
    factory = ClipFactory(32, 2, torch.device("cpu"))
    clips, actions = factory.batch(0, 3, 2)
    assert clips.shape == (6, 2, 3, 32, 32)
    assert clips.dtype == torch.uint8
    assert actions.shape == (6, 3)
    assert torch.equal(clips, factory.batch(0, 3, 2)[0])
    assert not torch.equal(clips, factory.batch(1, 3, 2)[0])
    assert not torch.equal(clips[:3], clips[3:])
