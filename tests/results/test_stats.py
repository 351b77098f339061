from __future__ import annotations

import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as oracle

from antibench.stats import (
    Interval,
    bootstrap,
    holm,
    median_interval,
    resample_weights,
    sign_flip_p,
    smallest_detectable,
    t_quantile,
    t_tail,
    weighted,
)
from antibench.strength import Effects, ratio, worst

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
import interval_coverage as coverage


def mean_of(values: np.ndarray) -> Interval:
    return bootstrap(lambda weights: weighted(weights, values), len(values))


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 8, 31, 60, 199])
def test_student_t_agrees_with_scipy(freedom: int) -> None:
    for value in (-30.0, -2.0, -0.1, 0.0, 0.5, 3.0, 40.0):
        assert t_tail(value, freedom) == pytest.approx(oracle.t.sf(value, freedom), abs=1e-12)
    for probability in (0.5, 0.8, 0.975, 0.999):
        expected = oracle.t.ppf(probability, freedom)
        assert t_quantile(probability, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("photos", [4, 16, 60])
def test_standard_error_of_a_mean_agrees_with_scipy_and_the_formula(photos: int) -> None:
    values = np.random.default_rng(photos).gamma(2.0, size=photos)
    found = mean_of(values)
    assert found.error is not None
    theirs = oracle.bootstrap((values,), np.mean, n_resamples=5000, method="percentile", rng=1).standard_error
    assert found.error == pytest.approx(theirs * math.sqrt(photos / (photos - 1)), rel=0.05)
    assert found.error == pytest.approx(values.std(ddof=1) / math.sqrt(photos), rel=0.05)


@pytest.mark.parametrize("values", [(0.1, 0.4, 0.5, 0.9, 0.2), (0.1, 0.1, 0.2, 0.1, 0.1, 0.9), (1.0, 1.0, 3.0, 3.0)])
def test_interval_is_the_estimate_plus_minus_t_and_the_widening_times_the_error(values: tuple[float, ...]) -> None:
    """The widening by Hall (1988), with the moments of scipy: a mean's photos are skewed as they are."""
    found = mean_of(np.array(values))
    assert found.error is not None
    z, photos = oracle.norm.ppf(0.975), len(values)
    by_skewness = oracle.skew(values) ** 2 * (z**4 + 2 * z**2 - 3) / 18
    by_kurtosis = oracle.kurtosis(values) * (z**2 - 3) / 12
    half = (oracle.t.ppf(0.975, photos - 1) + z * (by_skewness - by_kurtosis) / photos) * found.error
    assert found.low == pytest.approx(np.mean(values) - half, abs=1e-6)
    assert found.high == pytest.approx(np.mean(values) + half, abs=1e-6)


def test_the_expansion_behind_the_widening_holds_for_skewed_photos() -> None:
    """Of means of exponential numbers (skewness 2, kurtosis 6), t and the widening of the truth cover 95%."""
    photos, z = 20, oracle.norm.ppf(0.975)
    samples = np.random.default_rng(3).exponential(size=(200_000, photos))
    t = np.abs(samples.mean(axis=1) - 1) / samples.std(axis=1, ddof=1) * math.sqrt(photos)
    wider = z * (4 * (z**4 + 2 * z**2 - 3) / 18 - 6 * (z**2 - 3) / 12) / photos
    plain = oracle.t.ppf(0.975, photos - 1)
    assert np.mean(t <= plain) < 0.935
    assert np.mean(t <= plain + wider) == pytest.approx(0.95, abs=0.01)


def test_photos_that_are_not_skewed_get_the_t_interval() -> None:
    """Heavy tails alone make no interval narrower."""
    values = np.array([-5.0, -0.1, -0.1, 0.0, 0.0, 0.1, 0.1, 5.0])
    found = mean_of(values)
    assert found.error is not None
    assert found.high == pytest.approx(oracle.t.ppf(0.975, 7) * found.error)


def test_interval_of_a_ratio_resamples_numerator_and_denominator_together() -> None:
    rng = np.random.default_rng(3)
    span = rng.uniform(0.3, 0.9, 12)
    # Every photo moves by exactly half of its span, so every resample has strength 0.5.
    found = bootstrap(ratio(Effects(span / 2, span)), 12)
    assert found.estimate == pytest.approx(0.5)
    assert found.error == pytest.approx(0.0, abs=1e-12)


def test_worst_case_agrees_with_drawing_photos_one_by_one() -> None:
    rng = np.random.default_rng(4)
    moved, span = rng.normal(0.2, 0.3, (3, 6)), rng.uniform(0.4, 0.8, (3, 6))
    weights = resample_weights(6)[:40]
    expected = []
    for row in weights:
        drawn = [photo for photo in range(6) for _ in range(round(row[photo] * 6))]
        denominators = [sum(span[p][photo] for photo in drawn) / 6 for p in range(3)]
        weakest = [min(moved[p][photo] / denominators[p] for p in range(3)) for photo in drawn]
        expected.append(sum(weakest) / 6)
    found = worst([Effects(*pair) for pair in zip(moved, span, strict=True)])(weights)
    assert found == pytest.approx(expected)


def test_resamples_are_seeded_and_draw_as_many_photos_as_there_are() -> None:
    resample_weights.cache_clear()
    first = resample_weights(7).copy()
    resample_weights.cache_clear()
    assert np.array_equal(first, resample_weights(7))
    assert first.sum(axis=1) == pytest.approx(1.0)
    assert first.mean(axis=0) == pytest.approx(1 / 7, abs=0.01)


def test_one_photo_has_no_interval() -> None:
    assert mean_of(np.array([0.3])) == (0.3, None, None, None, 1)


@pytest.mark.parametrize("photos", [2, 5, 9, 14])
def test_sign_flip_test_agrees_with_scipys_exact_permutation_test(photos: int) -> None:
    differences = np.random.default_rng(photos).normal(0.4, 1.0, photos)
    theirs = oracle.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(differences) == pytest.approx(theirs.pvalue)


def test_sign_flip_test_of_many_photos_is_close_to_the_normal_limit() -> None:
    differences = np.random.default_rng(8).normal(0.25, 1.0, 60)
    z = differences.sum() / math.sqrt((differences**2).sum())
    assert sign_flip_p(differences) == pytest.approx(2 * oracle.norm.sf(abs(z)), abs=0.01)
    assert sign_flip_p(differences) == sign_flip_p(differences)


def test_sign_flip_test_counts_ties_despite_rounding() -> None:
    assert sign_flip_p(np.array([0.1, 0.2, 0.3])) == 0.25
    assert sign_flip_p(np.zeros(5)) == 1.0


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_smallest_detectable_effect_is_found_four_times_in_five() -> None:
    photos, error, rng = 12, 0.1, np.random.default_rng(9)
    effect = smallest_detectable(error, photos)
    samples = rng.normal(effect, error * math.sqrt(photos), (4000, photos))
    t = samples.mean(axis=1) / (samples.std(axis=1, ddof=1) / math.sqrt(photos))
    assert np.mean(t > t_quantile(0.975, photos - 1)) == pytest.approx(0.8, abs=0.03)


SEEN = ("collapse", "weak", "reseeded", "lowfreq")
"""Made-up worlds with the moments of a real run's."""


@pytest.mark.parametrize("photos", [8, 24])
def test_intervals_cover_the_truth_about_as_often_as_they_say(photos: int) -> None:
    """A small version of `benchmarks/interval_coverage.py`; 400 intervals of each number, so +- 2.2% by chance."""
    found = [coverage.coverage(world, photos, 100, others=True) for world in SEEN]
    covered = {key: np.mean([item[key] for item in found]) for key in found[0]}
    for quantity in coverage.QUANTITIES:
        assert (0.915 if photos == 8 else 0.925) <= covered[quantity, "this interval"] <= 0.985, quantity
    # The intervals that were not taken cover less often, and at eight photos too seldom.
    for quantity in coverage.OTHER_METHODS_OF:
        for method in ("percentile", "BCa"):
            assert covered[quantity, method] < covered[quantity, "this interval"]
            assert photos > 8 or covered[quantity, method] < 0.935


@pytest.mark.parametrize("world", ["gone", "exponential"])
def test_intervals_of_harder_worlds_cover_less_often_but_not_far_less(world: str) -> None:
    found = coverage.coverage(world, 16, 200)
    assert all(0.84 <= share <= 0.99 for share in found.values()), found


def test_the_bca_interval_of_the_benchmark_is_scipys() -> None:
    values = np.random.default_rng(5).gamma(2.0, size=25)
    theirs = oracle.bootstrap((values,), np.mean, method="BCa", n_resamples=20_000, rng=1).confidence_interval
    found = coverage.bca(lambda weights: weighted(weights, values), 25)
    assert found == pytest.approx((theirs.low, theirs.high), abs=0.02)
    assert found[0] > coverage.percentile(lambda weights: weighted(weights, values), 25)[0] + 0.02


def test_the_interval_of_a_mean_is_the_t_interval() -> None:
    values = np.random.default_rng(12).normal(0.4, 0.3, 40)
    theirs = oracle.ttest_1samp(values, 0).confidence_interval(0.95)
    found = mean_of(values)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.006)


@pytest.mark.parametrize("world", ["collapse", "lowfreq"])
def test_made_up_worlds_have_the_moments_they_say(world: str) -> None:
    drawn = coverage.draw(np.random.default_rng(1), world, 100_000)
    for effects, (mean, deviation, skewness) in zip(drawn.over(0, 8), coverage.WORLDS[world].strengths, strict=True):
        strengths = effects.moved / coverage.SPAN
        assert strengths.mean() == pytest.approx(mean, abs=0.01)
        assert strengths.std() == pytest.approx(deviation, rel=0.04)
        assert oracle.skew(strengths) == pytest.approx(skewness, rel=0.12, abs=0.15)
        assert effects.span.std() / effects.span.mean() == pytest.approx(0.46, abs=0.02)


def test_the_page_of_coverage_is_what_the_benchmark_writes_and_the_documentation_quotes_it() -> None:
    docs = Path(__file__).resolve().parents[2] / "docs"
    page, statistics = (docs / name for name in ("results/coverage.md", "statistics.md"))
    (quoted,) = re.findall(
        r"<!-- table of results/coverage\.md -->\n(.*?)\n<!-- end -->", statistics.read_text(), re.DOTALL
    )
    assert quoted in page.read_text()
    assert len(quoted.splitlines()) == 2 + len(coverage.QUANTITIES)
    nothing = {
        (world, photos, quantity, method): 0.95
        for world in coverage.WORLDS
        for photos in coverage.PHOTOS
        for quantity in coverage.QUANTITIES
        for method in coverage.METHODS
    }
    written = "\n".join(coverage.page(nothing, 1500)) + "\n"
    assert [re.sub(r"\d+\.\d", "#", line) for line in page.read_text().splitlines()] == [
        re.sub(r"\d+\.\d", "#", line) for line in written.splitlines()
    ]


def test_the_interval_of_a_median_lies_between_two_of_the_values() -> None:
    assert median_interval([]) == (None, None, None)
    assert median_interval([3.0, 1.0, 2.0, 5.0, 4.0]) == (3.0, None, None)  # both ends are exceeded in 6% of draws
    assert median_interval([6.0, 5.0, 4.0, 3.0, 2.0, 1.0]) == (3.5, 1.0, 6.0)
    assert median_interval([float(value) for value in range(1, 25)]) == (12.5, 7.0, 18.0)


@pytest.mark.parametrize("count", [6, 9, 24, 101])
def test_the_interval_of_a_median_is_the_binomials(count: int) -> None:
    values = [float(value) for value in range(1, count + 1)]
    _, low, high = median_interval(values)
    assert low is not None
    assert high == count + 1 - low
    assert 2 * oracle.binom.cdf(low - 1, count, 0.5) <= 0.05 < 2 * oracle.binom.cdf(low, count, 0.5)
