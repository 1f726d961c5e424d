"""Networks are pickled, copied, and sent to other processes: each copy goes on by itself."""

import copy
import multiprocessing
import pickle

import keras
import numpy as np
import pytest
from keras import layers

from astroNN.models import BayesianCNNBase, CNNBase, load_folder
from astroNN.nn.layers import MCDropout, PolyFit

from ..helpers.small_vae import SmallVAE

MAKE_TWINS = [copy.deepcopy, copy.copy, lambda net: pickle.loads(pickle.dumps(net))]
# `copy.copy` does what `copy.deepcopy` does.
SLOW_COPY = pytest.param(copy.copy, marks=pytest.mark.slow)
TWINS = pytest.mark.parametrize(
    "make_twin", [MAKE_TWINS[0], SLOW_COPY, MAKE_TWINS[2]], ids=["deepcopy", "copy", "pickle"]
)


def same(first, second):
    """Whether two answers (arrays, tuples, dictionaries of arrays) are equal bit for bit."""
    pairs = zip(keras.tree.flatten(first), keras.tree.flatten(second), strict=True)
    return all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def mean_absolute_difference(y_true, y_pred):
    """A loss of one's own, which pickle finds by its name."""
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


class Tiny(CNNBase):
    """With all that a training changes: weights, moving averages, random numbers. It runs without compilation."""

    def __init__(self):
        super().__init__()
        self.lr, self.input_norm_mode, self.num_hidden, self.dropout_rate = 0.01, 2, 5, 0.2
        self.verbose, self.seed, self.max_epochs, self.val_size = 0, 5, 1, 0.2

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.keras_model.run_eagerly = True

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = layers.Dense(self.num_hidden, "relu")(layers.Flatten()(spectra))
        x = MCDropout(self.dropout_rate, seed=self.next_seed())(layers.BatchNormalization()(x))
        return keras.Model(spectra, layers.Dense(self._labels_shape["output"], name="output")(x))


def fitted(stars, net=None, **settings):
    net = net or Tiny()
    for name, value in settings.items():
        setattr(net, name, value)
    net.fit(stars.spectra, stars.labels)
    return net


@pytest.fixture(scope="module")
def tiny(stars):
    """A trained `Tiny`; don't change it."""
    return fitted(stars)


# Answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make_twin", MAKE_TWINS[::2], ids=["deepcopy", "pickle"])
def test_a_copy_of_a_bayesian_network_answers_as_the_original(bcnn, stars, make_twin):
    twin = make_twin(bcnn)
    errors = np.full_like(stars.spectra[:70], 0.02)
    assert same(twin.predict(stars.spectra[:70], errors), bcnn.predict(stars.spectra[:70], errors))
    assert same(twin.calibration.factor, bcnn.calibration.factor)
    assert same(twin.val_idx, bcnn.val_idx)
    assert twin.history.history == bcnn.history.history
    assert twin.virtual_cvslogger.history == bcnn.virtual_cvslogger.history


@pytest.mark.parametrize("make_twin", MAKE_TWINS, ids=["deepcopy", "copy", "pickle"])
def test_a_copy_holds_no_data_of_the_training(tiny, make_twin):
    twin = make_twin(tiny)
    assert tiny.training_generator is not None
    assert twin.training_generator is twin.validation_generator is None


class Classes(BayesianCNNBase):
    def __init__(self):
        super().__init__()
        self.verbose, self.seed, self.max_epochs, self.mc_num, self.task = 0, 5, 1, 3, "classification"
        self.labels_norm_mode, self.input_norm_mode = 0, 2

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.keras_model.run_eagerly = True

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = MCDropout(0.2, seed=self.next_seed())(layers.Flatten()(spectra))
        return keras.Model(spectra, {name: layers.Dense(2, name=name)(x) for name in ("output", "variance_output")})


class Polynomial(Tiny):
    """Its constructor has options."""

    def __init__(self, init_w, use_xbias):
        super().__init__()
        self.init_w, self.use_xbias = init_w, use_xbias

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        polynomial = PolyFit(2, 2, self.use_xbias, init_w=self.init_w, name="output")
        return keras.Model(spectra, polynomial(layers.Flatten()(spectra)))


def test_copies_of_a_classifier_answer_as_the_original(stars):
    net = Classes()
    net.fit(stars.spectra, np.eye(2)[(stars.labels[:, 0] > 10_000).astype(int)])
    expected = net.predict(stars.spectra[:9])
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert same(twin.predict(stars.spectra[:9]), expected)


def test_copies_of_an_autoencoder_answer_as_the_original(stars):
    net = SmallVAE()
    net.fit(stars.spectra)
    twins = [copy.deepcopy(net), pickle.loads(pickle.dumps(net))]
    expected = net.predict(stars.spectra[:9])  # from a draw of the latent variables
    for twin in twins:
        assert same(twin.predict(stars.spectra[:9]), expected)
        assert same(twin.predict_decoder(np.ones((1, 2))), net.predict_decoder(np.ones((1, 2))))


def test_copies_of_a_network_with_options_answer_as_the_original(stars):
    net = fitted(stars, Polynomial(np.full((3, 60, 2), 0.01), True))
    for make_twin in MAKE_TWINS:
        twin = make_twin(net)
        assert same(twin.predict(stars.spectra[:9]), net.predict(stars.spectra[:9]))
        assert same(twin.init_w, net.init_w)
        assert twin.init_w is not net.init_w


# Training goes on --------------------------------------------------------------------------------------------


@pytest.mark.slow
@TWINS
def test_a_copy_trains_on_as_the_original_would_have_and_leaves_it_alone(stars, make_twin):
    net = fitted(stars)
    before = net.get_weights()
    twin = make_twin(net)
    assert int(twin.keras_model.optimizer.iterations) == 4
    twin.fit(stars.spectra, stars.labels)
    assert same(net.get_weights(), before)
    # Adam's moments, the random numbers of dropout and the shuffling go on where they were.
    net.fit(stars.spectra, stars.labels)
    for ours, theirs in zip(twin.get_weights(), net.get_weights(), strict=True):
        # Not bit for bit: threads may add in any order.
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@TWINS
def test_loss_and_frozen_layers_are_those_that_were_chosen(stars, make_twin):
    net = fitted(stars)
    net.keras_model.layers[2].trainable = False
    net.recompile(loss=mean_absolute_difference)
    twin = make_twin(net)
    assert [layer.trainable for layer in twin.keras_model.layers] == [
        layer.trainable for layer in net.keras_model.layers
    ]
    assert len(twin.keras_model.trainable_variables) == len(net.keras_model.trainable_variables) == 4
    assert twin.keras_model.loss is mean_absolute_difference
    scores = [each.evaluate(stars.spectra, stars.labels) for each in (net, twin)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)


def test_an_optimizer_with_a_schedule_goes_along(stars):
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 4, 0.5)
    net = fitted(stars, optimizer=keras.optimizers.RMSprop(schedule))
    for make_twin in MAKE_TWINS:
        twin = make_twin(net)
        assert isinstance(twin.keras_model.optimizer, keras.optimizers.RMSprop)
        # Four steps have halved the rate.
        assert float(twin.keras_model.optimizer.learning_rate) == pytest.approx(0.005)
        assert isinstance(twin.optimizer, keras.optimizers.RMSprop)
        assert twin.optimizer is not net.optimizer


@pytest.mark.parametrize("make_twin", MAKE_TWINS[::2], ids=["deepcopy", "pickle"])
def test_a_copy_of_an_interrupted_training_can_be_resumed(stars, make_twin):
    class Impatient(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    net = Tiny()
    net.max_epochs, net.callbacks = 2, Impatient()
    with pytest.raises(KeyboardInterrupt):
        net.fit(stars.spectra, stars.labels)
    net.callbacks = None
    twin = make_twin(net)
    for each in (twin, net):
        each.fit(stars.spectra, stars.labels, resume=True)
        assert len(each.history.epoch) == 2
    for ours, theirs in zip(twin.get_weights(), net.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


# Settings ----------------------------------------------------------------------------------------------------


@TWINS
def test_an_untrained_network_is_copied_with_its_settings(stars, make_twin):
    net = Tiny()
    net.targetname, net.lr = ["teff", "flux"], 0.03
    twin = make_twin(net)
    assert not twin.has_model
    assert twin.lr == 0.03
    twin.targetname.append("logg")
    assert net.targetname == ["teff", "flux"]
    twin.targetname.pop()
    assert same(fitted(stars, net).get_weights(), fitted(stars, twin).get_weights())


@TWINS
def test_settings_changed_after_the_training_do_not_spoil_a_copy(stars, tiny, make_twin):
    net = copy.deepcopy(tiny)
    net.num_hidden, net.lr = 11, 0.1
    twin = make_twin(net)
    assert same(twin.get_weights(), tiny.get_weights())
    assert (twin.num_hidden, twin.lr) == (11, 0.1)


def test_a_copy_is_saved_and_loaded_like_the_original_and_a_loaded_one_copied(tiny, stars, tmp_path):
    twin = pickle.loads(pickle.dumps(tiny))
    folder = twin.save(tmp_path / "twin")
    assert (folder / "training_history.csv").is_file()
    again = copy.deepcopy(load_folder(folder))
    assert same(again.get_weights(), tiny.get_weights())
    assert again.folder_name == "twin"


class Watcher(keras.callbacks.Callback):
    """Knows its network, as callbacks of users do."""

    def __init__(self, net):
        super().__init__()
        self.net, self.seen = net, []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(logs["loss"])


@TWINS
def test_callbacks_go_along_and_know_the_copy(stars, make_twin):
    net = Tiny()
    net.callbacks = [Watcher(net), keras.callbacks.EarlyStopping("loss")]
    net.fit(stars.spectra, stars.labels)
    twin = make_twin(net)
    assert twin.callbacks[0].net is twin
    assert twin.callbacks[0].seen == net.callbacks[0].seen
    twin.fit(stars.spectra, stars.labels)
    assert (len(twin.callbacks[0].seen), len(net.callbacks[0].seen)) == (2, 1)


def test_what_can_not_be_pickled_is_named():
    net = Tiny()
    net.callbacks = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    with pytest.raises(TypeError, match="Tiny can't be pickled: its attribute `callbacks`"):
        pickle.dumps(net)
    assert copy.deepcopy(net).callbacks is not None  # functions needn't be copied
    net.callbacks, net.log_file = None, (entry for entry in ())
    with pytest.raises(TypeError, match="`log_file`"):
        pickle.dumps(net)
    with pytest.raises(TypeError, match="Tiny can't be copied: its attribute `log_file`"):
        copy.deepcopy(net)


def test_a_loss_that_can_not_be_pickled_is_named(tiny):
    net = copy.deepcopy(tiny)
    net.recompile(loss=lambda y, p: keras.ops.abs(y - p))
    with pytest.raises(TypeError, match="`loss`"):
        pickle.dumps(net)
    assert same(copy.deepcopy(net).get_weights(), tiny.get_weights())


def test_cloudpickle_takes_what_pickle_can_not(tiny, stars):
    cloudpickle = pytest.importorskip("cloudpickle")
    net = copy.deepcopy(tiny)
    net.callbacks = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    twin = cloudpickle.loads(cloudpickle.dumps(net))
    assert same(twin.get_weights(), tiny.get_weights())
    twin.fit(stars.spectra, stars.labels)


def test_a_keras_model_that_model_does_not_make_is_an_error(tiny):
    net = copy.deepcopy(tiny)
    spectra = keras.Input((60, 1), name="input")
    other = keras.layers.Dense(2)(keras.layers.Dense(3)(keras.layers.Flatten()(spectra)))
    net.keras_model = keras.Model({"input": spectra}, other)
    net.keras_model.compile("adam", "mse")
    with pytest.raises(TypeError, match=r"Tiny can't be copied.*model\(\)"):
        copy.deepcopy(net)


# Other processes ---------------------------------------------------------------------------------------------

OWN = '''
import keras
from keras import layers
from astroNN.models import CNNBase

class Own(CNNBase):
    """Its constructor has options, and it remembers layers that it makes."""

    def __init__(self, width, seed=3):
        super().__init__()
        self.width, self.seed, self.verbose, self.max_epochs = width, seed, 0, 1

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        self.hidden = layers.Dense(self.width, "relu")
        self.features = keras.Model(spectra, self.hidden(layers.Flatten()(spectra)))
        labels = layers.Dense(self._labels_shape["output"], name="output")(self.features.output)
        return keras.Model(spectra, labels)


def predict(net, spectra):
    assert net.width == 11 and net.hidden is net.keras_model.layers[2] and net.features.layers[2] is net.hidden
    return net.predict(spectra)
'''


@pytest.mark.slow
def test_a_network_of_a_users_module_predicts_in_a_process_that_was_spawned(stars, tmp_path, monkeypatch):
    (tmp_path / "own_networks.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", keras.backend.backend())
    import own_networks

    net = fitted(stars, own_networks.Own(11))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        answer = pool.apply(own_networks.predict, (net, stars.spectra[:5]))
    np.testing.assert_allclose(answer, own_networks.predict(copy.deepcopy(net), stars.spectra[:5]), rtol=1e-6)
    assert same(copy.deepcopy(net).predict(stars.spectra[:5]), net.predict(stars.spectra[:5]))
