"""Odd data and odd orders of calls, as users come up with them."""

import json

import h5py
import keras
import numpy as np
import pytest
from astropy.utils.masked import Masked

from astroNN.models import ApogeeBCNN, ApogeeCNN, BayesianCNNBase, load_folder
from astroNN.nn.layers import MCDropout


def labels_for_one_star(stars, row):
    """The second label is known of one star only."""
    labels = np.array(stars.labels)
    labels[np.arange(len(labels)) != row, 1] = np.nan
    return labels


@pytest.fixture(scope="module")
def bcnn(stars, tools):
    net = tools.small(ApogeeBCNN(), val_size=0.3)
    net.fit(stars.spectra, stars.labels, inputs_err=np.full(stars.spectra.shape, 0.05), labels_err=stars.labels_err)
    return net


def test_jacobians_and_propagated_errors_are_those_of_an_array_for_an_hdf5_file(stars, bcnn, tmp_path):
    errors = np.full(stars.spectra.shape, 0.05, "float32")
    with h5py.File(tmp_path / "spectra.h5", "w") as file:
        spectra, spectra_err = file.create_dataset("x", data=stars.spectra), file.create_dataset("e", data=errors)
        np.testing.assert_array_equal(bcnn.jacobian(spectra), bcnn.jacobian(stars.spectra))
        expected = bcnn.predict(stars.spectra, inputs_err=errors)[1]["propagated"]
        np.testing.assert_array_equal(bcnn.predict(spectra, inputs_err=spectra_err)[1]["propagated"], expected)


def test_pixels_under_the_mask_of_an_astropy_array_are_missing(stars, bcnn):
    bad = stars.spectra > 1.1
    expected, _ = bcnn.predict(np.where(bad, np.nan, stars.spectra))
    np.testing.assert_array_equal(bcnn.predict(Masked(stars.spectra, mask=bad))[0], expected)


def test_a_label_that_only_a_validation_star_has_can_not_be_learned(stars, tools):
    net = tools.small(tools.Linear())
    net.fit(stars.spectra, stars.labels)
    held_back = net.val_idx[0]
    again = tools.small(tools.Linear())
    with pytest.raises(ValueError, match="of the stars to train on is missing in column 1"):
        again.fit(stars.spectra, labels_for_one_star(stars, held_back))


def test_settings_changed_after_the_training_are_not_saved_as_those_of_the_network(stars, tools, tmp_path):
    net = tools.small(ApogeeCNN())
    net.fit(stars.spectra, stars.labels)
    net.num_hidden, net.activation = [7, 5], "tanh"
    with pytest.warns(UserWarning, match="num_hidden, activation changed after the network was built"):
        loaded = load_folder(net.save(tmp_path / "run"))
    loaded.verbose = 0
    assert (loaded.num_hidden, loaded.activation) == ([24, 16], "relu")
    np.testing.assert_array_equal(loaded.predict(stars.spectra), net.predict(stars.spectra))


def test_training_on_one_batch_drops_the_calibration_of_other_weights(stars, tools):
    net = tools.small(ApogeeBCNN(), val_size=0.3)
    net.fit(stars.spectra, stars.labels, labels_err=stars.labels_err)
    assert net.calibration is not None
    net.fit_on_batch(stars.spectra, stars.labels, labels_err=stars.labels_err)
    assert net.calibration is None


class Unseeded(BayesianCNNBase):
    """A user's network whose layers are given no seed."""

    def __init__(self):
        super().__init__()
        self.verbose, self.seed, self.max_epochs, self.mc_num, self.val_size = 0, 4, 1, 5, 0.0

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        hidden = MCDropout(0.2)(keras.layers.Dense(6, "relu", name="hidden")(keras.layers.Flatten()(spectra)))
        heads = {name: keras.layers.Dense(2, name=name)(hidden) for name in ("output", "variance_output")}
        return keras.Model(spectra, heads)


@pytest.mark.filterwarnings("ignore:Only 0 validation stars")
def test_the_seed_of_the_network_repeats_layers_that_have_none_of_their_own(stars):
    nets = [Unseeded(), Unseeded()]
    for net in nets:
        keras.random.normal((2,))  # something random in between
        net.fit(stars.spectra, stars.labels)
    first, second = (net.get_weights() for net in nets)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_names_for_another_number_of_labels_are_replaced_with_a_warning(stars, tools):
    net = tools.small(tools.Linear(), targetname=["teff", "logg", "feh"])
    with pytest.warns(UserWarning, match="`targetname` has 3 names for 2 labels"):
        net.fit(stars.spectra, stars.labels)
    assert net.targetname == ["label_0", "label_1"]


@pytest.mark.parametrize(
    ("setting", "value"), [("val_size", "0.1"), ("val_size", 1.0), ("dropout_rate", 1), ("labels_norm_mode", "3s")]
)
def test_a_setting_that_can_not_work_is_named_before_the_training(stars, tools, setting, value):
    net = tools.small(ApogeeBCNN(), **{setting: value})
    with pytest.raises(ValueError, match=setting):
        net.fit(stars.spectra, stars.labels)


def test_compiling_before_any_data_says_what_to_do():
    with pytest.raises(ValueError, match="Call `fit`"):
        ApogeeBCNN().compile()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hidden", [1_000_000, 100_000]), ("hidden", []), ("hidden", 3), ("hidden", [-1, 3]), ("filterlen", 10**9),
        ("filterlen", 0), ("pool_length", 0), ("format_version", 99), ("format_version", "x"), ("valsize", 7),
        ("num_train", 10**12), ("input", {"input": [10**9, 1]}), ("labels_std", {"output": [1.0, 0.0]}),
        ("input_mean", {"input": [1e300]}),
    ],
)  # fmt: skip
def test_forged_settings_are_refused_before_they_take_memory(bcnn, tmp_path, key, value):
    folder = bcnn.save(tmp_path / "run")
    path = folder / "astroNN_model_parameter.json"
    parameters = json.loads(path.read_text())
    path.write_text(json.dumps(parameters | {key: value}))
    with pytest.raises(ValueError, match="astroNN_model_parameter.json"):
        load_folder(folder)
