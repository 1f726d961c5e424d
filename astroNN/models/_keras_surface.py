"""What a network of astroNN shows of the Keras model inside it."""

import warnings
from pathlib import Path

import keras

from astroNN.shared.files import atomic_file

__all__ = ["KerasSurface"]


class KerasSurface:
    """Mixin of networks that hold a Keras model: its weights, layers, shapes and pictures."""

    @property
    def has_model(self):
        """Whether there is a Keras model (after `fit`, or loading)."""
        return self.keras_model is not None

    def has_model_check(self):
        """Raise AttributeError if there is no Keras model."""
        if not self.has_model:
            raise AttributeError(
                "No model found in this object: train it with `fit` first, or load one with "
                "`astroNN.models.load_folder`."
            )

    @property
    def input_shape(self):
        """Shape of what the network predicts from, None for the number of stars; by name if there are several.

        Inside `model`, where there is no network yet, that of one star, as recipes of version 1.0 use it.
        """
        if self._is_building:
            return self._input_shape
        return _bare(self._prediction_graph.input)

    @property
    def output_shape(self):
        """Shape of what the network predicts, None for the number of stars; by name if there are several."""
        return _bare(self._prediction_graph.output)

    @property
    def uses_learning_phase(self):
        """Whether the network acts otherwise in training than in prediction (dropout, batch normalisation)."""
        self.has_model_check()
        kinds = (
            keras.layers.Dropout, keras.layers.BatchNormalization, keras.layers.GaussianDropout,
            keras.layers.GaussianNoise, keras.layers.AlphaDropout,
        )  # fmt: skip
        return any(isinstance(layer, kinds) for layer in self.keras_model._flatten_layers())

    def get_weights(self):
        """Weights of the network, in Keras' order.

        Returns
        -------
        list of arrays
            Copies, in the order of ``keras_model.weights``.
        """
        self.has_model_check()
        return self.keras_model.get_weights()

    def get_layer(self, name=None, index=None):
        """A layer of the network, by name or by number.

        Parameters
        ----------
        name : str, optional
            Of the layer.
        index : int, optional
            Its number, from 0. Give one of the two.

        Returns
        -------
        keras.layers.Layer
            The layer itself, no copy.

        Raises
        ------
        ValueError
            If there is no such layer, or both are given.
        """
        self.has_model_check()
        return self.keras_model.get_layer(name=name, index=index)

    def get_config(self):
        """Configuration of the Keras model; see `keras.Model.get_config`.

        Returns
        -------
        dict
            Layers and how they are connected; no weights.
        """
        self.has_model_check()
        return self.keras_model.get_config()

    def summary(self):
        """Print the layers of the network.

        Returns
        -------
        None
            As Keras has it.
        """
        self.has_model_check()
        return self.keras_model.summary()

    def save_weights(self, filename="model.weights.h5", overwrite=True):
        """Write the weights alone, in the format of Keras; `save` writes everything that predicting needs.

        Parameters
        ----------
        filename : str or Path, optional
            Its name must end in ``.weights.h5``. Default ``"model.weights.h5"``, in the current folder.
        overwrite : bool, optional
            Put the file in the place of one that exists (default), or raise.

        Returns
        -------
        Path
            Of the file.

        Raises
        ------
        FileExistsError
            If the file exists and `overwrite` is False.
        ValueError
            If the name has another ending.
        """
        self.has_model_check()
        path = Path(filename).expanduser()
        if not path.name.endswith(".weights.h5"):
            raise ValueError(f"save_weights: `filename` must end in '.weights.h5', got {str(filename)!r}.")
        if path.exists() and not overwrite:
            raise FileExistsError(f"save_weights: {path} exists. Give another `filename`, or overwrite=True.")
        with atomic_file(path) as temporary:
            self.keras_model.save_weights(temporary)
        return path

    def plot_model(self, name="model.png", show_shapes=True, show_layer_names=True, rankdir="TB"):
        """Draw the layers into a file, in the network's folder if it has been saved, else in the current one.

        Parameters
        ----------
        name : str, optional
            Name of the file, default ``"model.png"``.
        show_shapes, show_layer_names : bool, optional
            What stands in the boxes. Default True.
        rankdir : {"TB", "LR"}, optional
            From top to bottom (default) or from left to right.

        Returns
        -------
        Path or None
            The file; None, with a warning, if pydot or graphviz is missing.
        """
        self.has_model_check()
        path = Path(self.fullfilepath or ".") / name
        try:
            with atomic_file(path) as temporary:
                keras.utils.plot_model(
                    self.keras_model,
                    to_file=str(temporary),
                    show_shapes=show_shapes,
                    show_layer_names=show_layer_names,
                    rankdir=rankdir,
                )
                if not temporary.is_file():  # in a notebook Keras prints what is missing instead of raising
                    raise ImportError("pydot and graphviz must be installed.")
        except ImportError as error:
            warnings.warn(f"{path} was not drawn: {error}", stacklevel=2)
            return None
        return path

    def flush(self):
        """Forget the Keras model, the data of its training, and what Keras holds of it; the settings stay.

        Other networks of the session keep working.
        """
        for name in ("keras_model", "keras_model_predict", "keras_encoder", "keras_decoder", "training_generator",
                     "validation_generator", "_training_state"):  # fmt: skip
            if hasattr(self, name):
                setattr(self, name, None)
        for name in ("_derivatives", "_engines"):
            if hasattr(self, name):
                setattr(self, name, {})
        keras.utils.clear_session()

    @property
    def _prediction_graph(self):
        self.has_model_check()
        return self.keras_model_predict or self.keras_model


def _bare(symbols):
    """Shapes in the structure of symbolic tensors; a single one without its name."""
    shapes = {name: tuple(s.shape) for name, s in symbols.items()} if isinstance(symbols, dict) else symbols
    if isinstance(shapes, dict):
        return next(iter(shapes.values())) if len(shapes) == 1 else shapes
    return keras.tree.map_structure(lambda symbol: tuple(symbol.shape), shapes)
