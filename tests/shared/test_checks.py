"""Every bad input has an error of its own that says what came and what is needed."""

import h5py
import numpy as np
import pandas as pd
import pytest

from astroNN.shared import checks, label_checks, setting_checks
from astroNN.shared.errors import ConfigurationError, FolderError, RowCountError
from astroNN.shared.missing import missing_elements

SPECTRA = np.ones((4, 3), "float32")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int16", "int64"])
def test_the_magic_number_is_missing_in_every_dtype_that_holds_it(dtype):
    array = np.array([1, -9999, 3]).astype(dtype)
    np.testing.assert_array_equal(missing_elements(array), [False, True, False])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "bool"])
def test_no_brightness_of_an_image_is_taken_for_the_magic_number(dtype):
    every = np.arange(np.iinfo(dtype).max + 1 if dtype != "bool" else 2).astype(dtype)
    assert not missing_elements(every).any()


def test_nan_and_masked_elements_are_missing_and_the_mask_may_lack_an_axis():
    missing = missing_elements(np.array([[np.nan], [1.0], [2.0]]), mask=[0, 0, 1])
    np.testing.assert_array_equal(missing, [[True], [False], [True]])


def test_arrays_are_put_under_names_without_a_copy():
    assert checks.as_named_arrays("input_data", SPECTRA, "input")["input"] is SPECTRA
    both = checks.as_named_arrays("input_data", {"input": SPECTRA, "aux": [1, 2]}, "input")
    assert list(both) == ["input", "aux"] and both["aux"].shape == (2,)


def test_data_in_an_hdf5_file_stay_there(tmp_path):
    with h5py.File(tmp_path / "spectra.h5", "w") as file:
        stored = file.create_dataset("spectra", data=SPECTRA)
        assert checks.as_named_arrays("input_data", stored, "input")["input"] is stored


def test_tables_of_pandas_become_arrays_whose_rows_are_counted_from_0():
    series = pd.Series([1.0, 2.0], index=[7, 0])
    array = checks.as_named_arrays("labels", series, "output")["output"]
    assert isinstance(array, np.ndarray) and array[0] == 1.0
    frame = checks.as_named_arrays("labels", pd.DataFrame({"teff": series}), "output")["output"]
    assert isinstance(frame, np.ndarray) and frame.shape == (2, 1)


@pytest.mark.parametrize("values", [[1.0, 2.0], [1, 2]])
def test_elements_hidden_by_a_numpy_mask_are_missing(values):
    masked = np.ma.MaskedArray(values, mask=[False, True])
    array = checks.as_named_arrays("labels", masked, "output")["output"]
    np.testing.assert_array_equal(array, [1.0, np.nan])


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (None, ValueError, "`input_data` is None"),
        ({"aux": SPECTRA}, ValueError, "without the key 'input'"),
        ({"input": SPECTRA, "aux": ["a"]}, TypeError, r"`input_data\['aux'\]` has dtype"),
        (np.array([1, "a"], dtype=object), TypeError, "dtype object; numbers are needed"),
        ([[1.0, 2.0], [3.0]], TypeError, "`input_data` can't be made an array"),
        (np.ones((2, 2), complex), TypeError, "dtype complex128"),
        (np.ones((0, 5)), ValueError, r"`input_data` is empty.*\(0, 5\)"),
        (3.0, ValueError, "single number"),
        ((row for row in SPECTRA), TypeError, "object of type generator.*give an array"),
    ],
)
def test_data_that_are_no_arrays_of_numbers_are_refused(data, error, words):
    with pytest.raises(error, match=words):
        checks.as_named_arrays("input_data", data, "input")


def test_masks_are_boolean_arrays_by_input():
    given = np.zeros((4, 3), int)
    masks = checks.as_masks(given, {"input": SPECTRA})
    assert masks["input"].dtype == bool and checks.as_masks(None, {"input": SPECTRA}) == {}
    one_star = checks.as_masks(np.array([True, False, True]), {"input": SPECTRA[:1]})
    assert one_star["input"].shape == (1, 3)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ({"flux": np.zeros((4, 3))}, "names the input 'flux'"),
        (np.zeros((4, 2)), r"shape \(4, 2\), but the input has \(4, 3\)"),
        (np.zeros((3, 4)), r"shape \(3, 4\)"),
        (np.full((4, 3), 16), "bitmask_boolean"),
        (np.full((4, 3), np.nan), "other values"),
    ],
)
def test_masks_that_cannot_be_meant_are_refused(mask, words):
    with pytest.raises(ValueError, match=words):
        checks.as_masks(mask, {"input": SPECTRA})


def test_one_value_per_star_is_needed_for_vectors():
    assert checks.as_vector("groups", ["a", "b"], 2).shape == (2,)
    with pytest.raises(IndexError, match=r"`groups`.*each of the 3 stars, got shape \(2,\)"):
        checks.as_vector("groups", ["a", "b"], 3)


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_weights_must_be_finite_and_not_negative(bad):
    np.testing.assert_array_equal(checks.as_weights([0, 2], 2), np.array([0, 2], "float32"))
    with pytest.raises(ValueError, match="`sample_weight` must be finite"):
        checks.as_weights([1.0, bad], 2)


def test_row_counts_are_compared_and_listed():
    checks.check_rows(spectra=SPECTRA, labels=np.ones(4), labels_err=None)
    with pytest.raises(RowCountError, match="`spectra` 4, `labels` 5"):
        checks.check_rows(spectra=SPECTRA, labels=np.ones(5))


def test_another_length_of_spectra_is_refused_with_a_hint_for_the_gaps():
    checks.check_known_shape("input_data", "input", (7514, 1), (7514, 1))
    with pytest.raises(ValueError, match="7514x1 values per star, got 8575x1.*gap_delete"):
        checks.check_known_shape("input_data", "input", (8575, 1), (7514, 1))
    with pytest.raises(ValueError) as error:
        checks.check_known_shape("input_data", "input", (100, 1), (7514, 1))
    assert "gap_delete" not in str(error.value)


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_infinite_values_are_refused_with_their_row(infinity):
    spectra = np.ones((5000, 2), "float32")
    spectra[1] = np.nan, -9999.0
    checks.check_finite("input_data", spectra)
    spectra[4321, 1] = infinity
    with pytest.raises(ValueError, match="infinite values .the first in row 4321."):
        checks.check_finite("input_data", spectra)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_missing_errors_become_nan(dtype):
    errors = np.array([[0.5, np.nan, -9999.0]]).astype(dtype)
    checked = checks.check_errors("labels_err", errors, np.zeros((1, 3)))
    assert checked.dtype == "float32"
    np.testing.assert_array_equal(checked, [[0.5, np.nan, np.nan]])


def test_errors_of_one_label_may_lack_the_label_axis():
    assert checks.check_errors("labels_err", [1.0, 2.0], np.zeros((2, 1))).shape == (2, 1)


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ([[1.0, -0.25]], "negative errors .the lowest is -0.25."),
        ([[1.0, np.inf]], "infinite errors"),
        ([[1.0, 2.0, 3.0]], r"must have the shape \(1, 2\)"),
    ],
)
def test_errors_that_are_none_are_refused(errors, words):
    with pytest.raises(ValueError, match=words):
        checks.check_errors("labels_err", errors, np.zeros((1, 2)))


def test_a_label_that_no_star_has_is_refused_by_its_name():
    labels = np.array([[1.0, np.nan, 2.0], [-9999.0, -9999.0, 3.0]], "float32")
    label_checks.check_label_columns(labels[:, [0, 2]])
    with pytest.raises(ValueError, match=r"every value is missing in column 1 \(logg\)"):
        label_checks.check_label_columns(labels, ["teff", "logg", "fe"])
    with pytest.raises(ValueError, match=r"in column 1\. A network"):
        label_checks.check_label_columns(labels, ["too", "few"])


@pytest.mark.parametrize("value", [1, 2.0, True, "3", None])
def test_settings_must_be_integers_of_at_least_the_minimum(value):
    setting_checks.check_at_least("mc_num", np.int64(2), 2)
    with pytest.raises(AttributeError, match="mc_num cannot be smaller than 2 and must be an integer"):
        setting_checks.check_at_least("mc_num", value, 2)


def test_settings_must_be_among_those_allowed():
    setting_checks.check_one_of("task", "regression", ("regression",))
    with pytest.raises(ValueError, match="`task` must be one of 'a', 'b', got 'c'"):
        setting_checks.check_one_of("task", "c", ("a", "b"))


@pytest.mark.parametrize(
    ("error", "established"),
    [(RowCountError, IndexError), (ConfigurationError, AttributeError), (FolderError, OSError)],
)
def test_errors_are_caught_as_values_and_as_the_established_type(error, established):
    assert issubclass(error, ValueError) and issubclass(error, established)
