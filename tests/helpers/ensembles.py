"""Small networks and samples for tests of ensembles."""

import keras
import numpy as np
from keras import layers

from astroNN.models import BayesianCNNBase, DeepEnsemble
from astroNN.nn.layers import MCDropout

PARAMETERS, WEIGHTS = "astroNN_model_parameter.json", "model.weights.h5"
N_STARS, N_PIXELS, NOISE = 1000, 6, 0.5


class Heads(BayesianCNNBase):
    """Label and log variance, linear in the pixels. It runs without compilation, which takes longest."""

    def __init__(self):
        super().__init__()
        self.lr, self.max_epochs, self.batch_size, self.mc_num, self.verbose = 0.05, 6, 200, 4, 0
        self.val_size, self.dropout_rate, self.input_norm_mode, self.seed = 0.4, 0.05, 2, 11

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.keras_model.run_eagerly = True

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = MCDropout(self.dropout_rate, seed=self.next_seed())(layers.Flatten()(spectra))
        heads = {
            name: layers.Dense(2, kernel_initializer=self.fresh_initializer(), name=name)(x)
            for name in ("output", "variance_output")
        }
        return keras.Model(spectra, heads)


LINE = '''
import keras
from keras import layers
from astroNN.models import CNNBase

class Line(CNNBase):
    """Labels linear in the pixels."""

    def __init__(self):
        super().__init__()
        self.lr, self.max_epochs, self.batch_size, self.verbose, self.seed = 0.05, 2, 200, 0, 11
        self.val_size, self.input_norm_mode = 0.4, 2

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.keras_model.run_eagerly = True

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        head = layers.Dense(2, kernel_initializer=self.fresh_initializer(), name="output")
        return keras.Model(spectra, head(layers.Flatten()(spectra)))
'''
namespace = {"__name__": __name__}
exec(LINE, namespace)
Line = namespace["Line"]


def simulated(seed, n_stars=N_STARS):
    """Spectra, and two labels with Gaussian noise that the spectra don't tell."""
    rng = np.random.default_rng(seed)
    spectra = rng.normal(size=(n_stars, N_PIXELS)).astype("float32")
    labels = spectra[:, :2] + spectra[:, 2:4] + rng.normal(0.0, NOISE, (n_stars, 2))
    return spectra, labels.astype("float32")


def same(first, second):
    pairs = zip(keras.tree.flatten(first), keras.tree.flatten(second), strict=True)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def of_nets(nets):
    """An ensemble of networks that are there."""
    ensemble = DeepEnsemble(nets[0], n_members=len(nets))
    ensemble._nets, ensemble._n_done = list(nets), len(nets)
    return ensemble
