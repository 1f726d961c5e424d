"""Networks that predict labels without uncertainties."""

import warnings

import keras
import numpy as np
from tqdm.auto import tqdm

from astroNN.models import _data
from astroNN.models._datasets import PredictsDatasets
from astroNN.models._recipes import one_graph, rebuilt
from astroNN.models.base_master_nn import NeuralNetMaster
from astroNN.models.tasks import aware_of_gaps, task_settings
from astroNN.nn.utilities.data_generators import CNNDataGenerator, CNNPredDataGenerator

__all__ = ["CNNBase", "CNNDataGenerator", "CNNPredDataGenerator"]


class CNNBase(PredictsDatasets, NeuralNetMaster):
    """Base of convolutional networks; your own derive from it and define `model`.

    `model` returns a functional Keras model from an input named ``input`` to an output named ``output``. It
    finds the shapes in ``self._input_shape["input"]`` and ``self._labels_shape["output"]`` and the last
    activation in ``self._last_layer_activation``. A network of several outputs names each like its labels:
    ``fit(x, {"output": labels, "mass": masses})`` trains the outputs ``output`` and ``mass``, and `predict` returns a
    dictionary.

    Examples
    --------
    >>> import keras
    >>> class TwoLayers(CNNBase):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.lr, self.max_epochs, self.verbose = 0.01, 1, 0
    ...         self.input_norm_mode = self.labels_norm_mode = 2
    ...
    ...     def model(self):
    ...         spectra = keras.Input(self._input_shape["input"], name="input")
    ...         hidden = keras.layers.Dense(8, "relu", name="hidden")(keras.layers.Flatten()(spectra))
    ...         labels = keras.layers.Dense(self._labels_shape["output"], name="output")(hidden)
    ...         return keras.Model(spectra, labels)
    >>> rng = np.random.default_rng(0)
    >>> net = TwoLayers()
    >>> history = net.fit(rng.normal(size=(100, 20)), rng.normal(size=(100, 2)))
    >>> net.predict(rng.normal(size=(3, 20))).shape
    (3, 2)
    """

    _takes_several_labels = True

    def __init__(self):
        super().__init__()
        self.name = "Convolutional Neural Network"
        self._model_type = "CNN"
        self.task = "regression"
        self.dropout_rate = 0.0
        self.val_size = 0.1
        self.max_epochs = 100
        self.lr = 0.001
        self.input_norm_mode = 1
        self.labels_norm_mode = 2

    def compile(self, optimizer=None, loss=None, metrics=None, weighted_metrics=None, loss_weights=None):
        """Build the network and prepare it for training; `fit` does so by itself.

        Parameters
        ----------
        optimizer : str or keras.optimizers.Optimizer, optional
            Default: Adam with the network's ``lr``, ``beta_1``, ``beta_2``, ``optimizer_epsilon``.
        loss, metrics, weighted_metrics, loss_weights : str, callable, list or dict, optional
            As in `keras.Model.compile`. Defaults: those of the task, which know of missing labels.

        Raises
        ------
        RuntimeError
            If the task is unknown.
        """
        settings = task_settings(self.task)
        self._last_layer_activation = settings.last_activation
        model = one_graph(self._build(), type(self).__name__)
        self._check_input_names(model)
        self.keras_model = _with_names(model, list(self._labels_shape.keys()), type(self).__name__)
        self._compile_model(optimizer, loss, metrics, weighted_metrics, loss_weights)

    def _compile_model(self, optimizer=None, loss=None, metrics=None, weighted_metrics=None, loss_weights=None):
        settings = task_settings(self.task)
        chosen = aware_of_gaps(metrics or self.metrics) or list(settings.metrics)
        if isinstance(self.keras_model.output, dict) and not isinstance(chosen, dict):
            chosen = dict.fromkeys(self.keras_model.output, chosen)
        self.keras_model.compile(
            optimizer=self._new_optimizer(optimizer),
            loss=aware_of_gaps(loss) or settings.loss,
            metrics=chosen,
            weighted_metrics=aware_of_gaps(weighted_metrics),
            loss_weights=loss_weights,
        )

    def fit(self, input_data, labels, sample_weight=None, *, mask=None, groups=None, resume=False, distribute=None):
        """Train on spectra or images with labels.

        Parameters
        ----------
        input_data : array, shape (n_stars, n_pixels) or (n_stars, height, width[, channels]), or dict of arrays
            In physical units. Pixels that are NaN, the magic number or marked in `mask` are missing and become
            the training mean. May be larger than the memory, and paths of files; see :doc:`/larger_than_memory`.
        labels : array, shape (n_stars, n_labels), Table, DataFrame, path of a table, or dict of arrays
            In physical units. NaN or the magic number marks a missing label. Shape (n_stars,) is one label a star.
            The columns of a table give the labels their names and units; later tables must have the same columns.
        sample_weight : array, shape (n_stars,), optional
            Multiplies each star's loss; 0 leaves a star out of everything.
        mask : array of bool, shape of `input_data`, optional
            True marks a bad pixel.
        groups : array, shape (n_stars,), optional
            One identifier per row; rows of one group (visits of one star) never stand on both sides of the split
            into training and validation.
        resume : bool, optional
            Go on with the last training, after Ctrl-C or in a network from its checkpoint, with the same arrays; see
            :doc:`/training`. Default False: a new training, from the weights that are there.
        distribute : {None, "auto", "multi_worker"}, optional
            Train on one device (default), on all GPUs of this machine, or in all processes of a job, each of which
            calls `fit` with the same arrays; see :doc:`/distributed`. `batch_size` is that of all together.

        Returns
        -------
        keras.callbacks.History
            Loss and metrics of every epoch.

        Raises
        ------
        ValueError, TypeError, IndexError
            For data that can't be used, before the training starts.
        """
        self._check_settings()
        return self._fit(
            _data.checked_sample(self, input_data, labels, mask=mask, sample_weight=sample_weight, groups=groups),
            resume,
            distribute,
        )

    def fit_on_batch(self, input_data, labels, sample_weight=None, *, mask=None):
        """Train for one epoch on all stars as a single batch.

        Parameters
        ----------
        input_data, labels, sample_weight, mask : array or dict of arrays
            As in `fit`.

        Returns
        -------
        keras.callbacks.History
            Loss and metrics of the epoch.
        """
        self._check_settings()
        return self._fit_on_batch(
            _data.checked_sample(self, input_data, labels, mask=mask, sample_weight=sample_weight)
        )

    def predict(self, input_data, *, mask=None):
        """Labels of stars, in physical units.

        Parameters
        ----------
        input_data : array or dict of arrays
            As in `fit`.
        mask : array of bool, optional
            True marks a bad pixel.

        Returns
        -------
        array of float32, shape (n_stars, n_labels)
            NaN, with a warning, for a star without a good pixel. Of a network trained on several kinds of labels a
            dictionary of such arrays.

        Raises
        ------
        AttributeError
            If the network was not trained.
        ValueError, TypeError
            For data that can't be used.
        """
        self.has_model_check()
        inputs, masks = _data.checked_inputs(self, input_data, mask)
        return self._predict_rows(inputs, lambda: _data.empty_stars(inputs, masks), masks)

    def _predict_rows(self, inputs, empty, masks=None):
        """Labels of checked data; `empty` tells, when they are read, which stars have no good pixel."""
        n_stars = len(inputs["input"])
        blocks = []
        with tqdm(total=n_stars, desc="Predicting", unit="star", disable=not self.verbose) as progress:
            for rows, normalised in self._read_blocks(inputs, masks or {}, self.batch_size):
                blocks.append(self._outputs_by_name(self._forward(normalised)))
                progress.update(len(rows))
        prediction = self._in_physical_units({name: np.concatenate([b[name] for b in blocks]) for name in blocks[0]})
        blank(empty(), *prediction.values())
        return prediction["output"] if len(prediction) == 1 else prediction

    def evaluate(self, input_data, labels, *, mask=None):
        """Loss and metrics of a set of stars, on normalised labels.

        Parameters
        ----------
        input_data, labels, mask : array or dict of arrays
            As in `fit`.

        Returns
        -------
        dict
            Name to value: ``loss``, and of a regression ``mean_absolute_error`` and ``mean_error``, of a
            classification the accuracy.
        """
        self.has_model_check()
        return self._evaluate(_data.checked_sample(self, input_data, labels, mask=mask, for_training=False))

    def _forward(self, normalised):
        return self.keras_model.predict(normalised, batch_size=self.batch_size, verbose=0)

    def _outputs_by_name(self, predicted):
        named = predicted if isinstance(predicted, dict) else {"output": predicted}
        return {name: np.asarray(keras.ops.convert_to_numpy(array)) for name, array in named.items()}

    def _in_physical_units(self, normalised):
        return {
            name: array.astype("float32") for name, array in self.labels_normalizer.denormalize(normalised).items()
        }


def blank_empty_stars(inputs, masks, *arrays):
    """Set the rows of stars without a good pixel to NaN, in place, with a warning; returns the array(s)."""
    return blank(_data.empty_stars(inputs, masks), *arrays)


def blank(empty, *arrays):
    """Set the rows of empty stars to NaN, in place, with a warning; returns the array(s)."""
    if empty.any():
        warnings.warn(
            f"{int(empty.sum())} of {len(empty)} stars have no good pixel; their predictions are NaN.",
            stacklevel=4,
        )
        for array in arrays:
            array[empty] = np.nan if array.dtype.kind == "f" else -1  # no class
    return arrays[0] if len(arrays) == 1 else arrays


def _with_names(model, labels, owner):
    """The same network on a dictionary of inputs (else Keras warns at every use), and outputs if it has several."""
    outputs = _outputs_for(model, labels, owner)
    if isinstance(model.input, dict) and outputs is model.output:
        return model
    kind = keras.Model if isinstance(model, keras.Sequential) else type(model)
    inputs = {tensor.name: tensor for tensor in model.inputs}
    return rebuilt(model, kind, inputs, outputs, model.name, owner)


def _outputs_for(model, labels, owner):
    if len(model.outputs) == 1:
        named = {"output": model.outputs[0]}  # whatever its name
    else:
        is_named = isinstance(model.output, dict)
        named = model.output if is_named else dict(zip(model.output_names, model.outputs, strict=True))
    if set(named) != set(labels):
        raise ValueError(
            f"`model()` of {owner} returned a network with the output(s) {sorted(named)}, but the labels are "
            f"{sorted(labels)}: name the last layers like the labels, and give labels for each output."
        )
    return named if len(named) > 1 else named["output"]
