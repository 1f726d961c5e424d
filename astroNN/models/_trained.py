"""What `fit`, `fit_on_batch` and `evaluate` of all kinds of networks do with checked data."""

import math
import warnings
from contextlib import closing
from functools import partial

import numpy as np

from astroNN.models import _data
from astroNN.models._recipes import refuse_symbolic_losses
from astroNN.models.persistence.checkpoint import check_checkpoint_place, write_checkpoint
from astroNN.models.training.distribution import check_workers_agree, engine_for, refused_together
from astroNN.models.training.n_train import set_n_train
from astroNN.models.training.run import check_can_resume, run_training
from astroNN.models.training.split import split_stars
from astroNN.models.training.variables import make_variables
from astroNN.nn.utilities.generator import BatchGenerator
from astroNN.nn.utilities.normalizer import Normalizer
from astroNN.nn.utilities.streamed import StreamedBatches, errors_of_reading
from astroNN.shared import label_checks
from astroNN.shared.blocks import as_slice, row_blocks
from astroNN.shared.messages import tell
from astroNN.shared.sources import Rows, read_ahead

__all__ = ["Trained"]


class Trained:
    """Mixin of networks: split, normalisation, batches and the Keras training."""

    #: draws the validation stars in place of `seed`: the same for all members of an ensemble
    _split_seed = None
    #: whether the network was built before its training, and so compiled with settings that may have changed since
    _is_only_built = False

    def _fit(self, data, resume=False, distribute=None):
        """Train on checked data; returns the Keras history."""
        engine = engine_for(distribute)
        try:
            with engine.one_voice(self):
                return self._fit_on(engine, data, resume)
        finally:
            data.close()

    def _fit_on(self, engine, data, resume):
        _data.remember_shapes(self, data)
        self.seed = engine.common_seed(self.seed)
        self._draw_seed()
        seed = self.seed if self._split_seed is None else self._split_seed
        train_idx, val_idx = split_stars(data.n_stars, self.val_size or 0.0, seed, data.groups)
        with refused_together(engine):
            if engine.is_chief:
                check_checkpoint_place(self, resume)
            if resume:
                check_can_resume(self, data, val_idx)
        data.check_errors_outside(data.counting(val_idx))
        self._before_training()
        self.train_idx, self.val_idx = train_idx, val_idx
        self.num_train, self.val_num = len(train_idx), len(val_idx)
        self.has_val = len(data.counting(val_idx)) > 0
        tell(f"Training stars: {self.num_train}, validation stars: {self.val_num}", self.verbose)
        self._fit_normalizers(data)
        if self.has_model and self._rate_is_ours and not resume:
            # A rate that the last training has lowered would all but stop this one.
            self.keras_model.optimizer.learning_rate = self.lr
        self._compile_once()
        set_n_train(self.keras_model, data.labels["output"], data.counting(train_idx), self.task)
        check_workers_agree(engine, self, data, resume)
        try:
            run_training(self, data, resume, engine)
        finally:
            for batches in (self.training_generator, self.validation_generator):
                if batches is not None:
                    batches.close()
        self._after_fit(data)
        if self.checkpoint is not None and engine.is_chief:
            write_checkpoint(self)
        if self.autosave and engine.is_chief:
            self.save()
        return self.history

    def _before_training(self):
        """What a kind of network forgets when its weights are about to change."""

    def _after_fit(self, data):
        """What a kind of network does once it is trained."""

    def _fit_on_batch(self, data):
        with closing(data):
            _data.remember_shapes(self, data)
            self._draw_seed()
            rows = data.counting(np.arange(data.n_stars))
            self.train_idx = rows if self.train_idx is None else self.train_idx
            self.num_train = len(self.train_idx)
            self._fit_normalizers(data, rows)
            self._compile_once()
            self._before_training()
            self._training_state = None
            # A batch after a training is a part of its stars, or more of them.
            set_n_train(self.keras_model, data.labels["output"], rows, self.task, only_unknown=True)
            self._n_fits += 1
            batches = self._batches(data, rows, batch_size=len(rows))
            with closing(batches), errors_of_reading(batches):
                make_variables(self.keras_model, batches)
                self.history = self.keras_model.fit(batches, epochs=1, verbose=self.verbose, shuffle=False)
        return self.history

    def _compile_once(self):
        """Compile the network if it is not yet; a class may have overridden how, and brought its own loss."""
        is_new = not self.has_model
        if is_new:
            self.compile()
        elif self._is_only_built:
            self.recompile()
        self._is_only_built = False
        try:
            refuse_symbolic_losses(self.keras_model.loss, f"{type(self).__name__} was compiled with")
        except TypeError:
            if is_new:
                self.keras_model = self.keras_model_predict = None
            raise

    def _evaluate(self, data):
        self.has_model_check()
        with closing(data):
            _data.remember_shapes(self, data)
            batches = self._batches(data, np.arange(data.n_stars))
            with closing(batches), errors_of_reading(batches):
                scores = self.keras_model.evaluate(batches, return_dict=True, verbose=self.verbose)
        return {name: float(value) for name, value in scores.items()}

    @property
    def _has_normalizers(self):
        """Whether the normalisers are those of an earlier training, which later ones reuse."""
        return self.has_model and self.input_normalizer is not None

    def _fit_normalizers(self, data, rows=None):
        """Fit both normalisers on the training stars of the first training; later ones reuse them."""
        if self._has_normalizers:
            return
        rows = data.counting(self.train_idx if rows is None else rows)
        for labels in data.labels.values() if self._needs_every_label else ():
            label_checks.check_label_columns(labels[rows], self.targetname, " of the stars to train on")
        inputs, labels = (Normalizer(mode, self.verbose) for mode in (self.input_norm_mode, self._labels_mode()))
        inputs.fit(data.inputs, data.masks, rows)
        labels.fit(data.labels, rows=rows)
        if data.is_outside:
            _data.refuse_empty_stars(data)
        self.input_normalizer, self.labels_normalizer = inputs, labels
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

    def _batches(self, data, rows, shuffle=False, batch_size=None, first_epoch=0):
        labels = self.labels_normalizer.normalize(data.labels, calc=False)
        targets = dict(labels)
        for name in self._extra_outputs:
            targets[name] = labels["output"]
        settings = {
            "columns": self._columns(data),
            "sample_weight": data.sample_weight,
            "batch_size": min(batch_size or self.batch_size, len(rows)),
            "first_epoch": first_epoch,
        }
        targets = targets if isinstance(self.keras_model.output, dict) else targets["output"]
        seed = [self.seed or 0, 1, self._n_fits] if shuffle else None
        arrays = [*data.inputs.values(), *data.masks.values()]
        if any(isinstance(array, Rows) for array in arrays):
            settings |= {"seed": seed, "n_epochs": self.max_epochs}
            return StreamedBatches(
                lambda index: self._inputs_in_memory(data, index), rows, targets, arrays, **settings
            )
        rng = np.random.default_rng(seed) if shuffle else None
        read = partial(self._read_inputs, data.inputs, data.masks)
        return BatchGenerator(read, rows, targets, rng=rng, **settings)

    def _inputs_in_memory(self, data, rows):
        """Some rows of the data, read: a function from places among them to inputs of the network."""
        inputs, masks = ({name: array[rows] for name, array in table.items()} for table in (data.inputs, data.masks))
        return partial(self._read_inputs, inputs, masks)

    def _columns(self, data):
        """Small inputs of the training besides the spectra."""
        return {}

    def _labels_as_predicted(self, inputs, masks, labels, labels_err):
        """Labels and their errors as the quantities that `predict` gives; a network may be trained on others."""
        return labels, labels_err

    def _row_blocks(self, n_rows, multiple=64):
        """Numbers of the rows that are read and predicted at a time; by default a multiple of the engine's 64."""
        n_pixels = sum(math.prod(shape) for shape in self._input_shape.values())
        for rows in row_blocks(n_rows, (n_pixels,), multiple):
            yield np.arange(rows.start, rows.stop)

    def _read_blocks(self, inputs, masks, multiple=64):
        """Numbers of rows with what `_read_inputs` gives, made while the block before is worked on."""
        blocks = self._row_blocks(len(inputs["input"]), multiple)
        read = partial(self._read_inputs, inputs, masks)
        sources = [array for array in (*inputs.values(), *masks.values()) if isinstance(array, Rows)]
        try:
            yield from read_ahead(read, blocks)
        finally:
            for source in sources:
                source.close()

    def _read_inputs(self, inputs, masks, rows):
        """Normalised inputs of some rows, missing pixels replaced, in the shape that the network takes."""
        read = {}
        for name, array in inputs.items():
            mask = _taken(masks[name], rows) if name in masks else None
            normalised = self.input_normalizer.network_input(name, _taken(array, rows), mask)
            read[name] = normalised.reshape(len(normalised), *self._input_shape[name])
        return read


def _taken(array, rows):
    """Some rows, without a copy where they follow one another; data of other makes need know lists of rows alone."""
    return array[as_slice(rows) if isinstance(array, np.ndarray | Rows) else rows]
