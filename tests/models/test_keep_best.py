"""Trainings that end with the weights of their best epoch."""

import keras
import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, load_folder

N_EPOCHS = 5


@pytest.fixture(scope="module")
def stars(tools):
    """Two batches for training."""
    return tools.make_stars(96)


class Spoiler(keras.callbacks.Callback):
    """Spoils a training that has begun well, and keeps the weights at the end of every epoch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = 0.05 if epoch < 2 else 5.0

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(self.model.get_weights())


def spoiled(tools, **settings):
    return tools.linear(**{"max_epochs": N_EPOCHS, "reduce_lr_patience": None, "callbacks": Spoiler(), **settings})


@pytest.mark.parametrize("val_size", [0.2, 0.0])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_weights_of_the_best_epoch_are_kept(stars, tools, val_size, early_stopping):
    net = spoiled(tools, val_size=val_size, keep_best=True, early_stopping=early_stopping)
    net.early_stopping_patience = 2
    history = net.fit(stars.spectra, stars.labels).history
    losses = history["val_loss" if val_size else "loss"]
    best = int(np.argmin(losses))
    assert best < len(losses) - 1  # else there is nothing to test
    assert net.best_epoch == best
    for kept, seen in zip(net.get_weights(), net.callbacks.seen[best], strict=True):
        np.testing.assert_array_equal(kept, seen)
    if val_size:
        rows = net.val_idx
        assert net.evaluate(stars.spectra[rows], stars.labels[rows])["loss"] == pytest.approx(losses[best], rel=1e-5)


def test_the_last_weights_are_kept_unless_asked(stars, tools):
    net = spoiled(tools)
    assert net.keep_best is False
    net.fit(stars.spectra, stars.labels)
    assert net.best_epoch is None
    for kept, seen in zip(net.get_weights(), net.callbacks.seen[-1], strict=True):
        np.testing.assert_array_equal(kept, seen)


def test_the_value_that_judges_can_be_named(stars, tools):
    net = spoiled(tools, keep_best="val_mean_absolute_error")
    history = net.fit(stars.spectra, stars.labels).history
    assert net.best_epoch == int(np.argmin(history["val_mean_absolute_error"]))
    with pytest.raises(ValueError, match="does not log `val_los`.*val_loss"):
        spoiled(tools, keep_best="val_los").fit(stars.spectra, stars.labels)


def test_of_accuracies_the_largest_is_best_and_nan_never(stars, tools):
    from astroNN.models.training.callbacks import KeepBest

    net = tools.linear(max_epochs=1)
    net.fit(stars.spectra, stars.labels)
    for monitor, values, expected in (
        ("val_categorical_accuracy", [0.5, np.nan, 0.8, 0.7], 2),
        ("val_loss", [np.nan, 0.5, np.inf, 0.2, 0.3], 3),
    ):
        best = KeepBest(monitor)
        best.set_model(net.keras_model)
        for epoch, value in enumerate(values):
            best.on_epoch_end(epoch, {monitor: value})
        assert best.best_epoch == expected


@pytest.mark.slow
def test_an_interrupted_training_has_its_best_weights_and_still_goes_on_from_the_last(stars, tools, tmp_path):
    straight = spoiled(tools, keep_best=True)
    straight.fit(stars.spectra, stars.labels)
    net = spoiled(tools, keep_best=True, checkpoint=tmp_path / "run")
    seen = Spoiler()
    net.callbacks = [seen, tools.Interrupt(3)]
    with pytest.raises(KeyboardInterrupt):
        net.fit(stars.spectra, stars.labels)
    assert net.best_epoch < 2
    loaded = load_folder(tmp_path / "run", custom_models=tools.Linear)
    loaded.verbose = 0
    for each in (net, loaded):
        for kept, best in zip(each.get_weights(), seen.seen[net.best_epoch], strict=True):
            np.testing.assert_array_equal(kept, best)
        each.callbacks = Spoiler()
        each.fit(stars.spectra, stars.labels, resume=True)
        assert tools.equal_weights(each, straight)
        assert each.best_epoch == straight.best_epoch
        tools.same_history(straight.history, each.history)


def test_the_calibration_belongs_to_the_weights_that_are_kept(tools):
    from astroNN.models._data import checked_sample
    from astroNN.models.training.calibrate import calibrate_on_validation_stars

    stars = tools.make_stars()
    net = tools.small(ApogeeBCNN(), keep_best=True, mc_num=5, lr=0.05, max_epochs=4)
    net.fit(stars.spectra, stars.labels)
    again, _ = calibrate_on_validation_stars(net, checked_sample(net, stars.spectra, stars.labels))
    np.testing.assert_array_equal(again.factor, net.calibration.factor)
