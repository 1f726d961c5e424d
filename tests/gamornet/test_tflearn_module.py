"""The functions of the earlier package for TFLearn, on Keras: signatures, checkpoints, training, refusals."""

import inspect

import keras
import numpy as np
import pytest

from astroNN.gamornet import keras_module
from astroNN.gamornet._networks import new_model
from astroNN.gamornet._training import Training
from astroNN.gamornet.tflearn_module import gamornet_predict_tflearn, gamornet_tl_tflearn, gamornet_train_tflearn
from astroNN.models import GaMorNet
from astroNN.models.misc_models.gamornet import FLAVOURS
from tests.gamornet import drop_in
from tests.gamornet.drop_in import (
    BAD_CHOICES,
    BAD_SETTINGS,
    SHAPE,
    amplified,
    arguments,
    galaxies,
    sample,
    shrink_networks,
    step_size,
    unchanged,
    weights_of,
)
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


def test_names_order_and_defaults_are_the_documented_ones():
    data = "training_imgs, training_labels, validation_imgs, validation_labels, input_shape"
    eight = "[" + ", ".join(["True"] * 8) + "]"
    documented = {
        gamornet_predict_tflearn: "(img_array, model_load_path, input_shape, batch_size=64, individual_arrays=False, "
        f"trainable_bools={eight}, clear_session=False)",
        gamornet_train_tflearn: f"({data}, files_save_path='./', epochs=100, max_checkpoints=1, batch_size=64, "
        "lr=0.0001, momentum=0.9, decay=0.0, nesterov=False, loss='categorical_crossentropy', load_model=False, "
        "model_load_path='./', save_model=True, show_metric=True, clear_session=False)",
        gamornet_tl_tflearn: f"({data}, load_layers_bools={eight}, trainable_bools={eight}, model_load_path='./', "
        "files_save_path='./', epochs=100, max_checkpoints=1, batch_size=64, lr=1e-05, momentum=0.9, decay=0.0, "
        "nesterov=False, loss='categorical_crossentropy', save_model=True, show_metric=True, clear_session=False)",
    }
    for function, signature in documented.items():
        assert str(inspect.signature(function)) == signature


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


@pytest.mark.parametrize("settings", [{"files_save_path": None}, {"save_model": False}])
def test_nothing_is_written_where_nothing_is_wanted(tmp_path, monkeypatch, settings):
    monkeypatch.chdir(tmp_path)
    gamornet_train_tflearn(*sample(), SHAPE, epochs=1, **settings)
    assert list(tmp_path.iterdir()) == []


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


def test_the_rate_falls_by_the_rule_of_tflearn():
    lr, decay = 0.02, 0.9
    optimizer = Training("tflearn", 1, 64, lr, 0.8, decay, True, "categorical_crossentropy").optimizer()
    for step in (0, 1, 50, 100, 730):
        optimizer.iterations.assign(step)
        # The power is taken in float32: its error grows with the logarithm of the result, which is below 1.
        np.testing.assert_allclose(float(optimizer.learning_rate), lr * decay ** (step / 100), rtol=2e-6)
    assert (optimizer.momentum, optimizer.nesterov) == (0.8, True)
    optimizer = Training("tflearn", 1, 64, lr, 0.8, 0.0, False, "categorical_crossentropy").optimizer()
    optimizer.iterations.assign(730)
    np.testing.assert_allclose(float(optimizer.learning_rate), lr, rtol=1e-6)


def test_the_norm_of_the_gradient_is_limited_to_five(checkpoint):
    prefix, before = checkpoint
    settings = {"model_load_path": prefix, "files_save_path": None, "epochs": 1, "momentum": 0.0}
    model = gamornet_tl_tflearn(*sample(), SHAPE, lr=0.01, loss=amplified, **settings)
    # One step, as all images are in one batch. Every weight is rounded to 2^-24 of its size.
    np.testing.assert_allclose(step_size(before, weights_of(model)), 0.01 * 5, rtol=1e-4)


def test_frozen_layers_keep_their_weights_and_loaded_ones_equal_the_checkpoint(checkpoint):
    prefix, weights = checkpoint
    load, trainable = [True] * 6 + [False] * 2, [False, True, False, True, True, False, False, True]
    model = gamornet_tl_tflearn(*sample(), SHAPE, load, trainable, prefix, None, epochs=1, lr=0.05)
    assert unchanged(weights, weights_of(model)) == [True, False, True, False, False, True, False, False]
    assert (weights_of(model)[6][1] == 0).all()  # fresh and frozen: the biases are those of the start
    assert load == [True] * 6 + [False] * 2
    settings = {"model_load_path": prefix, "files_save_path": None, "epochs": 1, "lr": 1e-30}
    for _ in range(2):
        model = gamornet_tl_tflearn(*sample(), SHAPE, **settings)
        assert all(unchanged(weights, weights_of(model)))


def test_accuracy_is_measured_where_it_is_to_be_shown():
    for is_shown in (True, False):
        model = gamornet_train_tflearn(*sample(), SHAPE, None, epochs=1, show_metric=is_shown)
        assert ("accuracy" in model.history.history) is is_shown


def test_fresh_weights_are_those_of_the_flavour(monkeypatch):
    monkeypatch.setattr(Training, "run", lambda self, model, *others: model)
    shape = (64, 64, 1)  # 2x2 pixels are left of it before the dense layers, enough weights for a width
    images = np.zeros((3, *shape), "float32")
    for train, flavour, width in (
        (gamornet_train_tflearn, "tflearn", 0.02),
        (keras_module.gamornet_train_keras, "keras", 0.05),
    ):
        model = train(images, np.eye(3), images, np.eye(3), shape, None)
        kernels = np.concatenate([pair[0].ravel() for pair in weights_of(model)[5:]])
        # The relative standard error of a width by n values is 1 / sqrt(2 n); a normal one cut at 2 is narrower by
        # 0.88, which the initialiser of Keras doesn't make up for.
        np.testing.assert_allclose(kernels.std(), 0.8796 * width, rtol=5 / np.sqrt(2 * len(kernels)))
        assert any(isinstance(layer, FLAVOURS[flavour].normalisation) for layer in model.layers)


def test_clearing_the_session_clears_that_of_keras(monkeypatch, checkpoint):
    calls = []
    monkeypatch.setattr(keras.utils, "clear_session", lambda: calls.append(1))
    images, _ = galaxies(2)
    gamornet_predict_tflearn(images, checkpoint[0], SHAPE)
    assert calls == []
    gamornet_predict_tflearn(images, checkpoint[0], SHAPE, clear_session=True)
    gamornet_train_tflearn(*sample(), SHAPE, None, epochs=1, clear_session=True)
    assert calls == [1, 1]


# What must not work -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_what_can_not_be_trained_on_is_refused_before_anything_is_written(tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    changes, match = BAD_SETTINGS[case]
    with pytest.raises((ValueError, TypeError), match=match):
        gamornet_train_tflearn(**arguments(changes, "./"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("argument", ["load_layers_bools", "trainable_bools"])
@pytest.mark.parametrize("case", BAD_CHOICES)
def test_lists_of_layers_that_are_none(case, argument):
    choice, match = BAD_CHOICES[case]
    with pytest.raises((ValueError, TypeError), match=f"`{argument}` must be {match}"):
        gamornet_tl_tflearn(**arguments({argument: choice}))
    if argument == "trainable_bools":
        with pytest.raises((ValueError, TypeError), match=f"`{argument}` must be {match}"):
            gamornet_predict_tflearn(galaxies(2)[0], "SDSS_tl", SHAPE, trainable_bools=choice)


def test_settings_of_the_tflearn_flavour_that_are_none():
    for changes, match in (
        ({"max_checkpoints": -1}, "max_checkpoints cannot be smaller than 0"),
        ({"show_metric": 1}, "`show_metric` must be True or False"),
        ({"clear_session": "no"}, "`clear_session` must be True or False"),
        ({"load_model": None}, "`load_model` must be True or False"),
        ({"load_model": True, "model_load_path": None}, "`model_load_path` must be the path"),
        ({"load_model": True, "model_load_path": "nowhere/check-1"}, "no file .*check-1.index of a checkpoint"),
    ):
        with pytest.raises((ValueError, TypeError, FileNotFoundError), match=match):
            gamornet_train_tflearn(**arguments(changes))
