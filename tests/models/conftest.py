"""Small samples and networks: every test of this folder trains in seconds."""

import os
import signal
from dataclasses import dataclass

import keras
import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, ApogeeCNN, CNNBase
from astroNN.nn.utilities.normalizer import Normalizer

N_STARS, N_PIXELS = 320, 60  # with val_size 0.2: 4 batches of 64 for training, 1 for validation


@dataclass
class Stars:
    """Spectra whose two labels are sums of fluxes, so that a network can learn them."""

    spectra: np.ndarray
    labels: np.ndarray
    labels_err: np.ndarray


def make_stars(n_stars=N_STARS, n_pixels=N_PIXELS, seed=0):
    rng = np.random.default_rng(seed)
    spectra = rng.normal(1.0, 0.05, (n_stars, n_pixels)).astype("float32")
    labels = np.stack([4000 + 1000 * spectra[:, :6].sum(1), spectra[:, 10:16].sum(1)], axis=1).astype("float32")
    labels_err = np.full(labels.shape, [20.0, 0.02], "float32")
    for array in (spectra, labels, labels_err):
        # Whoever writes into the caller's arrays fails.
        array.setflags(write=False)
    return Stars(spectra, labels, labels_err)


def changed(array, rows, value):
    """Copy of an array with some rows (or elements) set to a value."""
    copy = np.array(array)
    copy[rows] = value
    return copy


def small(network, **settings):
    """A network made small, silent and repeatable."""
    defaults = {"verbose": 0, "seed": 5, "max_epochs": 2, "val_size": 0.2}
    if isinstance(network, ApogeeCNN | ApogeeBCNN):
        defaults |= {"num_hidden": [24, 16], "targetname": ["teff", "flux"]}
    if isinstance(network, ApogeeBCNN):
        # With its own small start this network would still answer the same for all stars after two epochs.
        defaults |= {"mc_num": 20, "initializer": "he_normal", "lr": 0.005}
    for name, value in (defaults | settings).items():
        assert hasattr(network, name), name
        setattr(network, name, value)
    return network


class Linear(CNNBase):
    """The smallest network there is: labels are a linear function of the pixels. It runs without compilation."""

    def __init__(self):
        super().__init__()
        self.lr, self.input_norm_mode = 0.01, 2

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        # Compiling takes most of the time of so small a training.
        self.keras_model.run_eagerly = True

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        head = keras.layers.Dense(
            self._labels_shape["output"], kernel_initializer=self.fresh_initializer(), name="output"
        )
        return keras.Model(spectra, head(keras.layers.Flatten()(spectra)))


#: a plateau that has something to remember: nothing is good enough for it, and the rate falls during the training
FALLING_RATE = {"reduce_lr_patience": 1, "reduce_lr_epsilon": 1e6, "lr": 0.05}


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C in the second step of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.at, self.epoch = epoch, None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (self.at, 1):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_is_heard():
    """A shell makes the jobs that it starts in the background deaf to Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def linear(**settings):
    """A `Linear` whose training has a plateau."""
    return small(Linear(), **{"max_epochs": 4, **FALLING_RATE, **settings})


def same_history(first, second):
    """To the rounding of sums over stars, whose order threads choose."""
    assert first.epoch == second.epoch
    assert set(first.history) == set(second.history)
    for name, values in first.history.items():
        np.testing.assert_allclose(second.history[name], values, rtol=1e-5, atol=1e-6, err_msg=name)


def interrupted(net, stars, epoch=2):
    """The network, its training cut off in an epoch."""
    net.callbacks = Interrupt(epoch)
    with pytest.raises(KeyboardInterrupt):
        net.fit(stars.spectra, stars.labels)
    net.callbacks = None
    return net


def answers_by_hand(net, spectra):
    """Labels and log variances (normalised) of an `ApogeeBCNN` without dropout, by numpy in float64."""
    model, kind = net.keras_model_predict, keras.layers
    of = {kinds: [la for la in model.layers if isinstance(la, kinds)] for kinds in (kind.Conv1D, kind.Dense)}
    x = (spectra.astype("float64") - net.input_mean["input"]) / net.input_std["input"]
    x = x[..., None]
    for layer in of[kind.Conv1D]:
        kernel, bias = layer.get_weights()
        # "same" padding of an even filter of 8: 3 before, 4 after.
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (3, 4), (0, 0))), 8, axis=1)
        x = np.maximum(np.einsum("npck,kco->npo", windows, kernel.astype("float64")) + bias, 0)
    n_stars, n_pixels, n_filters = x.shape
    x = x[:, : n_pixels // 4 * 4].reshape(n_stars, -1, 4, n_filters).max(axis=2).reshape(n_stars, -1)
    for layer in of[kind.Dense][:2]:
        kernel, bias = layer.get_weights()
        x = np.maximum(x @ kernel.astype("float64") + bias, 0)
    heads = [model.get_layer(name).get_weights() for name in ("output", "variance_output")]
    return [x @ kernel.astype("float64") + bias for kernel, bias in heads]


def labels_by_hand(net, spectra):
    """Labels of an `ApogeeBCNN` without dropout in physical units, by numpy in float64."""
    return answers_by_hand(net, spectra)[0] * net.labels_std["output"] + net.labels_mean["output"]


def slopes_by_hand(function, spectra, step=1e-8):
    """Derivatives by central differences in float64, of shape (n_stars, n_labels, n_pixels).

    The step is small, since a network of ramps has a kink in every few thousandths of flux.
    """
    columns = []
    for pixel in range(spectra.shape[1]):
        shift = np.zeros(spectra.shape[1])
        shift[pixel] = step
        columns.append((function(spectra + shift) - function(spectra - shift)) / (2 * step))
    return np.stack(columns, axis=-1)


def equal_weights(first, second):
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


@pytest.fixture(scope="session")
def stars():
    return make_stars()


@pytest.fixture(scope="session")
def tools():
    """The functions and the class above, for test files (which can't import each other)."""

    class Tools:
        pass

    for thing in (make_stars, changed, small, equal_weights, answers_by_hand, labels_by_hand, slopes_by_hand,
                  interrupted, linear, same_history):  # fmt: skip
        setattr(Tools, thing.__name__, staticmethod(thing))
    Tools.Linear, Tools.Interrupt, Tools.FALLING_RATE = Linear, Interrupt, FALLING_RATE
    return Tools


@pytest.fixture(scope="module")
def cnn(stars):
    """A trained `ApogeeCNN`; don't train it on."""
    net = small(ApogeeCNN())
    net.fit(stars.spectra, stars.labels)
    return net


@pytest.fixture(scope="module")
def bcnn(stars):
    """A trained `ApogeeBCNN`, with a calibration; don't train it on."""
    net = small(ApogeeBCNN())
    net.fit(stars.spectra, stars.labels, labels_err=stars.labels_err)
    return net


@pytest.fixture(scope="module")
def folder(bcnn, tmp_path_factory):
    """A saved network; don't change it."""
    return bcnn.save(tmp_path_factory.mktemp("models") / "run")


@pytest.fixture(scope="module")
def untrained(stars):
    """A complete network that costs no training: built, with normalisers."""

    def make(network=None, **settings):
        net = small(ApogeeBCNN() if network is None else network, **settings)
        net._input_shape, net._labels_shape = {"input": (60, 1)}, {"output": 2}
        net.input_names, net.output_names = ["input"], ["output"]
        net._draw_seed()
        net.input_normalizer, net.labels_normalizer = Normalizer(3, 0), Normalizer(2, 0)
        net.input_normalizer.fit({"input": stars.spectra})
        net.labels_normalizer.fit({"output": stars.labels})
        net._publish_statistics()
        net.num_train, net.val_num = 256, 64
        net.compile()
        return net

    return make
