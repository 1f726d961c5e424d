"""Training: what goes in, what is held back, what comes out."""

import logging

import keras
import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, ApogeeCNN

# History ----------------------------------------------------------------------------------------------------

CNN_COLUMNS = {"loss", "mean_absolute_error", "mean_error"}
BCNN_COLUMNS = {
    "loss", "output_loss", "output_mean_absolute_error", "output_mean_error",
    "variance_output_mean_absolute_error", "variance_output_mean_error",
}  # fmt: skip


@pytest.mark.parametrize(("which", "columns"), [("cnn", CNN_COLUMNS), ("bcnn", BCNN_COLUMNS)])
def test_the_history_has_the_documented_columns_one_value_an_epoch(which, columns, request):
    net = request.getfixturevalue(which)
    history = net.history.history
    assert set(history) - {"learning_rate"} == columns | {f"val_{name}" for name in columns}
    assert all(len(values) == 2 and np.isfinite(values).all() for values in history.values())


def test_fit_returns_the_history_it_keeps(stars, tools):
    net = tools.small(tools.Linear())
    history = net.fit(stars.spectra, stars.labels)
    assert isinstance(history, keras.callbacks.History)
    assert history is net.history


def test_a_linear_network_learns_a_linear_relation(stars, tools):
    net = tools.small(tools.Linear(), max_epochs=10, lr=0.05)
    history = net.fit(stars.spectra, stars.labels).history
    # Least squares is exact here; 10 epochs leave less than a tenth of the variance.
    assert history["val_loss"][-1] < 0.1 * np.var((stars.labels - stars.labels.mean(0)) / stars.labels.std(0))
    error = net.predict(stars.spectra) - stars.labels
    assert (error.std(0) < 0.4 * stars.labels.std(0)).all()


@pytest.mark.tensorflow_only
@pytest.mark.filterwarnings("ignore:Only 0 validation stars")
@pytest.mark.parametrize("kind", [pytest.param(ApogeeCNN, marks=pytest.mark.slow), ApogeeBCNN])
def test_the_first_step_is_traced_once(kind, stars, tools, monkeypatch):
    # TensorFlow traces a step anew if the first time made variables: half of the time of a short training.
    traced = []
    apply_gradients = keras.optimizers.Optimizer.apply_gradients
    monkeypatch.setattr(
        keras.optimizers.Optimizer,
        "apply_gradients",
        lambda self, *arguments: traced.append(self) or apply_gradients(self, *arguments),
    )
    net = tools.small(kind(), max_epochs=1, val_size=0.0)
    net.fit(stars.spectra[:64], stars.labels[:64])
    assert len(traced) == 1
    other = tools.small(kind())
    other.fit_on_batch(stars.spectra[:32], stars.labels[:32])
    assert len(traced) == 2


# The split ---------------------------------------------------------------------------------------------------


def test_the_split_is_kept_with_its_seed_and_repeats(stars, tools, cnn):
    assert (cnn.num_train, cnn.val_num, cnn.has_val) == (256, 64, True)
    assert sorted([*cnn.train_idx, *cnn.val_idx]) == list(range(320))
    again = tools.small(tools.Linear())  # another kind of network, the same seed
    again.fit(stars.spectra, stars.labels)
    np.testing.assert_array_equal(again.val_idx, cnn.val_idx)


def test_visits_of_one_star_never_stand_on_both_sides(stars, tools):
    groups = np.repeat(np.arange(80), 4)
    net = tools.small(tools.Linear(), max_epochs=1)
    net.fit(stars.spectra, stars.labels, groups=groups)
    assert not set(groups[net.train_idx]) & set(groups[net.val_idx])
    assert len(net.val_idx) == 64


def test_the_statistics_come_from_the_training_stars_alone(stars, cnn):
    np.testing.assert_allclose(
        cnn.labels_mean["output"], stars.labels[cnn.train_idx].mean(0, dtype="float64"), rtol=1e-6
    )
    np.testing.assert_allclose(
        cnn.input_mean["input"], stars.spectra[cnn.train_idx].mean(0, dtype="float64"), rtol=1e-6
    )


def test_the_same_seed_repeats_a_training_bit_for_bit(stars, tools):
    first, again, other = (tools.small(tools.Linear(), seed=seed, max_epochs=1) for seed in (3, 3, 4))
    for net in (first, again, other):
        net.fit(stars.spectra, stars.labels)
    assert tools.equal_weights(first, again)
    assert not tools.equal_weights(first, other)


def test_without_a_seed_that_of_keras_repeats_a_training(stars, tools):
    nets = []
    for seed in (3, 3, 4):
        keras.utils.set_random_seed(seed)
        nets.append(tools.small(tools.Linear(), seed=None, max_epochs=1))
        nets[-1].fit(stars.spectra, stars.labels)
    first, again, other = nets
    assert tools.equal_weights(first, again) and first.seed == again.seed
    assert not tools.equal_weights(first, other)
    untouched = tools.small(tools.Linear(), seed=None, max_epochs=1)  # the next network of a session is another one
    untouched.fit(stars.spectra, stars.labels)
    assert untouched.seed != other.seed


@pytest.mark.parametrize("network", [pytest.param(ApogeeCNN, marks=pytest.mark.slow), ApogeeBCNN])
def test_without_validation_stars_everything_still_runs(stars, tools, network):
    net = tools.small(network(), val_size=0.0, max_epochs=1)
    if network is ApogeeBCNN:
        with pytest.warns(UserWarning, match="not calibrated"):
            history = net.fit(stars.spectra[:64], stars.labels[:64])
        assert net.calibration is None
    else:
        history = net.fit(stars.spectra[:64], stars.labels[:64])
    assert not any(name.startswith("val_") for name in history.history)
    assert (net.val_num, len(net.train_idx)) == (0, 64)


def test_fewer_stars_than_a_batch_are_trained_on(stars, tools):
    net = tools.small(tools.Linear(), val_size=0.0)
    before = tools.small(tools.Linear(), val_size=0.0, lr=0.0)
    for each in (net, before):
        each.fit(stars.spectra[:5], stars.labels[:5])
    assert not tools.equal_weights(net, before)
    assert net.batch_size == 64


def test_the_last_partial_batch_takes_part(stars, tools):
    """100 stars in batches of 64 are two batches."""
    seen = []
    net = tools.small(tools.Linear(), val_size=0.0, max_epochs=1)
    net.callbacks = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    net.fit(stars.spectra[:100], stars.labels[:100])
    assert seen == [0, 1]


# Callbacks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_list", [True, False])
def test_one_callback_or_a_list_of_them_is_called(stars, tools, as_list):
    epochs = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    net = tools.small(tools.Linear(), callbacks=[callback] if as_list else callback)
    net.fit(stars.spectra, stars.labels)
    assert epochs == [0, 1]


@pytest.fixture(scope="module")
def few_stars(tools):
    """Two batches for training."""
    return tools.make_stars(96)


# An improvement of 1e6 an epoch is never met: the rate falls as soon as patience allows.
NEVER_GOOD_ENOUGH = {"reduce_lr_epsilon": 1e6, "reduce_lr_patience": 1, "max_epochs": 4}


@pytest.mark.parametrize("val_size", [0.2, 0.0])
def test_the_learning_rate_falls_with_and_without_validation_stars(few_stars, tools, val_size):
    net = tools.small(tools.Linear(), val_size=val_size, lr=0.01, reduce_lr_min=0.004, **NEVER_GOOD_ENOUGH)
    rates = net.fit(few_stars.spectra, few_stars.labels).history["learning_rate"]
    # The first epoch sets the mark; every later one misses it: halved after epochs 2, 3 (to the minimum).
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.005, 0.004], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*not calibrated")
@pytest.mark.parametrize(("metrics", "val_size"), [(None, 0.0), (["mean_squared_error"], 0.2)])
def test_the_learning_rate_of_a_bayesian_network_falls_with_any_metrics(stars, tools, metrics, val_size):
    net = tools.small(ApogeeBCNN(), lr=0.01, val_size=val_size, batch_size=320, metrics=metrics, **NEVER_GOOD_ENOUGH)
    rates = net.fit(stars.spectra, stars.labels).history["learning_rate"]
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.005, 0.0025], rtol=1e-6)


def test_early_stopping_stops_only_when_asked_for(few_stars, tools):
    for asked, epochs in ((False, 4), (True, 2)):
        net = tools.small(tools.Linear(), max_epochs=4, early_stopping=asked)
        net.early_stopping_min_delta, net.early_stopping_patience = 1e6, 1
        assert len(net.fit(few_stars.spectra, few_stars.labels).epoch) == epochs


def test_no_early_stopping_by_default():
    assert ApogeeBCNN().early_stopping is False


# More than once ----------------------------------------------------------------------------------------------


def test_a_second_training_goes_on_with_the_first_statistics(stars, tools):
    net = tools.small(tools.Linear())
    net.fit(stars.spectra, stars.labels)
    mean, weights = net.labels_mean["output"].copy(), net.get_weights()
    net.fit(stars.spectra, stars.labels + 1000)
    np.testing.assert_array_equal(net.labels_mean["output"], mean)
    # It went on, from where it was: Adam moves a weight by about lr (0.01) a step, 8 steps.
    moved = max(np.abs(a - b).max() for a, b in zip(weights, net.get_weights(), strict=True))
    assert 0 < moved < 0.2


def test_a_second_training_starts_at_the_learning_rate_set_now(stars, tools):
    net = tools.small(tools.Linear())
    net.fit(stars.spectra, stars.labels)
    weights = net.get_weights()
    net.lr = 0.0
    net.fit(stars.spectra, stars.labels)
    for before, after in zip(weights, net.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("optimizer", [None, "sgd", keras.optimizers.SGD(0.01)])
def test_a_network_can_be_compiled_anew_and_trained(stars, tools, optimizer):
    """From its first weights, with the learning rate set now, by an optimiser that knows the new weights."""
    net = tools.small(tools.Linear(), optimizer=optimizer, val_size=0.0)
    net.fit(stars.spectra, stars.labels)
    trained = net.get_weights()
    net.lr = 0.02
    net.compile()
    first = net.get_weights()
    assert any((a != b).any() for a, b in zip(trained, first, strict=True))
    if optimizer is None:
        assert float(net.keras_model.optimizer.learning_rate) == pytest.approx(0.02)
    net.fit(stars.spectra, stars.labels)
    assert any((a != b).any() for a, b in zip(first, net.get_weights(), strict=True))
    assert int(net.keras_model.optimizer.iterations) == 10


def test_an_optimizer_of_the_users_is_used(stars, tools):
    net = tools.small(tools.Linear())
    net.optimizer = keras.optimizers.SGD(0.05)
    net.fit(stars.spectra, stars.labels)
    assert isinstance(net.keras_model.optimizer, keras.optimizers.SGD)
    assert float(net.keras_model.optimizer.learning_rate) == pytest.approx(0.05)


def test_a_training_that_failed_leaves_no_trace(stars, tools):
    """Spectra too short for the network fail; the right ones then train it."""
    net = tools.small(ApogeeCNN())
    with pytest.raises(ValueError):
        net.fit(stars.spectra[:, :2], stars.labels)
    assert not net.has_model
    net.max_epochs = 1
    net.fit(stars.spectra, stars.labels)
    assert net.predict(stars.spectra[:3]).shape == (3, 2)


def test_fit_on_batch_takes_one_step_on_all_stars(stars, tools):
    net = tools.small(tools.Linear())
    steps = net.fit_on_batch(stars.spectra, stars.labels)
    assert len(steps.epoch) == 1
    assert int(net.keras_model.optimizer.iterations) == 1
    mean = net.labels_mean["output"].copy()
    np.testing.assert_allclose(mean, stars.labels.mean(0, dtype="float64"), rtol=1e-6)
    net.fit_on_batch(stars.spectra[:100], stars.labels[:100] + 5)
    assert int(net.keras_model.optimizer.iterations) == 2
    np.testing.assert_array_equal(net.labels_mean["output"], mean)


def test_fit_on_batch_of_a_bayesian_network(stars, tools, tmp_path):
    net = tools.small(ApogeeBCNN())
    net.fit_on_batch(stars.spectra, stars.labels, labels_err=stars.labels_err)
    prediction, spread = net.predict(stars.spectra[:3])
    assert np.isfinite(prediction).all()
    assert net.save(tmp_path / "run").is_dir()


def test_autosave_saves_when_the_training_ends(stars, tools, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = tools.small(tools.Linear(), autosave=True)
    net.folder_name = "kept"
    net.fit(stars.spectra, stars.labels)
    assert (tmp_path / "kept" / "model.weights.h5").is_file()


# Old names, messages -----------------------------------------------------------------------------------------


def test_old_names_work_and_say_what_to_use(stars, tools, cnn):
    net = tools.small(tools.Linear(), max_epochs=1)
    with pytest.warns(DeprecationWarning, match=r"train\(\) is deprecated.*fit\(\)"):
        history = net.train(stars.spectra, stars.labels)
    assert history is net.history
    with pytest.warns(DeprecationWarning, match=r"train_on_batch\(\) is deprecated.*fit_on_batch\(\)"):
        net.train_on_batch(stars.spectra, stars.labels)
    with pytest.warns(DeprecationWarning, match=r"test\(\) is deprecated.*predict\(\)"):
        old = cnn.test(stars.spectra[:5])
    np.testing.assert_array_equal(old, cnn.predict(stars.spectra[:5]))


def test_messages_go_through_logging(stars, tools, caplog):
    net = tools.small(tools.Linear(), verbose=2, max_epochs=1)
    with caplog.at_level(logging.INFO, logger="astroNN"):
        net.fit(stars.spectra, stars.labels)
    assert "Training stars: 256, validation stars: 64" in caplog.text


SILENT = """
import os, sys, logging
import numpy as np
import keras
from astroNN.models import ApogeeBCNN, CNNBase
logging.basicConfig(level=logging.INFO)
class Own(CNNBase):
    def model(self):
        x = keras.Input(self._input_shape["input"], name="input")
        y = keras.layers.Dense(self._labels_shape["output"], name="output")(keras.layers.Flatten()(x))
        return keras.Model(x, y)
rng = np.random.default_rng(0)
x, y = rng.normal(1, 0.1, (300, 40)), rng.normal(0, 1, (300, 2))
keras.ops.add(1, 1)  # the backend starts, and says so
sys.stdout.flush(), sys.stderr.flush()
out = os.open("said", os.O_WRONLY | os.O_CREAT)
os.dup2(out, 1), os.dup2(out, 2)  # also what C++ writes
for cls in (ApogeeBCNN, Own):
    net = cls()
    net.verbose, net.max_epochs, net.seed, net.val_size, net.mc_num = 0, 2, 1, 0.2, 10
    net.reduce_lr_patience, net.reduce_lr_epsilon = 1, 1e6
    net.fit(x, y)
    net.predict(x[:5])
    net.evaluate(x, y)
    net.jacobian(x[:2])
    net.save("run" + cls.__name__)
"""


@pytest.mark.slow
def test_verbose_0_says_nothing_at_all_in_a_fresh_process(run_python, tmp_path):
    run_python(SILENT, tmp_path)
    assert (tmp_path / "said").read_text() == ""
