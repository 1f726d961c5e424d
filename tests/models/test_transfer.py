"""Weights from another network, and what a network shows of its Keras model."""

import keras
import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, ApogeeCNN


@pytest.fixture
def fresh(untrained):
    """A network of the shape of `cnn` that has its own random weights."""
    return untrained(ApogeeCNN(), seed=99)


def test_equal_networks_predict_the_same_after_a_transfer(fresh, cnn, stars):
    # Each has normalisers of its own, fitted on its own training stars.
    normalised = {"input": (stars.spectra[:5] - 1.0)[..., None]}
    assert (fresh._forward(normalised) != cnn._forward(normalised)).any()
    report = fresh.transfer_weights(cnn)
    np.testing.assert_array_equal(fresh._forward(normalised), cnn._forward(normalised))
    assert bool(report) and not report.kept
    assert report.n_moved == report.n_weights == cnn.keras_model.count_params()


def test_transferred_layers_are_frozen_in_later_training(fresh, cnn, stars):
    report = fresh.transfer_weights(cnn, exclusion_output=True)
    assert "dense_output" in report.kept
    before = {layer.name: layer.get_weights() for layer in fresh.keras_model.layers}
    fresh.fit(stars.spectra, stars.labels)
    for layer in fresh.keras_model.layers:
        same = all((a == b).all() for a, b in zip(before[layer.name], layer.get_weights(), strict=True))
        assert same == (layer.name in report.moved or not layer.get_weights()), layer.name


def test_only_layers_of_fitting_shapes_move(bcnn, cnn, untrained):
    other = untrained(ApogeeBCNN(), num_hidden=[24, 7])
    report = other.transfer_weights(cnn)
    assert set(report.moved) == {"conv_1", "conv_2", "hidden_1"}
    assert set(report.kept) == {"hidden_2", "output", "variance_output"}
    assert "hidden_1 <- hidden_1" in str(report) and "hidden_2 keeps its own" in str(report)


def test_nothing_to_move_gives_a_warning(fresh):
    stranger = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.warns(UserWarning, match="None of the layers"):
        assert not fresh.transfer_weights(stranger)


def test_what_is_no_network_is_refused(fresh):
    with pytest.raises(TypeError, match="transfer_weights.*`model`.*str"):
        fresh.transfer_weights("run")
    with pytest.raises(AttributeError, match="No model found"):
        ApogeeCNN().transfer_weights(fresh)


def test_shapes_layers_and_configuration_are_those_of_the_keras_model(cnn, bcnn):
    assert cnn.input_shape == (None, 60, 1) and cnn.output_shape == (None, 2)
    assert bcnn.output_shape == {"output": (None, 2), "variance_output": (None, 2)}
    assert cnn.get_layer("hidden_1").units == 24
    assert cnn.get_config()["name"] == cnn.keras_model.name
    assert cnn.uses_learning_phase and not bcnn.uses_learning_phase


def test_weights_alone_are_written_whole_or_not_at_all(cnn, fresh, tmp_path):
    path = cnn.save_weights(tmp_path / "net.weights.h5")
    assert [file.name for file in tmp_path.iterdir()] == ["net.weights.h5"]
    fresh.keras_model.load_weights(path)
    for ours, theirs in zip(fresh.get_weights(), cnn.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        cnn.save_weights(path, overwrite=False)
    with pytest.raises(ValueError, match=r"\.weights\.h5"):
        cnn.save_weights(tmp_path / "net.h5")


def test_recompiling_keeps_the_weights(fresh, stars):
    before = fresh.get_weights()
    fresh.recompile()
    for old, new in zip(before, fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    fresh.fit(stars.spectra, stars.labels)
