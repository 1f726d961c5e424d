"""The functions of the earlier package for TFLearn, on Keras: its checkpoints, and what stands in their place."""

import keras
import numpy as np
import pytest

from astroNN.gamornet import keras_module
from astroNN.gamornet._networks import new_model
from astroNN.gamornet.tflearn_module import gamornet_predict_tflearn, gamornet_tl_tflearn, gamornet_train_tflearn
from astroNN.models import GaMorNet
from tests.gamornet import drop_in
from tests.gamornet.drop_in import SHAPE, galaxies, sample, shrink_networks, unchanged, weights_of
from tests.gamornet.test_weights import write_tflearn

pytestmark = pytest.mark.slow  # dozens of networks are built and trained


@pytest.fixture(scope="module", autouse=True)
def small_networks():
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink_networks(monkeypatch)
        yield


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint as TFLearn wrote it, given by its prefix, and its weights."""
    model = new_model("tflearn", SHAPE)
    rng = np.random.default_rng(0)
    weights = [[rng.normal(0, 0.3, array.shape).astype("float32") for array in pair] for pair in weights_of(model)]
    return str(write_tflearn(tmp_path / "check-562800", weights)), weights


def test_an_old_script_runs_once_its_import_is_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(drop_in, "EAGER", False)
    monkeypatch.chdir(tmp_path)
    scope = {"sample": sample(), "images": galaxies()[0]}
    exec(
        "from astroNN.gamornet.tflearn_module import gamornet_train_tflearn, gamornet_tl_tflearn\n"
        "from astroNN.gamornet.tflearn_module import gamornet_predict_tflearn\n"
        "model = gamornet_train_tflearn(*sample, (19, 19, 1), './', 2, 1, 12, 0.001, 0.9, 0.1, True,\n"
        "    clear_session=True)\n"
        "gamornet_tl_tflearn(*sample, (19, 19, 1), 'load_bools_CANDELS', 'train_bools_CANDELS', './check-4',\n"
        "    'tl-', epochs=1, clear_session=True)\n"
        "preds = gamornet_predict_tflearn(images, 'tl-check-1', (19, 19, 1), trainable_bools='train_bools_CANDELS',\n"
        "    clear_session=True, individual_arrays=True)\n",
        scope,
    )
    np.testing.assert_allclose(sum(scope["preds"]), 1.0, atol=1e-5)
    assert {path.name for path in tmp_path.iterdir()} == {"check-4.weights.h5", "tl-check-1.weights.h5"}


# Checkpoints --------------------------------------------------------------------------------------------------------


def test_predictions_by_a_checkpoint_of_tflearn_are_those_of_the_network_of_that_flavour(checkpoint):
    prefix, weights = checkpoint
    images, _ = galaxies(5)
    net = GaMorNet(flavour="tflearn").build(SHAPE)
    layers = [layer for layer in net.keras_model.layers if layer.weights]
    for layer, pair in zip(layers, weights, strict=True):
        layer.set_weights(pair)
    predicted = gamornet_predict_tflearn(images, prefix, SHAPE, batch_size=64)
    # Sums of some hundred float32, in another order in another batch.
    np.testing.assert_allclose(predicted, net.predict(images), atol=1e-5)
    alone = [gamornet_predict_tflearn(image[None], prefix, SHAPE)[0] for image in images]
    np.testing.assert_allclose(predicted, alone, atol=1e-5)


@pytest.mark.parametrize(("most", "steps"), [(1, [6]), (2, [4, 6]), (0, [2, 4, 6]), (None, [2, 4, 6])])
def test_the_latest_snapshots_stay_and_are_loaded_by_their_prefix(tmp_path, most, steps):
    (tmp_path / "check-1.weights.h5").write_bytes(b"of an earlier training")
    model = gamornet_train_tflearn(*sample(), SHAPE, f"{tmp_path}/", epochs=3, batch_size=12, max_checkpoints=most)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"check-1.weights.h5", *(f"check-{step}.weights.h5" for step in steps)}
    images, _ = galaxies(5)
    expected = model.predict(images, verbose=0)
    for source in (f"{tmp_path}/check-6", tmp_path / "check-6.weights.h5"):
        np.testing.assert_allclose(gamornet_predict_tflearn(images, source, SHAPE), expected, atol=1e-6)


def test_without_snapshots_nothing_is_written_not_even_a_folder(tmp_path):
    gamornet_train_tflearn(*sample(), SHAPE, f"{tmp_path}/runs/", epochs=1, save_model=False)
    assert list(tmp_path.iterdir()) == []


def test_layers_of_a_checkpoint_of_tflearn_are_trained_on(checkpoint):
    prefix, weights = checkpoint
    load, trainable = "load_bools_CANDELS", [False, True, False, True, True, False, False, True]
    model = gamornet_tl_tflearn(*sample(), SHAPE, load, trainable, prefix, None, epochs=1, lr=0.05)
    assert unchanged(weights, weights_of(model)) == [True, False, True, False, False, True, False, False]
    assert (weights_of(model)[6][1] == 0).all()  # fresh and frozen: the biases are those of the start


def test_weights_of_the_other_flavour_are_refused(tmp_path, checkpoint):
    images, _ = galaxies(2)
    gamornet_train_tflearn(*sample(), SHAPE, f"{tmp_path}/", epochs=1)
    keras_module.gamornet_train_keras(*sample(), SHAPE, f"{tmp_path}/", epochs=1, verbose=0)
    with pytest.raises(ValueError, match="belong to the flavour 'tflearn'.*tflearn_module"):
        keras_module.gamornet_predict_keras(images, tmp_path / "check-1.weights.h5", SHAPE)
    with pytest.raises(ValueError, match="belong to the flavour 'keras'.*keras_module"):
        gamornet_predict_tflearn(images, tmp_path / "trained_model.hdf5", SHAPE)
    with pytest.raises(ValueError, match="belong to the flavour 'tflearn'"):
        keras_module.gamornet_predict_keras(images, checkpoint[0], SHAPE)


# Training -----------------------------------------------------------------------------------------------------------


def test_accuracy_is_measured_where_it_is_to_be_shown():
    for is_shown in (True, False):
        model = gamornet_train_tflearn(*sample(), SHAPE, None, epochs=1, show_metric=is_shown)
        assert ("accuracy" in model.history.history) is is_shown


def test_clearing_the_session_clears_that_of_keras(monkeypatch, checkpoint):
    calls = []
    monkeypatch.setattr(keras.utils, "clear_session", lambda: calls.append(1))
    images, _ = galaxies(2)
    gamornet_predict_tflearn(images, checkpoint[0], SHAPE)
    assert calls == []
    gamornet_predict_tflearn(images, checkpoint[0], SHAPE, clear_session=True)
    gamornet_train_tflearn(*sample(), SHAPE, None, epochs=1, clear_session=True)
    assert calls == [1, 1]
