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
        """Convolution ``conv_<number>`` with the settings' filters, and its activation.

        Parameters
        ----------
        number : int
            From 1: which entry of ``num_filters``, and part of the name.
        dimensions : {1, 2}, optional
            Of the convolution. Default 1.
        regularized : bool, optional
            Whether ``l2`` acts on the kernel. Default True.
        **settings
            Of `keras.layers.Conv1D` or `Conv2D`, in the place of the defaults.

        Returns
        -------
        callable
            From tensor to tensor.
        """
        convolve = (layers.Conv1D if dimensions == 1 else layers.Conv2D)(
            self.num_filters[number - 1],
            self.filter_len,
            name=f"conv_{number}",
            **{"padding": "same", **self.weight_settings(regularized), **settings},
        )
        return lambda x: layers.Activation(self.activation)(convolve(x))

    def dense(self, number, regularized=True, **settings):
        """Dense layer ``hidden_<number>`` with the settings' units, and its activation.

        Parameters
        ----------
        number : int
            From 1: which entry of ``num_hidden``, and part of the name.
        regularized : bool, optional
            Whether ``l2`` acts on the kernel. Default True.
        **settings
            Of `keras.layers.Dense`, in the place of the defaults.

        Returns
        -------
        callable
            From tensor to tensor.
        """
        settings = {**self.weight_settings(regularized), **settings}
        dense = layers.Dense(self.num_hidden[number - 1], name=f"hidden_{number}", **settings)
        return lambda x: layers.Activation(self.activation)(dense(x))

    def head(self, name="output", activation="linear", units=None, initializer="glorot_uniform", **settings):
        """Dense layer that gives the labels.

        Parameters
        ----------
        name : str, optional
            Default ``"output"``.
        activation : str or callable, optional
            Default ``"linear"``.
        units : int, optional
            Default: the number of labels.
        initializer : str or keras.initializers.Initializer, optional
            Of the kernel. Default ``"glorot_uniform"``.
        **settings
            Of `keras.layers.Dense`.

        Returns
        -------
        keras.layers.Dense
            Without regularisation, unless the settings have it.
        """
        return layers.Dense(
            units or self._labels_shape["output"],
            activation=activation,
            kernel_initializer=self.fresh_initializer(initializer),
            name=name,
            **settings,
        )

    def dropout(self):
        """Dropout that acts in training only.

        Returns
        -------
        keras.layers.Dropout
            With the network's ``dropout_rate``.
        """
        return layers.Dropout(self.dropout_rate, seed=self.next_seed())

    def mc_dropout(self):
        """Dropout that stays on in predictions.

        Returns
        -------
        MCDropout
            With the network's ``dropout_rate``; off if its ``disable_dropout`` is set.
        """
        return MCDropout(self.dropout_rate, disable=self.disable_dropout, seed=self.next_seed())

    def weight_settings(self, regularized=True):
        """Initialiser and regulariser of a layer, both its own.

        Parameters
        ----------
        regularized : bool, optional
            Whether the network's ``l2`` acts on the kernel. Default True.

        Returns
        -------
        dict
            ``kernel_initializer`` and ``kernel_regularizer``, which may be None.
        """
        return {
            "kernel_initializer": self.fresh_initializer(),
            "kernel_regularizer": keras.regularizers.L2(self.l2) if regularized and self.l2 else None,
        }

    def bayesian_convolutions(self, spectra):
        """Features of spectra: two convolutions and a pooling, dropout after each convolution.

        Parameters
        ----------
        spectra : tensor, shape (n_stars, n_pixels, 1)
            Normalised.

        Returns
        -------
        tensor, shape (n_stars, n_features)
            Flat.
        """
        x = self.mc_dropout()(self.convolution(1)(spectra))
        x = layers.MaxPooling1D(self.pool_length)(self.convolution(2)(x))
        return self.mc_dropout()(layers.Flatten()(x))

    def bayesian_dense(self, x):
        """Two dense layers with dropout between them.

        Parameters
        ----------
        x : tensor, shape (n_stars, n_features)
            Such as `bayesian_convolutions` gives.

        Returns
        -------
        tensor, shape (n_stars, n_units)
            As many units as the second entry of ``num_hidden``.
        """
        return self.dense(2)(self.mc_dropout()(self.dense(1)(x)))
