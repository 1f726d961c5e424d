"""Stars held back for validation."""

import warnings

import numpy as np
import pytest

from astroNN.models.training.split import split_stars

pytestmark = pytest.mark.one_backend


@pytest.mark.parametrize(("n_stars", "val_size"), [(10, 0.0), (10, 0.3), (101, 0.1), (7, 0.99), (3, 0.2)])
def test_every_star_stands_on_one_side_and_the_fraction_is_rounded_down(n_stars, val_size):
    train, val = split_stars(n_stars, val_size, seed=3)
    assert len(val) == int(n_stars * val_size)
    assert sorted([*train, *val]) == list(range(n_stars))
    assert list(train) == sorted(train)
    assert list(val) == sorted(val)


def test_a_seed_repeats_the_split_and_another_seed_gives_another():
    first, again, other = (split_stars(1000, 0.3, seed)[1] for seed in (8, 8, 9))
    np.testing.assert_array_equal(first, again)
    # 300 of 1000 drawn twice share 90 +- 8 by chance (hypergeometric).
    assert 50 < len(np.intersect1d(first, other)) < 130


def test_the_stars_held_back_are_spread_over_the_whole_table():
    val = split_stars(10_000, 0.1, seed=1)[1]
    per_tenth = np.histogram(val, bins=10, range=(0, 10_000))[0]
    # Binomial: 100 +- 9.5 in each tenth; six sigma.
    assert (np.abs(per_tenth - 100) < 60).all()


@pytest.mark.parametrize("kind", ["integers", "names"])
def test_visits_of_one_star_stand_on_one_side(kind):
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 120, 1000)
    if kind == "names":
        groups = np.array([f"2M{group:04d}" for group in groups])
    for seed in range(20):
        train, val = split_stars(1000, 0.2, seed, groups)
        assert not set(groups[train]) & set(groups[val])
        assert sorted([*train, *val]) == list(range(1000))
        # Groups have 8 rows in the mean: the wanted number is met to about one group.
        assert 170 <= len(val) <= 230


def test_a_group_that_holds_most_rows_is_never_held_back():
    groups = np.concatenate([np.zeros(900, int), np.arange(1, 101)])
    for seed in range(20):
        val = split_stars(1000, 0.05, seed, groups)[1]
        assert 0 not in groups[val]
        assert len(val) == 50


def test_of_two_large_groups_one_is_held_back():
    groups = np.repeat(["a", "b"], [60, 40])
    train, val = split_stars(100, 0.1, 1, groups)
    assert set(groups[val]) == {"b"}
    assert set(groups[train]) == {"a"}


def test_one_group_can_not_be_split_and_a_warning_says_so():
    with pytest.warns(UserWarning, match="one group"):
        train, val = split_stars(10, 0.2, 0, np.zeros(10))
    assert len(train) == 10
    assert len(val) == 0


def test_no_validation_asked_for_is_no_reason_to_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train, val = split_stars(10, 0.0, 0, np.zeros(10))
    assert (len(train), len(val)) == (10, 0)


@pytest.mark.parametrize("val_size", [-0.1, 1.0, 1.5, float("nan"), "a fifth"])
def test_a_fraction_out_of_range_is_refused_by_name(val_size):
    with pytest.raises((ValueError, TypeError), match="val_size"):
        split_stars(10, val_size, 0)
