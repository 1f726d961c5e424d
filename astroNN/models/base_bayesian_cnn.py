"""Networks that predict labels with uncertainties, by dropout that stays on (Monte Carlo dropout)."""

import warnings

import keras
import numpy as np

from astroNN.models import _data
from astroNN.models._answers import ANSWERS
from astroNN.models._datasets import PredictsDatasets
from astroNN.models._passes import MonteCarloPasses, inverse_model_precision
from astroNN.models._recipes import rebuilt, training_class, two_graphs, warn_of_unused
from astroNN.models.base_cnn import blank
from astroNN.models.base_master_nn import NeuralNetMaster
from astroNN.models.inspection.distribution import PredictsDistributions
from astroNN.models.tasks import aware_of_gaps, task_settings
from astroNN.models.training.bayesian_model import LABELS_ERR, BayesianModel
from astroNN.models.training.calibrate import calibrate_on_validation_stars
from astroNN.models.training.outputs import as_logits, as_probabilities, outputs_by_name
from astroNN.nn.layers.mc_inference import PRECISIONS, SAMPLINGS
from astroNN.nn.losses import mean_absolute_error
from astroNN.nn.utilities.data_generators import BayesianCNNDataGenerator, BayesianCNNPredDataGenerator
from astroNN.shared import setting_checks
from astroNN.shared.errors import ConfigurationError

__all__ = ["BayesianCNNBase", "BayesianCNNDataGenerator", "BayesianCNNPredDataGenerator"]


class BayesianCNNBase(MonteCarloPasses, PredictsDatasets, PredictsDistributions, NeuralNetMaster):
    r"""Base of Bayesian networks; your own derive from it and define `model`.

    `model` returns two functional Keras models: the one to train, from ``input`` (and ``labels_err``) to the
    outputs ``output`` and ``variance_output`` (the log variance), and the one to predict with, from ``input`` to
    the same outputs. One model serves as both. `astroNN.nn.layers.MCDropout` layers make it Bayesian. Instead of the
    two outputs a model may have that of an `astroNN.nn.layers.MixtureDensity` layer, whose loss is `mixture_nll`.

    Training minimises `astroNN.nn.losses.robust_mse`. A prediction draws `mc_num` thinned networks: the mean of
    their answers is the label, their scatter the *model* uncertainty, and the predicted variance the
    *predictive* one,

    .. math:: \sigma_\mathrm{total}^2 = \sigma_\mathrm{model}^2 + \sigma_\mathrm{predictive}^2
              \;(+\, \sigma_\mathrm{propagated}^2).

    Attributes
    ----------
    mc_num : int
        Thinned networks drawn in a prediction, default 100, at least 2.
    mc_precision : {"float32", "bfloat16", "float16"}
        Type in which they run, see `astroNN.nn.layers.MonteCarloEngine`. Default "float32"; not stored in folders.
    dropout_rate : float
        Fraction of units dropped, default 0.2.
    disable_dropout : bool
        Switch dropout off when the network is built (default False).
    length_scale, inv_model_precision : float
        Prior length scale and the inverse model precision that follows from it (Gal & Ghahramani 2016); stored,
        not added to predictions.
    calibration, calibration_propagated : SpreadCalibration or None
        Factors for the predicted spreads, found by `fit` on the validation stars: for predictions without and
        with `inputs_err`. The second needs `inputs_err` in `fit`.

    References
    ----------
    Leung & Bovy 2019, MNRAS 483, 3255; Gal & Ghahramani 2016, arXiv:1506.02142; Kendall & Gal 2017,
    arXiv:1703.04977.
    """

    _references = ("gal2016", "kendall2017")
    _extra_outputs = ("variance_output",)
    #: last activation that the task called for when the network was compiled; another one is the user's choice
    _activation_of_task = None

    def __init__(self):
        super().__init__()
        self.name = "Bayesian Convolutional Neural Network"
        self._model_type = "BCNN"
        self.task = "regression"
        self.dropout_rate = 0.2
        self.length_scale = 3
        self.mc_num = 100
        self.mc_precision = "float32"
        self.val_size = 0.1
        self.max_epochs = 100
        self.lr = 0.001
        self.disable_dropout = False
        self.aux_length = 0
        self.inv_model_precision = None
        self.input_norm_mode = 1
        self.labels_norm_mode = 2
        self.calibration = self.calibration_propagated = None
        self._engines = {}

    def compile(self, optimizer=None, loss=None, metrics=None, weighted_metrics=None, loss_weights=None):
        """Build the network and prepare it for training; `fit` does so by itself.

        Parameters
        ----------
        optimizer : str or keras.optimizers.Optimizer, optional
            Default: Adam with the network's ``lr``, ``beta_1``, ``beta_2``, ``optimizer_epsilon``.
        loss, metrics, weighted_metrics, loss_weights : str, callable, list or dict, optional
            As in `CNNBase.compile`, metrics for both outputs. `loss` and `loss_weights` are not used, with a warning:
            the loss of a Bayesian network is that of its task, which uses the label errors.

        Raises
        ------
        RuntimeError
            If the task is unknown.
        """
        settings = task_settings(self.task)
        if self._last_layer_activation in (None, self._activation_of_task):
            self._last_layer_activation = settings.last_activation
        self._activation_of_task = settings.last_activation
        self._engines = {}
        training, prediction = two_graphs(self._build(), type(self).__name__)
        for graph in (training, prediction):
            self._check_input_names(graph)
        self.keras_model_predict = self._predicting(prediction)
        self.keras_model = self._trainable(training)
        self._extra_outputs = tuple(name for name in self.keras_model.output if name != "output")
        self._compile_model(optimizer, loss, metrics, weighted_metrics, loss_weights)

    def _compile_model(self, optimizer=None, loss=None, metrics=None, weighted_metrics=None, loss_weights=None):
        warn_of_unused("A Bayesian network", loss=loss, loss_weights=loss_weights)
        settings = task_settings(self.task)
        chosen = aware_of_gaps(metrics or self.metrics) or list(settings.bayesian_metrics)
        # Watched to lower the learning rate; it does not see the predicted variance, which settles late.
        watches_error = mean_absolute_error in chosen
        self._plateau_monitor = "val_output_mean_absolute_error" if watches_error else "val_loss"
        self.keras_model.compile(
            optimizer=self._new_optimizer(optimizer),
            metrics=chosen if isinstance(chosen, dict) else dict.fromkeys(settings.outputs_with_metrics, chosen),
            weighted_metrics=aware_of_gaps(weighted_metrics),
        )

    def fit(self, input_data, labels, inputs_err=None, labels_err=None, sample_weight=None, experimental=False, *,
            mask=None, groups=None, resume=False, distribute=None):  # fmt: skip
        """Train on spectra or images with labels and their errors.

        Parameters
        ----------
        input_data : array, shape (n_stars, n_pixels) or (n_stars, height, width[, channels]), or dict of arrays
            In physical units. Pixels that are NaN, the magic number or marked in `mask` are missing and become
            the training mean. May be larger than the memory, and paths of files; see :doc:`/larger_than_memory`.
        labels : array, shape (n_stars, n_labels), Table, DataFrame or path of a table
            In physical units. NaN or the magic number marks a missing label. The columns of a table give the labels
            their names and units; later tables must have the same columns.
        inputs_err : array, shape of `input_data`, optional
            Standard deviations of the pixels. The training does not use them (the network learns their effect from
            the spectra); the calibration does, so that predictions with `inputs_err` hold at every signal to noise.
        labels_err : array, shape of `labels`, Table, DataFrame or path of a table, optional
            Standard deviations of the labels. A missing error counts as 0. In a table, which may be the one with the
            labels, the error of ``teff`` is ``teff_err``, ``teff_error`` or ``e_teff``. Default: exact labels.
        sample_weight : array, shape (n_stars,), optional
            Multiplies each star's loss; 0 leaves a star out of everything.
        experimental : bool, optional
            Accepted for old scripts and ignored.
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
        ValueError, TypeError, IndexError, AttributeError
            For data or settings that can't be used, before the training starts.

        Notes
        -----
        Ends by calibrating the predicted spreads on the validation stars, see `astroNN.nn.calibration`.
        """
        self._check_settings()
        sample = _data.checked_sample(
            self, input_data, labels, mask=mask, inputs_err=inputs_err, labels_err=labels_err,
            sample_weight=sample_weight, groups=groups,
        )  # fmt: skip
        return self._fit(sample, resume, distribute)

    def fit_on_batch(self, input_data, labels, inputs_err=None, labels_err=None, sample_weight=None, *, mask=None):
        """Train for one epoch on all stars as a single batch.

        The calibration of the predicted spreads is dropped: it belongs to other weights.

        Parameters
        ----------
        input_data, labels, inputs_err, labels_err, sample_weight, mask : array or dict of arrays
            As in `fit`.

        Returns
        -------
        keras.callbacks.History
            Loss and metrics of the epoch.
        """
        self._check_settings()
        sample = _data.checked_sample(
            self, input_data, labels, mask=mask, inputs_err=inputs_err, labels_err=labels_err,
            sample_weight=sample_weight,
        )  # fmt: skip
        return self._fit_on_batch(sample)

    def predict(self, input_data, inputs_err=None, batch_size=None, *, mask=None, calibrated=True, sampling="exact",
                first_star=0):  # fmt: skip
        """Labels of stars and their uncertainties, in physical units.

        Parameters
        ----------
        input_data : array or dict of arrays
            As in `fit`.
        inputs_err : array, shape of `input_data`, optional
            Standard deviations of the pixels; adds the component ``"propagated"``.
        batch_size : int, optional
            Accepted for old scripts; memory is bounded whatever it is, and the result never depends on it.
        mask : array of bool, optional
            True marks a bad pixel.
        calibrated : bool, optional
            Apply the factors found on the validation stars, if the network has them. Default True.
        sampling : {"exact", "per_star", "fast"}, optional
            How dropout is sampled, see `astroNN.nn.layers.MonteCarloEngine`. Default ``"exact"``.
        first_star : int, optional
            Number, in a larger set, of the first of these stars; a multiple of 64. A set that is predicted in pieces
            then has the numbers of the whole. Default 0.

        Returns
        -------
        pred : array of float32, shape (n_stars, n_labels)
            Of classifiers the class, an array of int, shape (n_stars,), or (n_stars, n_labels) of 0 and 1.
        pred_std : dict of arrays of the same shape
            ``"total"``, ``"model"`` and ``"predictive"``; with `inputs_err` also ``"propagated"``. All are NaN,
            with a warning, for a star without a good pixel; its class is -1.

        Raises
        ------
        AttributeError
            If the network was not trained, or ``mc_num`` is below 2.
        ValueError, TypeError
            For data that can't be used.
        """
        self.has_model_check()
        inputs, masks = _data.checked_inputs(self, input_data, mask)
        errors = _data.checked_inputs_err(inputs_err, inputs)
        settings = {"calibrated": calibrated, "sampling": sampling, "masks": masks, "errors": errors}
        settings["first_star"] = first_star
        return self._predict_rows(inputs, lambda: _data.empty_stars(inputs, masks), **settings)

    def predict_dataset(self, file, *, calibrated=True, sampling="exact"):
        """As `CNNBase.predict_dataset`, with the uncertainties of `predict`.

        Parameters
        ----------
        file : object with `len` and index-list access
            As there.
        calibrated, sampling : bool, str, optional
            As in `predict`.

        Returns
        -------
        tuple of (array, dict of arrays)
            As from `predict`.
        """
        return self._predict_dataset(file, calibrated=calibrated, sampling=sampling)

    def _predict_rows(self, inputs, empty, *, calibrated=True, sampling="exact", masks=None, errors=None,
                      first_star=0):  # fmt: skip
        """Labels and spreads; `empty` tells, when the inputs are read, which stars have no good pixel."""
        self._check_settings()
        setting_checks.check_one_of("sampling", sampling, SAMPLINGS)
        pred, pred_std = self._predict(inputs, masks or {}, errors or {}, sampling, first_star)
        # Without factors found with input errors those found without serve: they err to the safe side.
        calibration = self.calibration_propagated if errors else None
        calibration = calibration or self.calibration
        if calibrated and calibration is not None:
            pred_std = calibration.apply(pred_std)
        blank(empty(), pred, *pred_std.values())
        return pred, pred_std

    def evaluate(self, input_data, labels, inputs_err=None, labels_err=None, batch_size=None, *, mask=None):
        """Loss and metrics of a set of stars, on normalised labels.

        Parameters
        ----------
        input_data, labels : array or dict of arrays
            As in `fit`.
        inputs_err, labels_err, batch_size, mask : array or dict of arrays, optional
            As in `fit`; `batch_size` is accepted for old scripts and ignored.

        Returns
        -------
        dict
            Name to value: ``loss`` (with regularisation), ``output_loss``, and of a regression
            ``output_mean_absolute_error``, ``output_mean_error``, and these two for ``variance_output``; of a
            classification the accuracy of ``output``.
        """
        self.has_model_check()
        sample = _data.checked_sample(
            self,
            input_data,
            labels,
            mask=mask,
            inputs_err=inputs_err,
            labels_err=labels_err,
            for_training=False,
        )
        return self._evaluate(sample)

    def _predict(self, inputs, masks, inputs_err, sampling="exact", first_star=0):
        """Labels and spreads of checked data, not calibrated."""
        pred, pred_std = ANSWERS[self.task](self, *self._monte_carlo(inputs, masks, sampling, first_star))
        if inputs_err and self.task != "regression":
            warnings.warn("`inputs_err` has no effect on a classification.", stacklevel=3)
        elif inputs_err:
            from astroNN.models.inspection.propagation import propagated_spread

            pred_std["propagated"] = propagated_spread([self], inputs, masks, inputs_err)
            pred_std["total"] = np.hypot(pred_std["total"], pred_std["propagated"])
        return pred, pred_std

    def _columns(self, data):
        labels = data.labels["output"]
        if data.labels_err is None:
            return {LABELS_ERR: np.zeros(labels.shape, "float32")}
        scale = np.asarray(self.labels_normalizer.std_labels["output"], dtype="float32")
        return {LABELS_ERR: np.nan_to_num(data.labels_err, nan=0.0) / scale}

    def _before_training(self):
        # Factors found for other weights, perhaps on these very stars, no longer hold.
        self.calibration = self.calibration_propagated = None

    def _after_fit(self, data):
        self.inv_model_precision = inverse_model_precision(
            self.num_train, self.l2, self.length_scale, self.dropout_rate
        )
        if self.task == "regression":
            self.calibration, self.calibration_propagated = calibrate_on_validation_stars(self, data)

    def _check_settings(self):
        super()._check_settings()
        setting_checks.check_at_least("mc_num", self.mc_num, 2)
        setting_checks.check_one_of("mc_precision", self.mc_precision, PRECISIONS)
        modes = self.labels_norm_mode
        if "3s" in (modes.values() if isinstance(modes, dict) else [modes]):
            raise ConfigurationError(
                "labels_norm_mode '3s' (a sigmoid) has no standard deviations; a Bayesian network needs another mode."
            )

    def _trainable(self, training):
        """The training graph as a model whose loss sees the label errors."""
        inputs = {tensor.name: tensor for tensor in training.inputs}
        if LABELS_ERR not in inputs:
            shape = self._labels_shape["output"]
            shape = shape if isinstance(shape, tuple) else (shape,)
            inputs[LABELS_ERR] = keras.Input(shape, name=LABELS_ERR)
        outputs = as_logits(self._outputs_by_name(training), self.task)
        kind = training_class(training, BayesianModel)
        model = rebuilt(training, kind, inputs, outputs, "training", type(self).__name__)
        model.task = self.task
        if self.task != "regression":
            model.noise = keras.random.SeedGenerator(self.next_seed())
        return model

    def _predicting(self, graph):
        """Prediction graph with inputs and outputs by name."""
        inputs = {tensor.name: tensor for tensor in graph.inputs if tensor.name != LABELS_ERR}
        outputs = as_probabilities(self._outputs_by_name(graph), self.task)
        return keras.Model(inputs=inputs, outputs=outputs, name="prediction")

    def _outputs_by_name(self, graph):
        n_labels = np.atleast_1d(self._labels_shape["output"])[-1]
        return outputs_by_name(graph, int(n_labels), type(self).__name__)
