"""Layers that the ready-made networks share, made from a network's settings."""

import keras
from keras import layers

from astroNN.models._requirements import check_inputs, check_spectra, check_table_of_labels
from astroNN.nn.layers import MCDropout

__all__ = ["Blocks"]


class Blocks:
    """Mixin of recipes: what `model` is put together from. Every layer with weights has a name of its own.

    A block takes a symbolic tensor and returns one; the activation stands in a layer behind the weights.
    """

    def _check_shapes(self):
        check_inputs(self)
        check_spectra(self, self.pool_length)
        check_table_of_labels(self)

    def convolution(self, number, dimensions=1, regularized=True, **settings):
        """Convolution ``conv_<number>`` with the settings' filters, and its activation."""
        convolve = (layers.Conv1D if dimensions == 1 else layers.Conv2D)(
            self.num_filters[number - 1],
            self.filter_len,
            name=f"conv_{number}",
            **{"padding": "same", **self.weight_settings(regularized), **settings},
        )
        return lambda x: layers.Activation(self.activation)(convolve(x))

    def dense(self, number, regularized=True, **settings):
        """Dense layer ``hidden_<number>`` with the settings' units, and its activation."""
        settings = {**self.weight_settings(regularized), **settings}
        dense = layers.Dense(self.num_hidden[number - 1], name=f"hidden_{number}", **settings)
        return lambda x: layers.Activation(self.activation)(dense(x))

    def head(self, name="output", activation="linear", units=None, initializer="glorot_uniform", **settings):
        """Dense layer that gives the labels."""
        return layers.Dense(
            units or self._labels_shape["output"],
            activation=activation,
            kernel_initializer=self.fresh_initializer(initializer),
            name=name,
            **settings,
        )

    def dropout(self):
        """Dropout that acts in training only."""
        return layers.Dropout(self.dropout_rate, seed=self.next_seed())

    def mc_dropout(self):
        """Dropout that stays on in predictions."""
        return MCDropout(self.dropout_rate, disable=self.disable_dropout, seed=self.next_seed())

    def weight_settings(self, regularized=True):
        """Initialiser and regulariser of a layer, both its own."""
        return {
            "kernel_initializer": self.fresh_initializer(),
            "kernel_regularizer": keras.regularizers.L2(self.l2) if regularized and self.l2 else None,
        }

    def bayesian_convolutions(self, spectra):
        """Features of spectra: two convolutions and a pooling, dropout after each convolution."""
        x = self.mc_dropout()(self.convolution(1)(spectra))
        x = layers.MaxPooling1D(self.pool_length)(self.convolution(2)(x))
        return self.mc_dropout()(layers.Flatten()(x))

    def bayesian_dense(self, x):
        """Two dense layers with dropout between them."""
        return self.dense(2)(self.mc_dropout()(self.dense(1)(x)))
