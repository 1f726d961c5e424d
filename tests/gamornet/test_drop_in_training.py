"""Trainings by the functions of both flavours: their steps, layers that are loaded or frozen, and what is refused."""

import functools

import keras
import numpy as np
import pytest

from astroNN.gamornet._networks import new_model
from astroNN.gamornet._training import Training
from astroNN.models.misc_models.gamornet import FLAVOURS
from tests.gamornet.drop_in import (
    FUNCTIONS,
    SHAPE,
    amplified,
    galaxies,
    sample,
    shrink_networks,
    step_size,
    unchanged,
    weights_of,
)

pytestmark = pytest.mark.slow  # dozens of networks are built and trained

NO_FILES = {"files_save_path": None, "epochs": 1}
#: the rate at the second step, as a part of the first, and the decay that gives it
SECOND_RATES = {"keras": (0.5, 1 / 1.5), "tflearn": (1e-20, 10**-0.2)}


@pytest.fixture(scope="module", autouse=True)
def small_networks():
    with pytest.MonkeyPatch.context() as monkeypatch:
        shrink_networks(monkeypatch)
        yield


@pytest.fixture(params=FUNCTIONS)
def flavour(request):
    return request.param


@pytest.fixture
def source(flavour, tmp_path):
    """A file of weights, none of them 0, and these weights."""
    return saved(new_model(flavour, SHAPE), tmp_path)


def saved(model, folder, seed=0):
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(rng.normal(0.0, 0.3, weight.shape))
    model.save_weights(folder / "source.weights.h5")
    return str(folder / "source.weights.h5"), weights_of(model)


# Steps --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("falls", [False, True], ids=["constant rate", "falling rate"])
def test_two_steps_are_those_of_momentum_by_hand(tmp_path, flavour, nesterov, falls):
    images, _ = galaxies()
    labels = np.eye(3)[[0] * len(images)]
    model = new_model(flavour, SHAPE)
    model.layers[-1].set_weights([np.zeros_like(array) for array in model.layers[-1].get_weights()])
    model.save_weights(tmp_path / "source.weights.h5")
    lr, m = 1e-4, 0.8
    decay, second = SECOND_RATES[flavour] if falls else (0.0, 1.0)
    model = FUNCTIONS[flavour].tl(
        images, labels, images, labels, SHAPE, trainable_bools=[False] * 7 + [True], files_save_path=None, epochs=2,
        model_load_path=tmp_path / "source.weights.h5", lr=lr, momentum=m, nesterov=nesterov, decay=decay,
    )  # fmt: skip
    # All probabilities are 1/3 at first, and within some 1e-3 after the first step, so the gradient stays.
    gradient = np.array([-2, 1, 1]) / 3
    bias, velocity = np.zeros(3), np.zeros(3)
    for rate in (lr, lr * second):
        velocity = m * velocity - rate * gradient
        bias += m * velocity - rate * gradient if nesterov else velocity
    np.testing.assert_allclose(model.layers[-1].get_weights()[1], bias, rtol=5e-3)
    assert int(model.optimizer.iterations) == 2


def test_the_norm_of_the_gradient_is_limited_to_five_in_the_flavour_of_tflearn(flavour, source):
    file, before = source
    lr = 0.01
    model = FUNCTIONS[flavour].tl(
        *sample(), SHAPE, model_load_path=file, lr=lr, momentum=0, loss=amplified, **NO_FILES
    )
    step = step_size(before, weights_of(model))
    if flavour == "keras":
        assert step > 2 * 5 * lr
    else:
        # One step, as all images are in one batch. Every weight is rounded to 2^-24 of its size.
        np.testing.assert_allclose(step, 5 * lr, rtol=1e-4)


def test_a_seed_repeats_a_training(flavour):
    results = []
    for seed in (3, 3, 4):
        keras.utils.set_random_seed(seed)
        results.append(weights_of(FUNCTIONS[flavour].train(*sample(), SHAPE, batch_size=8, **NO_FILES)))
    assert all(unchanged(results[0], results[1])) and not any(unchanged(results[0], results[2]))


# Which layers are loaded, and which are trained ---------------------------------------------------------------------


def test_frozen_layers_keep_their_weights_and_others_learn(flavour, source):
    file, weights = source
    trainable = [False, True, False, True, True, True, False, True]
    tuned = FUNCTIONS[flavour].tl(
        *sample(), SHAPE, trainable_bools=trainable, model_load_path=file, lr=0.1, **NO_FILES
    )
    assert unchanged(weights, weights_of(tuned)) == [not is_trained for is_trained in trainable]
    assert trainable == [False, True, False, True, True, True, False, True]


def test_loaded_layers_equal_those_of_the_source_and_the_others_start_afresh(flavour, source):
    file, weights = source
    load = [True, False, True, True, False, True, True, False]
    tuned = FUNCTIONS[flavour].tl(*sample(), SHAPE, load, [False] * 7 + [True], file, **NO_FILES)
    assert unchanged(weights, weights_of(tuned)) == load
    assert load == [True, False, True, True, False, True, True, False]
    assert not any(weights_of(tuned)[layer][1].any() for layer in (1, 4))  # biases start from 0


def test_names_stand_for_lists_in_any_place_and_the_defaults_serve_twice(flavour, source):
    file, weights = source
    settings = {"model_load_path": file, "lr": 0.1, **NO_FILES}
    tuned = FUNCTIONS[flavour].tl(*sample(), SHAPE, "train_bools_SDSS", "load_bools_SDSS", **settings)
    assert unchanged(weights, weights_of(tuned)) == [False] * 5 + [True] * 3
    for _ in range(2):
        tuned = FUNCTIONS[flavour].tl(*sample(), SHAPE, **settings)
        assert unchanged(weights, weights_of(tuned)) == [False] * 8


def test_layers_may_come_from_a_network_for_images_of_another_size(tmp_path, flavour):
    file, weights = saved(new_model(flavour, (40, 40, 1)), tmp_path)
    tuned = FUNCTIONS[flavour].tl(*sample(), SHAPE, "load_bools_SDSS", [False] * 5 + [True] * 3, file, **NO_FILES)
    assert unchanged(weights[:5], weights_of(tuned)[:5]) == [True] * 5


def test_saved_weights_may_be_the_start_of_a_training(flavour, source):
    file, weights = source
    settings = {"lr": 1e-30, **NO_FILES}
    again = FUNCTIONS[flavour].train(*sample(), SHAPE, load_model=True, model_load_path=file, **settings)
    assert all(unchanged(weights, weights_of(again)))
    afresh = FUNCTIONS[flavour].train(*sample(), SHAPE, model_load_path="not looked at", **settings)
    assert not any(unchanged(weights, weights_of(afresh)))


def test_fresh_weights_are_those_of_the_flavour(flavour, monkeypatch):
    monkeypatch.setattr(Training, "run", lambda self, model, *others: model)
    shape = (64, 64, 1)  # 2x2 pixels are left of it before the dense layers, enough weights for a width
    images = np.zeros((3, *shape), "float32")
    model = FUNCTIONS[flavour].train(images, np.eye(3), images, np.eye(3), shape, save_model=False, **NO_FILES)
    kernels = np.concatenate([pair[0].ravel() for pair in weights_of(model)[5:]])
    # The relative standard error of a width by n values is 1 / sqrt(2 n); a normal one cut at 2 is narrower by
    # 0.88, which the initialiser of Keras doesn't make up for.
    width = {"keras": 0.05, "tflearn": 0.02}[flavour]
    np.testing.assert_allclose(kernels.std(), 0.8796 * width, rtol=5 / np.sqrt(2 * len(kernels)))
    assert any(isinstance(layer, FLAVOURS[flavour].normalisation) for layer in model.layers)


# Files --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [None, "/dev/null"])
def test_nothing_is_written_where_nothing_is_wanted(tmp_path, monkeypatch, flavour, nothing):
    monkeypatch.chdir(tmp_path)
    settings = {"checkpoint_freq": 1} if flavour == "keras" else {}
    FUNCTIONS[flavour].train(*sample(), SHAPE, nothing, epochs=1, **settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["own.keras", "own.h5", "own.weights.h5"])
@pytest.mark.filterwarnings("ignore:.*HDF5")
def test_what_a_user_saves_of_a_trained_network_is_refused_by_the_other_flavour(tmp_path, flavour, file):
    images, _ = galaxies(2)
    model = FUNCTIONS[flavour].train(*sample(), SHAPE, **NO_FILES)
    (model.save_weights if "weights" in file else model.save)(tmp_path / file)
    np.testing.assert_allclose(
        FUNCTIONS[flavour].predict(images, tmp_path / file, SHAPE), model.predict_on_batch(images), atol=1e-6
    )
    other = {"keras": "tflearn", "tflearn": "keras"}[flavour]
    with pytest.raises(ValueError, match=f"belong to the flavour '{flavour}'.*{flavour}_module"):
        FUNCTIONS[other].predict(images, tmp_path / file, SHAPE)
    with pytest.raises(ValueError, match=f"belong to the flavour '{flavour}'"):
        FUNCTIONS[other].tl(*sample(), SHAPE, model_load_path=tmp_path / file, **NO_FILES)


def _scaled(factor, labels, predictions):
    return factor * keras.losses.categorical_crossentropy(labels, predictions)


@pytest.mark.parametrize(
    "loss",
    [
        "kullback_leibler_divergence",
        amplified,
        lambda labels, predictions: keras.losses.categorical_crossentropy(labels, predictions),
        functools.partial(_scaled, 2.0),
        keras.losses.CategoricalFocalCrossentropy(gamma=1.0),
    ],
    ids=["name", "function", "lambda", "partial", "object"],
)
def test_a_network_trained_by_any_loss_is_written(tmp_path, flavour, loss):
    model = FUNCTIONS[flavour].train(*sample(), SHAPE, f"{tmp_path}/", epochs=1, loss=loss)
    images, _ = galaxies(2)
    file = {"keras": "trained_model.hdf5", "tflearn": "check-1"}[flavour]
    np.testing.assert_allclose(
        FUNCTIONS[flavour].predict(images, f"{tmp_path}/{file}", SHAPE), model.predict_on_batch(images), atol=1e-6
    )
