"""What the tests of the two drop-in modules share: small networks, galaxies of three kinds, comparisons."""

from typing import NamedTuple

import keras
import numpy as np

from astroNN.gamornet import keras_module, tflearn_module
from astroNN.gamornet._weights import weighted_layers

SHAPE = (19, 19, 1)
EAGER = True


class Functions(NamedTuple):
    """Those of one module."""

    predict: object
    train: object
    tl: object


FUNCTIONS = {
    "keras": Functions(
        keras_module.gamornet_predict_keras, keras_module.gamornet_train_keras, keras_module.gamornet_tl_keras
    ),
    "tflearn": Functions(
        tflearn_module.gamornet_predict_tflearn,
        tflearn_module.gamornet_train_tflearn,
        tflearn_module.gamornet_tl_tflearn,
    ),
}


def shrink_networks(monkeypatch):
    """Few filters and units: the published ones have 20 million weights even for the smallest images."""
    from astroNN.models.misc_models import gamornet

    full = gamornet._GaMorNetLayers._set_defaults

    def small(self, *args, **kwargs):
        full(self, *args, **kwargs)
        self.num_filters, self.num_hidden = [4, 5, 6, 6, 4], [8, 7]

    monkeypatch.setattr(gamornet._GaMorNetLayers, "_set_defaults", small)
    # A graph takes TensorFlow seconds to make, for a few steps; one test of each module makes them.
    if keras.backend.backend() == "tensorflow":
        # Where it is defined: Keras looks whether a class has another.
        owner = next(kind for kind in keras.Model.__mro__ if "compile" in vars(kind))
        real = owner.compile
        monkeypatch.setattr(
            owner, "compile", lambda self, *args, **kwargs: real(self, *args, **kwargs | {"run_eagerly": EAGER})
        )


def galaxies(n=24, shape=SHAPE, seed=0):
    """Images with light in one of three places, which nothing may write into, and their one-hot classes."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 3
    images = rng.normal(0.0, 1.0, (n, *shape)).astype("float32")
    for k in range(3):
        images[kind == k, 2 + 6 * k : 5 + 6 * k, 6:13] += 30.0
    labels = np.eye(3, dtype="float32")[kind]
    for array in (images, labels):
        array.setflags(write=False)
    return images, labels


def sample(n=24, n_validation=9, shape=SHAPE):
    """The first four arguments of a training."""
    return *galaxies(n, shape), *galaxies(n_validation, shape, seed=1)


def weights_of(model):
    return [layer.get_weights() for layer in weighted_layers(model)[0]]


def unchanged(before, after):
    """Of each of the eight layers, whether both kernel and bias are equal to the last bit."""
    return [all(np.array_equal(a, b) for a, b in zip(*pair, strict=True)) for pair in zip(before, after, strict=True)]


def amplified(labels, predictions):
    """A loss whose gradient is large."""
    return 1000.0 * keras.losses.categorical_crossentropy(labels, predictions)


def step_size(before, after):
    """Norm of the change of all weights together, in float64."""
    return np.sqrt(sum(
        np.sum((np.float64(b) - np.float64(a)) ** 2)
        for one, other in zip(before, after, strict=True) for a, b in zip(one, other, strict=True)
    ))  # fmt: skip


def arguments(changes, files_save_path=None):
    """Arguments of a training by their names, some changed."""
    names = ("training_imgs", "training_labels", "validation_imgs", "validation_labels")
    settings = {"input_shape": SHAPE, "epochs": 1, "files_save_path": files_save_path}
    return {**dict(zip(names, sample(), strict=True)), **settings, **changes}
