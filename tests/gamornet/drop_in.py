"""What the tests of the two drop-in modules share: small networks, galaxies of three kinds, comparisons."""

import keras
import numpy as np

from astroNN.gamornet._weights import weighted_layers

SHAPE = (19, 19, 1)
EAGER = True


def shrink_networks(monkeypatch):
    """Few filters and units: the published ones have 20 million weights even for the smallest images."""
    from astroNN.models.misc_models import gamornet

    full = gamornet._GaMorNetLayers._set_defaults

    def small(self, *args, **kwargs):
        full(self, *args, **kwargs)
        self.num_filters, self.num_hidden = [4, 5, 6, 6, 4], [8, 7]

    monkeypatch.setattr(gamornet._GaMorNetLayers, "_set_defaults", small)
    compile_ = keras.Model.compile
    # A graph takes TensorFlow seconds to make, for a few steps; one test of each module makes them.
    if keras.backend.backend() == "tensorflow":
        monkeypatch.setattr(
            keras.Model, "compile", lambda self, *args, **kwargs: compile_(self, *args, **kwargs, run_eagerly=EAGER)
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


#: argument that is wrong, its value, and what the error says; of trainings
BAD_SETTINGS = {
    "three axes": ({"training_imgs": np.ones((24, 19, 19))}, r"four axes.*\(24, 19, 19\).*np.newaxis"),
    "another size": ({"validation_imgs": np.ones((9, 20, 19, 1))}, r"`validation_imgs` .*\(19, 19, 1\).* \(20, 19"),
    "NaN": ({"training_imgs": np.full((24, 19, 19, 1), np.nan)}, "`training_imgs` holds pixels.* image 0"),
    "too large": ({"training_imgs": np.full((24, 19, 19, 1), 1e200)}, "`training_imgs` holds pixels.*infinite"),
    "text": ({"training_imgs": np.full((24, 19, 19, 1), "x")}, "`training_imgs` has dtype"),
    "counts": ({"training_labels": np.eye(3)[[0, 1]]}, "`training_imgs` 24, `training_labels` 2"),
    "numbers of classes": ({"training_labels": np.arange(24) % 3}, "`training_labels` must be .*to_categorical"),
    "four classes": ({"training_labels": np.eye(4)[[0] * 24]}, r"one-hot, of shape \(n, 3\).*\(24, 4\)"),
    "two classes at once": ({"validation_labels": np.ones((9, 3))}, "`validation_labels` .* row 0 is"),
    "fractions": ({"validation_labels": np.full((9, 3), 1 / 3)}, "`validation_labels` .* row 0 is"),
    "an unknown survey": ({"input_shape": "HSC"}, "`input_shape` must be three whole numbers.*'HSC'"),
    "two numbers": ({"input_shape": (19, 19)}, "`input_shape` must be three whole numbers"),
    "epochs": ({"epochs": 0}, "epochs cannot be smaller than 1"),
    "batch_size": ({"batch_size": 1.5}, "batch_size .* must be an integer"),
    "lr": ({"lr": -1.0}, "`lr` must be a number above 0, or a schedule"),
    "momentum": ({"momentum": 1.5}, "`momentum` must be a number .*at most 1"),
    "decay": ({"decay": -0.1}, "`decay` must be a number of at least 0"),
    "nesterov": ({"nesterov": "False"}, "`nesterov` must be True or False, got 'False'"),
    "loss": ({"loss": "softmax_loss"}, "`loss` must be the name of a loss of Keras"),
    "save_model": ({"save_model": 1}, "`save_model` must be True or False"),
    "files_save_path": ({"files_save_path": 3}, "`files_save_path` must be the beginning"),
    "a schedule and decay": (
        {"lr": keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), "decay": 0.1}, "`lr` is a schedule",
    ),
}  # fmt: skip

BAD_CHOICES = {
    "seven": ([True] * 7, "8 times True or False.*got 7 elements"),
    "numbers": ([1] * 8, "8 times True or False"),
    "an unknown name": ("train_bools_HSC", ".*'train_bools_SDSS', .*got 'train_bools_HSC'"),
    "a single one": (True, "8 times True or False"),
}


def arguments(changes, files_save_path=None):
    """Arguments of a training by their names, some changed."""
    names = ("training_imgs", "training_labels", "validation_imgs", "validation_labels")
    settings = {"input_shape": SHAPE, "epochs": 1, "files_save_path": files_save_path}
    return {**dict(zip(names, sample(), strict=True)), **settings, **changes}
