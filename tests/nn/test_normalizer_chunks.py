"""Normalisation fitted chunk by chunk, against the fit of the whole and numpy's statistics in float64."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astroNN.nn.utilities import Normalizer
from astroNN.nn.utilities._statistics import masked_moments

pytestmark = pytest.mark.one_backend

MAGIC = -9999.0
MODES = ["0", "1", "2", "3", "3s", "4", "255"]
EPS = np.finfo("float32").eps


def sample(n=60, seed=0):
    """Stars with 4 features of unlike means and spreads and a fifth missing; the first 20 all lack the third."""
    rng = np.random.default_rng(seed)
    data = rng.normal([0.0, 3.0, 4500.0, -5.0], [1.0, 0.1, 2.0, 2.0], size=(n, 4))
    data[rng.random(data.shape) < 0.2] = MAGIC
    data[:20, 2] = np.nan
    return data


def in_chunks(data, cuts, mode, **settings):
    normalizer = Normalizer(mode, verbose=0)
    for rows in np.split(np.arange(len(data)), cuts):
        chunk_settings = {name: value[rows] for name, value in settings.items()}
        normalizer.partial_fit(data[rows], **chunk_settings)
    return normalizer


def whole(data, mode, **settings):
    normalizer = Normalizer(mode, verbose=0)
    normalizer.fit(data, **settings)
    return normalizer


def assert_same(one, other):
    """Statistics equal but for the rounding to float32 of numbers that agree in float64."""
    np.testing.assert_allclose(one.mean_labels, other.mean_labels, rtol=2 * EPS, atol=1e-12)
    np.testing.assert_allclose(one.std_labels, other.std_labels, rtol=2 * EPS)
    np.testing.assert_allclose(one.fill["array"], other.fill["array"], rtol=4 * EPS, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 60), max_size=6).map(sorted))
def test_any_cutting_into_chunks_gives_the_statistics_of_the_whole(mode, cuts):
    assert_same(in_chunks(sample(), cuts, mode), whole(sample(), mode))


@settings(max_examples=50, deadline=None)
@given(cut=st.integers(0, 60), seed=st.integers(0, 1000))
def test_merged_moments_are_those_of_numpy_in_float64(cut, seed):
    data = sample(seed=seed)
    data[:, 2] += 2_450_000.0  # a Julian date with a scatter of days
    truth = np.where(data == MAGIC, np.nan, data)
    moments = masked_moments(data[:cut]).merged(masked_moments(data[cut:]))
    np.testing.assert_array_equal(moments.count, np.isfinite(truth).sum(0))
    # A mean is known to n roundings at worst; a deviation of 2 from one of 2.5e6 to 60 * 2.5e6 * 1e-16 / 2 = 1e-8.
    np.testing.assert_allclose(moments.mean(), np.nanmean(truth, axis=0), rtol=60 * 2.3e-16, atol=1e-14)
    np.testing.assert_allclose(moments.std(), np.nanstd(truth, axis=0), rtol=1e-8)
    np.testing.assert_allclose(moments.std("dataset"), np.nanstd(truth), rtol=1e-12)


def test_many_chunks_of_a_small_scatter_on_a_large_mean_are_not_cancelled():
    teff = np.random.default_rng(0).normal(4500.0, 0.5, (20_000, 1))
    chunked = in_chunks(teff, range(10, 20_000, 10), 2)
    np.testing.assert_allclose(chunked.std_labels, teff.std(0), rtol=EPS)
    np.testing.assert_allclose(chunked.mean_labels, teff.mean(0), rtol=EPS)


@pytest.mark.parametrize("mode", MODES)
def test_a_feature_that_one_chunk_or_all_chunks_lack_is_as_in_the_whole(mode):
    data = sample()
    data[:, 3] = np.nan
    assert_same(in_chunks(data, [20], mode), whole(data, mode))


def test_masks_and_rows_choose_what_counts_in_each_chunk():
    data, mask = sample(), np.random.default_rng(1).random((60, 4)) < 0.3
    assert_same(in_chunks(data, [7, 31], 2, masks=mask), whole(data, 2, masks=mask))
    normalizer = Normalizer(2, verbose=0)
    for start in (0, 30):
        normalizer.partial_fit(data[start : start + 30], rows=np.arange(0, 30, 2))
    assert_same(normalizer, whole(data[::2], 2))


def test_dictionaries_are_fitted_by_name_and_a_name_may_come_late():
    modes = {"input": 3, "aux": "2"}
    normalizer = Normalizer(modes, verbose=0)
    normalizer.partial_fit({"input": sample()[:30]})
    normalizer.partial_fit({"input": sample()[30:], "aux": sample(seed=1)}, masks={"aux": np.zeros((60, 4), bool)})
    together = Normalizer(modes, verbose=0)
    together.fit({"input": sample(), "aux": sample(seed=1)})
    for name in modes:
        np.testing.assert_allclose(normalizer.mean_labels[name], together.mean_labels[name], rtol=2 * EPS, atol=1e-12)
        np.testing.assert_allclose(normalizer.std_labels[name], together.std_labels[name], rtol=2 * EPS)
    assert normalizer.modes_as_text(modes) == {"input": "3", "aux": "2"}


@pytest.mark.parametrize("shape", [(), (6, 5, 2)])
def test_chunks_of_columns_and_images(shape):
    data = np.random.default_rng(0).uniform(0, 255, (10, *shape))
    chunked = in_chunks(data, [3], 2)
    assert_same(chunked, whole(data, 2))
    np.testing.assert_allclose(chunked.normalize(data, calc=False).std(0), 1.0, rtol=1e-5)


def test_chunks_of_an_hdf5_file_lists_and_masked_arrays(tmp_path):
    data = sample()
    with h5py.File(tmp_path / "labels.h5", "w") as file:
        stored = file.create_dataset("labels", data=data)
        by_file = in_chunks(stored, [25], 1)
    assert_same(by_file, whole(data, 1))
    assert_same(in_chunks(np.ma.masked_values(np.nan_to_num(data, nan=1e6), 1e6), [25], 1), whole(data, 1))
    assert_same(Normalizer(1, verbose=0).partial_fit(data.tolist()), whole(data, 1))


def test_statistics_can_be_used_between_chunks():
    normalizer = Normalizer(2, verbose=0)
    for end in (30, 60):
        chunked = normalizer.partial_fit(sample()[end - 30 : end])
        np.testing.assert_array_equal(
            chunked.normalize(sample(), calc=False), whole(sample()[:end], 2).normalize(sample(), calc=False)
        )


def test_a_fit_or_a_reset_starts_anew_and_a_chunk_adds_to_a_fit():
    normalizer = in_chunks(sample(seed=5) + 100, [], 2)
    normalizer.fit(sample()[:30])
    assert_same(normalizer, whole(sample()[:30], 2))
    assert_same(normalizer.partial_fit(sample()[30:]), whole(sample(), 2))
    normalizer.reset()
    assert normalizer.mean_labels == normalizer.std_labels == normalizer.fill == {}
    assert_same(normalizer.partial_fit(sample()), whole(sample(), 2))


def test_an_empty_chunk_changes_nothing():
    assert_same(in_chunks(sample(), [0, 20, 20], 2), whole(sample(), 2))


def test_a_chunk_of_another_shape_is_refused_and_leaves_the_statistics():
    normalizer = Normalizer(2, verbose=0).partial_fit({"a": sample(), "b": sample()})
    before = normalizer.mean_labels["a"].copy()
    with pytest.raises(ValueError, match=r"`b` have the shape \(3,\) in this chunk, and had \(4,\)"):
        normalizer.partial_fit({"a": sample() + 1, "b": sample()[:, :3]})
    np.testing.assert_array_equal(normalizer.mean_labels["a"], before)


def test_arrays_and_dictionaries_are_not_mixed():
    normalizer = Normalizer(2, verbose=0).partial_fit(sample())
    with pytest.raises(ValueError, match="all arrays or all dictionaries.*ones before were arrays"):
        normalizer.partial_fit({"array": sample()})


def test_a_chunk_is_not_added_to_statistics_of_unknown_weight():
    normalizer = Normalizer({"input": 2}, verbose=0)
    normalizer.mean_labels, normalizer.std_labels = {"input": np.zeros(4)}, {"input": np.ones(4)}
    with pytest.raises(ValueError, match="without the number of stars behind them"):
        normalizer.partial_fit({"input": sample()})
    normalizer.reset()
    normalizer.partial_fit({"input": sample()})


def test_an_unknown_mode_is_refused_with_the_first_chunk():
    with pytest.raises(ValueError, match="Unknown Mode -> 7"):
        Normalizer(7, verbose=0).partial_fit(sample())


def test_boolean_chunks_are_not_normalised_and_warned_of_once():
    normalizer = Normalizer(2, verbose=0)
    with pytest.warns(UserWarning, match="boolean") as caught:
        for _ in range(2):
            normalizer.partial_fit(np.array([[True], [False]]))
    assert len(caught) == 1 and normalizer.mean_labels == 0.0 and normalizer.std_labels == 1.0


def test_a_mask_for_other_data_is_refused():
    normalizer, mask = Normalizer(2, verbose=0), np.zeros((59, 4), bool)
    for fit in (normalizer.fit, normalizer.partial_fit, lambda data, mask: normalizer.normalize(data, mask=mask)):
        with pytest.raises(ValueError, match=r"mask is for one array, the data are a dictionary of \['input'\]"):
            fit({"input": sample()}, mask)
        with pytest.raises(ValueError, match=r"mask for the data has shape \(59, 4\), the data have \(60, 4\)"):
            fit(sample(), mask)
