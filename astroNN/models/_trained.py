"""What `fit`, `fit_on_batch` and `evaluate` of all kinds of networks do with checked data."""

import warnings

import numpy as np

from astroNN.models import _data
from astroNN.models.training.callbacks import training_callbacks
from astroNN.models.training.n_train import set_n_train
from astroNN.models.training.split import split_stars
from astroNN.nn.callbacks import VirutalCSVLogger
from astroNN.nn.utilities.generator import BatchGenerator
from astroNN.nn.utilities.normalizer import Normalizer
from astroNN.shared import checks
from astroNN.shared.messages import tell

__all__ = ["Trained"]


class Trained:
    """Mixin of networks: split, normalisation, batches and the Keras training."""

    def _fit(self, data):
        """Train on checked data; returns the Keras history."""
        _data.remember_shapes(self, data)
        self._draw_seed()
        self.train_idx, self.val_idx = split_stars(data.n_stars, self.val_size or 0.0, self.seed, data.groups)
        self.num_train, self.val_num = len(self.train_idx), len(self.val_idx)
        val_rows = data.counting(self.val_idx)
        self.has_val = len(val_rows) > 0
        tell(f"Training stars: {self.num_train}, validation stars: {self.val_num}", self.verbose)
        self._fit_normalizers(data)
        if not self.has_model:
            self.compile()
        elif self.optimizer in (None, "adam"):
            # A rate that the last training has lowered would all but stop this one.
            self.keras_model.optimizer.learning_rate = self.lr
        set_n_train(self.keras_model, data.labels["output"], data.counting(self.train_idx), self.task)
        self.training_generator = self._batches(data, data.counting(self.train_idx), shuffle=True)
        self.validation_generator = self._batches(data, val_rows) if self.has_val else None
        self.virtual_cvslogger = VirutalCSVLogger()
        self._n_fits += 1
        self.history = self.keras_model.fit(
            self.training_generator,
            validation_data=self.validation_generator,
            epochs=self.max_epochs,
            verbose=self.verbose,
            shuffle=False,
            callbacks=[*training_callbacks(self, self._plateau_monitor), self.virtual_cvslogger],
        )
        self._after_fit(data)
        if self.autosave:
            self.save()
        return self.history

    def _after_fit(self, data):
        """What a kind of network does once it is trained."""

    def _fit_on_batch(self, data):
        _data.remember_shapes(self, data)
        self._draw_seed()
        rows = np.arange(data.n_stars)
        self.train_idx = rows if self.train_idx is None else self.train_idx
        self.num_train = len(self.train_idx)
        self._fit_normalizers(data, rows)
        if not self.has_model:
            self.compile()
        # A batch after a training is a part of its stars, or more of them.
        set_n_train(self.keras_model, data.labels["output"], rows, self.task, only_unknown=True)
        self._n_fits += 1
        self.history = self.keras_model.fit(
            self._batches(data, rows, batch_size=data.n_stars), epochs=1, verbose=self.verbose, shuffle=False
        )
        return self.history

    def _evaluate(self, data):
        self.has_model_check()
        _data.remember_shapes(self, data)
        batches = self._batches(data, np.arange(data.n_stars))
        scores = self.keras_model.evaluate(batches, return_dict=True, verbose=self.verbose)
        return {name: float(value) for name, value in scores.items()}

    def _fit_normalizers(self, data, rows=None):
        """Fit both normalisers on the training stars of the first training; later ones reuse them."""
        if self.has_model and self.input_normalizer is not None:
            return
        rows = data.counting(self.train_idx if rows is None else rows)
        for labels in data.labels.values() if self._needs_every_label else ():
            checks.check_label_columns(labels[rows], self.targetname, " of the stars to train on")
        self.input_normalizer = Normalizer(self.input_norm_mode, self.verbose)
        self.labels_normalizer = Normalizer(self._labels_mode(), self.verbose)
        self.input_normalizer.fit(data.inputs, data.masks, rows)
        self.labels_normalizer.fit(data.labels, rows=rows)
        self._publish_statistics()

    def _labels_mode(self):
        """Norm mode of the labels; classes are what they are."""
        if self.task == "regression":
            return self.labels_norm_mode
        if isinstance(self.labels_norm_mode, dict) or str(self.labels_norm_mode) != "0":
            warnings.warn(
                f"labels_norm_mode {self.labels_norm_mode!r} is for numbers; classes are not normalised (mode 0).",
                stacklevel=5,
            )
        return 0

    def _publish_statistics(self):
        self.input_mean, self.input_std = self.input_normalizer.mean_labels, self.input_normalizer.std_labels
        self.labels_mean, self.labels_std = (
            self.labels_normalizer.mean_labels,
            self.labels_normalizer.std_labels,
        )

    def _batches(self, data, rows, shuffle=False, batch_size=None):
        labels = self.labels_normalizer.normalize(data.labels, calc=False)
        targets = dict(labels)
        for name in self._extra_outputs:
            targets[name] = labels["output"]
        rng = np.random.default_rng([self.seed or 0, 1, self._n_fits]) if shuffle else None
        return BatchGenerator(
            lambda index: self._read_inputs(data.inputs, data.masks, index),
            rows,
            targets if isinstance(self.keras_model.output, dict) else targets["output"],
            columns=self._columns(data),
            sample_weight=data.sample_weight,
            batch_size=min(batch_size or self.batch_size, len(rows)),
            rng=rng,
        )

    def _columns(self, data):
        """Small inputs of the training besides the spectra."""
        return {}

    def _read_inputs(self, inputs, masks, rows):
        """Normalised inputs of some rows, missing pixels replaced, in the shape that the network takes."""
        read = {}
        for name, array in inputs.items():
            mask = masks[name][rows] if name in masks else None
            normalised = self.input_normalizer.network_input(name, array[rows], mask)
            read[name] = normalised.reshape(len(normalised), *self._input_shape[name])
        return read
