"""What the normaliser refuses, the shapes it takes as the same, and the attributes that tell its modes."""

import warnings

import h5py
import numpy as np
import pytest

from astroNN.nn.utilities import Normalizer, _statistics

pytestmark = pytest.mark.one_backend

MAGIC = -9999.0
MODES = ["0", "1", "2", "3", "3s", "4", "255"]


def spoiled():
    """60 stars, of which rows 7 and 31 hold infinities."""
    data = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    data[7, 1], data[31, 2], data[31, 3] = np.inf, -np.inf, np.inf
    return data


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("way", ["fit", "partial_fit", "normalize"])
def test_infinite_values_are_refused_with_their_rows(mode, way):
    normalizer = Normalizer(mode, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"the data must be finite.*in 2 of 60 rows \(the first is row 7\)"):
            getattr(normalizer, way)(spoiled())
        with pytest.raises(ValueError, match="`aux` must be finite"):
            getattr(Normalizer(mode, verbose=0), way)({"input": np.ones((60, 2)), "aux": spoiled()})


def test_an_infinite_value_alone_in_its_feature_is_refused_rather_than_made_nan():
    with pytest.raises(ValueError, match="in 1 of 2 rows"):
        Normalizer(2, verbose=0).normalize(np.array([[np.inf], [1.0]]))


def test_infinite_values_are_counted_by_blocks_and_rows_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(_statistics, "_BLOCK_ELEMENTS", 4 * 7)
    with h5py.File(tmp_path / "spectra.h5", "w") as file:
        stored = file.create_dataset("spectra", data=spoiled())
        with pytest.raises(ValueError, match=r"in 2 of 60 rows \(the first is row 7\)"):
            Normalizer(2, verbose=0).fit(stored)
        with pytest.raises(ValueError, match=r"in 1 of 40 rows \(the first is row 31\)"):
            Normalizer(2, verbose=0).fit(stored, rows=np.arange(20, 60))


def test_infinite_values_that_are_masked_or_not_among_the_rows_do_not_matter():
    data, mask = spoiled(), np.isinf(spoiled())
    kept = np.where(mask, np.nan, data)
    expected = Normalizer(2, verbose=0).normalize(kept)
    np.testing.assert_array_equal(Normalizer(2, verbose=0).normalize(data, mask=mask), expected)
    rows = np.flatnonzero(~mask.any(axis=1))
    normalizer = Normalizer(2, verbose=0)
    normalizer.fit(data, rows=rows)
    np.testing.assert_allclose(normalizer.mean_labels, data[rows].mean(0, dtype="float64"), rtol=1e-6)


def test_a_refused_chunk_leaves_the_statistics():
    normalizer = Normalizer(2, verbose=0).partial_fit(np.ones((5, 4)))
    with pytest.raises(ValueError, match="must be finite"):
        normalizer.partial_fit(spoiled())
    np.testing.assert_array_equal(normalizer.mean_labels, 1.0)


@pytest.mark.parametrize("with_axis", [True, False])
@pytest.mark.parametrize("mode", MODES)
def test_axes_of_length_one_do_not_matter(mode, with_axis):
    images = np.random.default_rng(0).uniform(0, 10, (10, 6, 5)).astype("float32")
    images[0, 2, 3] = MAGIC
    train, other = (images[..., None], images) if with_axis else (images, images[..., None])
    normalizer = Normalizer(mode, verbose=0)
    normalizer.fit({"input": train})
    found = normalizer.network_input("input", other)
    assert found.shape == other.shape
    np.testing.assert_array_equal(found.reshape(train.shape), normalizer.network_input("input", train))
    normalised = normalizer.normalize({"input": other}, calc=False)["input"]
    expected = normalizer.normalize({"input": train}, calc=False)["input"]
    np.testing.assert_array_equal(normalised.reshape(train.shape), expected)
    restored = normalizer.denormalize({"input": normalised})["input"]
    np.testing.assert_allclose(restored, other, rtol=0, atol=4 * np.finfo("float32").eps * 10)  # numbers up to 10


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (15,), (5, 3, 1, 2)])
def test_other_features_are_refused_by_shape_also_for_the_fill(shape):
    normalizer = Normalizer(4, verbose=0)
    normalizer.fit({"input": np.random.default_rng(0).normal(size=(10, 3, 5, 2))})
    data = np.ones((4, *shape))
    for use in (lambda: normalizer.network_input("input", data), lambda: normalizer.denormalize({"input": data})):
        with pytest.raises(ValueError, match=r"features of shape .*, the statistics \(3, 5, 2\)"):
            use()


@pytest.mark.parametrize("way", ["fit", "partial_fit", "normalize", "denormalize"])
@pytest.mark.parametrize("bad", [[["a"], ["b"]], [[1.0], [1.0, 2.0]], [[1j]], [[None]]])
def test_what_are_no_numbers_is_refused_by_name(way, bad):
    with pytest.raises(TypeError, match="^Normalizer: the data (must hold real numbers|can't be made an array)"):
        getattr(Normalizer(2, verbose=0), way)(bad)
    with pytest.raises(TypeError, match="^Normalizer: `input` (must hold real numbers|can't be made an array)"):
        getattr(Normalizer(2, verbose=0), way)({"input": bad})


def test_messages_call_a_plain_array_the_data(caplog):
    with caplog.at_level("INFO", logger="astroNN"):
        Normalizer(1).normalize(np.ones((3, 2)))
    assert caplog.messages[0].startswith("Normalised the data (mode 1): ")
    with pytest.raises(ValueError, match="Unknown Mode -> 7 for the data;"):
        Normalizer(7, verbose=0).normalize(np.ones((3, 2)))
    with pytest.raises(ValueError, match="no mode for the data, only for .'input'."):
        Normalizer({"input": 1}, verbose=0).normalize(np.ones((3, 2)))


# Centre by feature, by data set; scale by feature, by data set: the table of the modes.
ATTRIBUTES = ["featurewise_center", "datasetwise_center", "featurewise_stdalization", "datasetwise_stdalization"]
TABLE = {
    "0": (False, False, False, False),
    "1": (False, True, False, True),
    "2": (True, False, True, False),
    "3": (True, False, False, False),
    "3s": (True, False, False, False),
    "4": (False, False, True, False),
    "255": (False, False, False, False),
}


def test_attributes_tell_by_name_what_every_mode_does():
    names = [f"mode {mode}" for mode in TABLE]
    normalizer = Normalizer(dict(zip(names, TABLE, strict=True)), verbose=0)
    for attribute, expected in zip(ATTRIBUTES, zip(*TABLE.values(), strict=True), strict=True):
        assert getattr(normalizer, attribute) == dict(zip(names, expected, strict=True))
        with pytest.raises(AttributeError):
            setattr(normalizer, attribute, {})


@pytest.mark.parametrize("mode", [1, 2, "2", 255])
def test_a_single_mode_is_told_for_all_names_once_they_are_known(mode):
    normalizer = Normalizer(mode, verbose=0)
    assert normalizer.featurewise_center == {}
    normalizer.normalize({"input": np.ones((3, 2)), "aux": np.ones((3, 1))})
    for attribute, expected in zip(ATTRIBUTES, TABLE[str(mode)], strict=True):
        assert getattr(normalizer, attribute) == {"input": expected, "aux": expected}
    with pytest.warns(UserWarning, match="`aux` is boolean"):
        normalizer.normalize({"input": np.ones((3, 2)), "aux": np.ones((3, 1), bool)})
    assert normalizer.datasetwise_stdalization == {"input": TABLE[str(mode)][3], "aux": False}


@pytest.mark.parametrize(("mode", "has"), [("3s", True), ({"a": 2, "b": "3s"}, True), (3, False), (None, False)])
def test_the_sigmoid_and_its_inverse_are_told_for_mode_3s_only(mode, has):
    normalizer = Normalizer(mode, verbose=0)
    functions = normalizer._custom_norm_func, normalizer._custom_denorm_func
    if not has:
        assert functions == (None, None)
        return
    x = np.array([-3.0, 0.0, 2.0])
    np.testing.assert_allclose(functions[0](x), 1 / (1 + np.exp(-x)))
    np.testing.assert_allclose(functions[1](functions[0](x)), x, atol=1e-12)
