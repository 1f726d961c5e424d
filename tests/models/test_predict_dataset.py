"""Predictions from data sets that are read block by block."""

import h5py
import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, ApogeeCNN, ApogeeKeplerEchelle

BLOCK = 128  # rows at a time, instead of thousands


@pytest.fixture(autouse=True)
def small_blocks(stars, monkeypatch):
    monkeypatch.setattr("astroNN.shared.blocks._MOST_BYTES", BLOCK * 4 * stars.spectra.shape[1])


class Rows:
    """The least that a data set must be: a length, and rows for rising lists of their numbers. It keeps count."""

    def __init__(self, array):
        self._array = array
        self.asked = []

    def __len__(self):
        return len(self._array)

    def __getitem__(self, rows):
        assert isinstance(rows, list) and all(type(row) is int for row in rows)
        assert all(b > a for a, b in zip(rows, rows[1:], strict=False))
        assert len(rows) <= BLOCK
        self.asked += rows
        return self._array[rows]


@pytest.fixture(scope="module")
def bayesian(untrained, bcnn):
    net = untrained(mc_num=8)
    net.calibration = bcnn.calibration
    return net


def test_any_object_with_rows_gives_what_an_array_gives_and_is_read_once(stars, cnn):
    rows = Rows(stars.spectra)
    prediction = cnn.predict_dataset(rows)
    np.testing.assert_array_equal(prediction, cnn.predict(stars.spectra))
    assert rows.asked == list(range(320))


@pytest.mark.parametrize("settings", [{}, {"calibrated": False}, {"sampling": "per_star"}], ids=str)
def test_a_bayesian_network_gives_the_same_labels_and_spreads(stars, bayesian, settings):
    rows = Rows(stars.spectra)
    expected, expected_spread = bayesian.predict(stars.spectra, **settings)
    prediction, spread = bayesian.predict_dataset(rows, **settings)
    np.testing.assert_array_equal(prediction, expected)
    assert list(spread) == list(expected_spread)
    for name, value in expected_spread.items():
        np.testing.assert_array_equal(spread[name], value)
    assert rows.asked == list(range(320))


@pytest.mark.parametrize("chunks", [None, (7, 60)])
def test_an_hdf5_data_set_is_read_in_slices(stars, cnn, tmp_path, chunks):
    with h5py.File(tmp_path / "spectra.h5", "w") as file:
        dataset = file.create_dataset("spectra", data=stars.spectra, chunks=chunks)
        np.testing.assert_array_equal(cnn.predict_dataset(dataset), cnn.predict(stars.spectra))


@pytest.mark.parametrize("form", ["channel", "float64", "integers"])
def test_rows_may_have_a_channel_axis_and_any_kind_of_number(stars, cnn, form):
    array = {
        "channel": stars.spectra[:140, :, None],
        "float64": stars.spectra[:140].astype("float64"),
        "integers": np.round(100 * stars.spectra[:140]).astype("uint8"),
    }[form]
    np.testing.assert_array_equal(cnn.predict_dataset(Rows(array)), cnn.predict(array))


def test_stars_without_a_good_pixel_are_counted_over_all_blocks(stars, cnn, bayesian, tools):
    spectra = tools.changed(stars.spectra, [5, 200, 319], np.nan)
    for net in (cnn, bayesian):
        with pytest.warns(UserWarning, match="3 of 320 stars have no good pixel") as warned:
            answer = net.predict_dataset(Rows(spectra))
        assert len([w for w in warned if "good pixel" in str(w.message)]) == 1
        prediction = answer[0] if isinstance(answer, tuple) else answer
        np.testing.assert_array_equal(np.flatnonzero(np.isnan(prediction).any(axis=1)), [5, 200, 319])


def test_an_infinite_value_is_found_with_its_row_in_the_file(stars, cnn, tools):
    with pytest.raises(ValueError, match="infinite values.*row 213"):
        cnn.predict_dataset(Rows(tools.changed(stars.spectra, (213, 4), np.inf)))


class ShortOfRows(Rows):
    def __getitem__(self, rows):
        return self._array[rows[:-1]]


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda x: "spectra.h5", TypeError, "h5py.File"),
        (lambda x: iter(x), TypeError, "must have a length"),
        (lambda x: x.tolist(), TypeError, "list.*gives no rows"),
        (lambda x: Rows(x[:0]), ValueError, "no rows"),
        (lambda x: Rows(x[:, :50]), ValueError, "built for 60"),
        (lambda x: Rows(x.astype(str)), TypeError, "numbers are needed"),
        (ShortOfRows, ValueError, "128 rows were asked for, `file` gave 127"),
    ],
)
def test_what_is_no_data_set_of_spectra_is_refused(stars, cnn, make, error, match):
    with pytest.raises(error, match=match):
        cnn.predict_dataset(make(stars.spectra))


def test_networks_without_training_or_with_several_inputs_say_so(stars):
    for net in (ApogeeCNN(), ApogeeBCNN()):
        with pytest.raises(AttributeError, match="fit"):
            net.predict_dataset(stars.spectra)
    net = ApogeeKeplerEchelle()
    net.verbose, net.max_epochs, net.val_size, net.num_hidden = 0, 1, 0.0, [4, 4]
    rng = np.random.default_rng(0)
    net.fit({"input": rng.normal(size=(8, 24, 24)), "aux": rng.normal(size=(8, 2))}, rng.normal(size=(8, 1)))
    with pytest.raises(ValueError, match=r"inputs \['aux', 'input'\]"):
        net.predict_dataset(rng.normal(size=(8, 24, 24)))
