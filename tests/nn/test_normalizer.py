"""Normalisation of data with gaps, against numpy's own statistics in float64."""

import warnings

import h5py
import numpy as np
import pytest

from astroNN.nn.utilities import Normalizer, _statistics
from astroNN.nn.utilities._statistics import masked_moments

pytestmark = pytest.mark.one_backend

MAGIC = -9999.0
MODES = ["0", "1", "2", "3", "3s", "4", "255"]
EPS = np.finfo("float32").eps


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# What each mode is by definition: the normalised data from the data, with NaN for what is missing.
TRUTH = {
    "0": lambda x: x,
    "1": lambda x: (x - np.nanmean(x)) / np.nanstd(x),
    "2": lambda x: (x - np.nanmean(x, axis=0)) / np.nanstd(x, axis=0),
    "3": lambda x: x - np.nanmean(x, axis=0),
    "3s": lambda x: sigmoid(x - np.nanmean(x, axis=0)),
    "4": lambda x: x / np.nanstd(x, axis=0),
    "255": lambda x: x / 255,
}


def sample(missing=None, seed=0):
    """60 stars with 4 features of unlike means and spreads; a fifth of the elements missing if asked for."""
    rng = np.random.default_rng(seed)
    data = rng.normal([0.0, 3.0, -20.0, 5.0], [1.0, 0.1, 4.0, 2.0], size=(60, 4)).astype("float32")
    if missing is not None:
        data[rng.random(data.shape) < 0.2] = missing
    return data


def as_nan(data):
    data = np.asarray(data, "float64")
    return np.where(data == MAGIC, np.nan, data)


def fitted(mode, data, **settings):
    normalizer = Normalizer(mode, verbose=0)
    normalizer.fit({"input": data}, **settings)
    return normalizer


@pytest.mark.parametrize("missing", [None, MAGIC, np.nan], ids=["whole", "magic", "nan"])
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_what_its_table_says(mode, missing):
    data = sample(missing)
    normalised = Normalizer(mode, verbose=0).normalize(data)
    assert normalised.dtype == ("float64" if mode == "3s" else "float32")
    truth = TRUTH[mode](as_nan(data))
    # The mean, rounded to float32, is up to 20 large and divided by a spread of down to 0.1.
    np.testing.assert_allclose(as_nan(normalised), truth, rtol=4 * EPS, atol=2 * EPS * 30)
    np.testing.assert_array_equal(normalised == MAGIC, np.isnan(truth))


@pytest.mark.parametrize("missing", [None, MAGIC, np.nan], ids=["whole", "magic", "nan"])
@pytest.mark.parametrize("mode", MODES)
def test_denormalize_undoes_normalize_and_marks_the_gaps(mode, missing):
    data = sample(missing)
    normalizer = Normalizer(mode, verbose=0)
    restored = normalizer.denormalize(normalizer.normalize(data))
    np.testing.assert_allclose(as_nan(restored), as_nan(data), rtol=4 * EPS, atol=4 * EPS * 30)
    np.testing.assert_array_equal(restored == MAGIC, np.isnan(as_nan(data)))


def test_the_documented_example():
    normalizer = Normalizer(mode=1, verbose=0)
    normalised = normalizer.normalize([[1.0, 2.0, 3.0], [9.0, 8.0, 7.0]])
    assert normalizer.mean_labels == 5.0 and round(float(normalizer.std_labels), 4) == 3.1091
    np.testing.assert_allclose(normalised, (np.array([[1, 2, 3], [9, 8, 7]]) - 5) / np.sqrt(58 / 6), rtol=1e-6)


def test_images_of_8_bit_become_0_to_1_and_no_brightness_is_missing():
    image = np.arange(256, dtype="uint8").reshape(1, 16, 16)
    normalised = Normalizer(255, verbose=0).normalize(image)
    np.testing.assert_allclose(normalised, image / 255.0, rtol=EPS)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32"])
@pytest.mark.parametrize("mode", MODES)
def test_whatever_the_dtype_given_float32_comes_back_but_for_the_sigmoid(mode, dtype):
    data = np.array([[1, -9999], [3, 4], [-5, 6]]).astype(dtype)
    normalizer = Normalizer(mode, verbose=0)
    normalised = normalizer.normalize(data)
    expected = "float64" if mode == "3s" else "float32"
    assert normalised.dtype == normalizer.denormalize(normalised).dtype == expected
    assert normalised[0, 1] == MAGIC and (normalised != MAGIC).sum() == 5
    assert normalizer.network_input("array", data).dtype == "float32"


def test_float64_keeps_its_digits_until_it_is_centred():
    times = 2_457_000.0 + np.array([[0.0], [0.5], [1.0]])  # float32 has steps of 0.25 there
    normalised = Normalizer(3, verbose=0).normalize(times)
    np.testing.assert_allclose(np.diff(normalised, axis=0), 0.5)


@pytest.mark.parametrize("offset", [-36.0, -20.0, 0.0, 20.0, 35.0])
def test_the_sigmoid_can_be_undone_far_from_the_mean(offset):
    data = np.array([[offset], [-offset]])
    normalizer = Normalizer("3s", verbose=0)
    # 1 - sigmoid(35) is 6e-16, 6 times the spacing of float64 below 1: the logit is known to about 0.1.
    np.testing.assert_allclose(normalizer.denormalize(normalizer.normalize(data)), data, atol=0.4)


def test_values_out_of_the_sigmoids_range_become_its_extremes_not_the_mean():
    normalizer = Normalizer("3s", verbose=0)
    normalizer.normalize(np.array([[4.0], [6.0]]))
    low, mean, high = normalizer.denormalize(np.array([[-0.1], [0.5], [1.0]]))[:, 0]
    assert low < mean - 36 and mean == 5.0 and high > mean + 36


@pytest.mark.parametrize("missing", [MAGIC, np.nan])
@pytest.mark.parametrize("mode", MODES)
def test_a_missing_pixel_becomes_the_training_mean_for_the_network(mode, missing):
    train = sample(missing)
    normalizer = fitted(mode, train)
    star = train[:1].copy()
    star[0, 1] = missing
    mean_star = np.nanmean(as_nan(train), axis=0, keepdims=True).astype("float32")
    expected = normalizer.network_input("input", np.where(as_nan(star) == star, star, mean_star))
    given = normalizer.network_input("input", star)
    np.testing.assert_allclose(given, expected, rtol=4 * EPS, atol=4 * EPS * 30)
    assert given.dtype == "float32" and np.isfinite(given).all()
    by_mask = normalizer.network_input("input", np.where(np.isnan(as_nan(star)), 7.7, star), np.isnan(as_nan(star)))
    np.testing.assert_array_equal(by_mask, given)


@pytest.mark.parametrize("mode", MODES)
def test_masked_elements_take_no_part_in_the_statistics(mode):
    blank = sample(np.nan)
    mask = np.isnan(blank)
    spoiled = np.where(mask, 1e6, blank)
    expected = Normalizer(mode, verbose=0).normalize(blank)
    np.testing.assert_array_equal(Normalizer(mode, verbose=0).normalize(spoiled, mask=mask), expected)
    by_name = Normalizer(mode, verbose=0).normalize({"input": spoiled}, mask={"input": mask})
    np.testing.assert_array_equal(by_name["input"], expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [0.0, 0.1, 4500.1])
@pytest.mark.parametrize("mode", MODES)
def test_a_constant_feature_is_divided_by_1(mode, value, dtype):
    data = np.full((1000, 2), value, dtype)
    data[:, 1] = np.linspace(-1, 1, 1000)
    normalizer = fitted(mode, data)
    if mode in ("2", "4"):
        assert normalizer.std_labels["input"][0] == 1.0
    constant = normalizer.normalize({"input": data}, calc=False)["input"][:, 0]
    assert np.isfinite(constant).all()
    if mode in ("2", "3"):
        np.testing.assert_allclose(constant, 0.0, atol=EPS * abs(value))


def test_scatter_that_float32_cannot_hold_is_not_blown_up():
    times = (2_457_000.5 + np.array([[0.0], [0.001], [0.002]])).astype("float64")
    assert np.abs(Normalizer(2, verbose=0).normalize(times)).max() < 1.0


@pytest.mark.parametrize("missing", [MAGIC, np.nan])
@pytest.mark.parametrize("mode", MODES)
def test_a_feature_that_no_star_has_stays_finite(mode, missing):
    data = sample(missing)
    data[:, 2] = missing
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        normalizer = fitted(mode, data)
        network_input = normalizer.network_input("input", data)
    for statistics in (normalizer.mean_labels, normalizer.std_labels, normalizer.fill):
        assert np.isfinite(statistics["input"]).all()
    assert np.isfinite(network_input).all()
    assert (normalizer.normalize({"input": data}, calc=False)["input"][:, 2] == MAGIC).all()


def test_a_pixel_that_no_training_star_has_becomes_the_mean_of_the_others():
    spectra = np.full((5, 3), 1.0, "float32") + np.linspace(-0.1, 0.1, 5, dtype="float32")[:, None]
    spectra[:, 1] = np.nan
    np.testing.assert_allclose(fitted(0, spectra).network_input("input", spectra)[:, 1], 1.0, rtol=EPS)
    unseen = fitted(3, spectra).network_input("input", np.ones((1, 3), "float32"))
    np.testing.assert_allclose(unseen, 0.0, atol=2 * EPS)


def test_nothing_but_gaps_stays_finite():
    normalizer = fitted(1, np.full((3, 2), np.nan))
    assert normalizer.mean_labels["input"] == 0.0 and normalizer.std_labels["input"] == 1.0


@pytest.mark.parametrize("mode", MODES)
def test_one_dimension_is_one_feature(mode):
    column = sample()[:, 1]
    normalizer = Normalizer(mode, verbose=0)
    normalised = normalizer.normalize(column)
    np.testing.assert_array_equal(normalised, Normalizer(mode, verbose=0).normalize(column[:, None]))
    assert normalised.shape == (60, 1) == normalizer.normalize(column, calc=False, mask=np.zeros(60, bool)).shape


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(60,), (60, 4)])
@pytest.mark.parametrize("mode", MODES)
def test_the_users_array_is_never_changed(mode, shape, dtype):
    data = sample(np.nan)[(slice(None), 0) if len(shape) == 1 else ...].astype(dtype)
    data.setflags(write=False)
    before = data.copy()
    normalizer = Normalizer(mode, verbose=0)
    normalised = normalizer.normalize(data)
    normalizer.denormalize(normalised)
    normalizer.network_input("array", data)
    assert not np.shares_memory(normalised, data)
    np.testing.assert_array_equal(data, before)


def test_a_dictionary_of_modes_is_applied_by_name_and_left_alone():
    modes = {"input": 255, "aux": "2"}
    normalizer = Normalizer(modes, verbose=0)
    data = {"input": sample(), "aux": sample(seed=1)}
    normalised = normalizer.normalize(data)
    np.testing.assert_allclose(normalised["input"], data["input"] / 255, rtol=EPS)
    np.testing.assert_allclose(normalised["aux"], TRUTH["2"](as_nan(data["aux"])), atol=2 * EPS * 30)
    assert normalizer.modes_as_text(data) == {"input": "255", "aux": "2"} and modes == {"input": 255, "aux": "2"}
    restored = normalizer.denormalize(normalised)
    np.testing.assert_allclose(restored["aux"], data["aux"], rtol=4 * EPS, atol=4 * EPS * 30)


def test_a_sigmoid_for_one_name_leaves_the_others_alone():
    normalizer = Normalizer({"input": "3s", "aux": "3"}, verbose=0)
    normalised = normalizer.normalize({"input": sample(), "aux": sample()})
    np.testing.assert_allclose(
        normalised["input"], sigmoid(normalised["aux"].astype("float64")), rtol=1e-5, atol=1e-12
    )


def test_one_mode_holds_for_all_names():
    normalised = Normalizer(3, verbose=0).normalize({"a": sample(), "b": sample()})
    np.testing.assert_array_equal(normalised["a"], normalised["b"])


@pytest.mark.parametrize("mode", [5, "two", None, {"input": "7"}])
def test_an_unknown_mode_is_refused(mode):
    with pytest.raises(ValueError, match="Unknown Mode ->.*the modes are 0, 1, 2"):
        Normalizer(mode, verbose=0).normalize({"input": sample()})


def test_a_name_without_a_mode_is_refused_rather_than_passed_as_it_is():
    with pytest.raises(ValueError, match="no mode for `aux`, only for .'input'."):
        Normalizer({"input": 1}, verbose=0).normalize({"input": sample(), "aux": sample()})


@pytest.mark.parametrize("mode", MODES)
def test_stored_statistics_are_used_whatever_the_mode_says(mode):
    # An old folder of mode 255 holds 127.5 and 127.5: images from -1 to 1.
    normalizer = Normalizer({"input": mode}, verbose=0)
    normalizer.mean_labels, normalizer.std_labels = {"input": [127.5]}, {"input": [127.5]}
    normalised = normalizer.normalize({"input": np.array([[0.0], [255.0]])}, calc=False)["input"]
    expected = np.array([[-1.0], [1.0]])
    np.testing.assert_allclose(normalised, sigmoid(expected) if mode == "3s" else expected)
    np.testing.assert_allclose(normalizer.denormalize({"input": normalised})["input"], [[0.0], [255.0]], atol=1e-4)


def test_without_new_statistics_the_old_ones_stand():
    normalizer = Normalizer(2, verbose=0)
    train, test = sample(), sample(seed=1)
    normalizer.normalize(train)
    mean, std = train.mean(0, dtype="float64"), train.std(0, dtype="float64")
    np.testing.assert_allclose(normalizer.normalize(test, calc=False), (test - mean) / std, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(normalizer.mean_labels, mean, rtol=EPS)


def test_a_name_without_statistics_is_passed_as_it_is():
    normalised = Normalizer({"input": 2}, verbose=0).normalize({"aux": sample()}, calc=False)
    np.testing.assert_array_equal(normalised["aux"], sample())


def test_a_plain_array_and_then_a_dictionary_can_share_a_normalizer():
    normalizer = Normalizer(2, verbose=0)
    normalizer.normalize(sample())
    assert isinstance(normalizer.mean_labels, np.ndarray)
    normalised = normalizer.normalize({"input": sample(seed=1)})
    assert list(normalizer.mean_labels) == list(normalizer.std_labels) == ["input"]
    np.testing.assert_allclose(normalised["input"], TRUTH["2"](sample(seed=1).astype("float64")), atol=2 * EPS * 30)


def test_one_star_without_its_row_axis_is_refused_rather_than_spread_over_all_features():
    normalizer = Normalizer(2, verbose=0)
    normalised = normalizer.normalize(sample())
    with pytest.raises(ValueError, match=r"features of shape \(1,\), the statistics \(4,\).*single star"):
        normalizer.denormalize(normalised[0])


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 2)])
@pytest.mark.parametrize("mode", MODES)
def test_images_are_normalised_pixel_by_pixel(mode, shape):
    images = np.random.default_rng(0).uniform(0, 255, (10, *shape)).astype("float32")
    flat = Normalizer(mode, verbose=0).normalize(images.reshape(10, -1))
    np.testing.assert_array_equal(Normalizer(mode, verbose=0).normalize(images).reshape(10, -1), flat)


def test_boolean_data_are_not_normalised_and_a_warning_says_so():
    flags = np.array([[True, False], [True, True]])
    normalizer = Normalizer({"input": 2, "flags": 2}, verbose=0)
    with pytest.warns(UserWarning, match="`flags` is boolean and is not normalised") as caught:
        normalised = normalizer.normalize({"input": sample()[:2], "flags": flags})
    assert len(caught) == 1
    np.testing.assert_array_equal(normalised["flags"], flags.astype("float32"))
    assert normalizer.modes_as_text(["input", "flags"]) == {"input": "2", "flags": "0"}
    with pytest.warns(UserWarning, match="boolean"):
        np.testing.assert_array_equal(fitted(2, flags).network_input("input", flags), flags)
    normalizer.normalize({"input": sample(), "flags": sample()})  # numbers under that name are normalised again
    assert normalizer.modes_as_text(["flags"]) == {"flags": "2"}


def test_only_the_training_rows_count():
    data, rows = sample(np.nan), np.arange(0, 60, 3)
    np.testing.assert_array_equal(
        fitted(2, data, rows=rows).mean_labels["input"], fitted(2, data[rows]).mean_labels["input"]
    )
    masks = {"input": np.abs(data) > 4}
    by_rows = fitted(2, data, masks=masks, rows=rows)
    copied = fitted(2, data[rows], masks={"input": masks["input"][rows]})
    np.testing.assert_array_equal(by_rows.std_labels["input"], copied.std_labels["input"])


@pytest.mark.parametrize("rows", [None, np.arange(1, 60)])
@pytest.mark.parametrize("kind", ["feature", "dataset"])
def test_blocks_give_the_moments_of_the_whole(monkeypatch, kind, rows):
    data = sample(np.nan)
    data[:25, 3] = np.nan  # a feature that the first blocks don't hold
    whole = as_nan(data if rows is None else data[rows])
    monkeypatch.setattr(_statistics, "_BLOCK_ELEMENTS", 4 * 7)
    moments = masked_moments(data, rows=rows)
    axis = 0 if kind == "feature" else None
    # Sums of 60 numbers in float64, about a shift a few standard deviations away.
    np.testing.assert_allclose(moments.mean(kind), np.nanmean(whole, axis=axis), rtol=1e-13)
    np.testing.assert_allclose(moments.std(kind), np.nanstd(whole, axis=axis), rtol=1e-12)


def test_a_small_scatter_on_a_large_mean_is_not_cancelled():
    rng = np.random.default_rng(0)
    teff = rng.normal(4500.0, 0.5, (2000, 1))
    np.testing.assert_allclose(masked_moments(teff).std("feature"), teff.std(0), rtol=1e-10)


def test_statistics_are_read_from_an_hdf5_file(tmp_path):
    data = sample(np.nan)
    with h5py.File(tmp_path / "spectra.h5", "w") as file:
        stored = file.create_dataset("spectra", data=data)
        by_file = fitted(2, stored, rows=np.arange(0, 60, 2))
    np.testing.assert_array_equal(by_file.mean_labels["input"], fitted(2, data[::2]).mean_labels["input"])


def test_statistics_are_reported_unless_silent(caplog):
    with caplog.at_level("INFO", logger="astroNN"):
        Normalizer(1, verbose=0).normalize(sample())
        assert not caplog.messages
        Normalizer(2).normalize({"input": sample()})
    assert caplog.messages[0].startswith("Normalised `input` (mode 2): mean -") and "4 features" in caplog.messages[0]
