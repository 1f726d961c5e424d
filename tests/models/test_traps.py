"""Traps of version 1, each mended: what it did wrong must not come back. (Others are tested where they belong.)"""

import re
import sys
import warnings
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

import astroNN.models
from astroNN.models import (
    ApogeeBCNN,
    ApogeeDR14GaiaDR2BCNN,
    BayesianCNNBase,
    Cifar10CNN,
    CNNBase,
    ConvVAEBase,
    Galaxy10CNN,
    load_folder,
)
from astroNN.models._answers import binary_answer, class_answer, regression_answer
from astroNN.models._data import Sample
from astroNN.models.training import calibrate
from astroNN.nn.layers import MCDropout, VAESampling
from astroNN.nn.utilities.normalizer import Normalizer

from ..helpers.old_folders import HDF5, N_PIXELS, PARAMETERS, SOUND, sound_layers, write_hdf5, write_parameters


class Eager:
    """Tiny, silent, and not compiled, which would take most of the time."""

    def __init__(self):
        super().__init__()
        self.verbose, self.seed, self.val_size, self.max_epochs, self.lr, self.input_norm_mode = 0, 3, 0.0, 1, 0.01, 2

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.keras_model.run_eagerly = True


class Plain(Eager, CNNBase):
    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        head = layers.Dense(self._labels_shape["output"], self._last_layer_activation, name="output")
        return keras.Model(spectra, head(layers.Flatten()(spectra)))


class Bayesian(Eager, BayesianCNNBase):
    def __init__(self):
        super().__init__()
        self.mc_num, self.dropout_rate = 3, 0.0

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = MCDropout(self.dropout_rate, seed=self.next_seed())(layers.Flatten()(spectra))
        n_labels = self._labels_shape["output"]
        heads = {"output": self._last_layer_activation, "variance_output": "linear"}
        return keras.Model(spectra, {name: layers.Dense(n_labels, act, name=name)(x) for name, act in heads.items()})


class Autoencoder(Eager, ConvVAEBase):
    def __init__(self):
        super().__init__()
        self.latent_dim, self.labels_norm_mode = 2, 2

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        flat = layers.Flatten()(spectra)
        latent = [layers.Dense(2, name=name)(flat) for name in ("z_mean", "z_log_var")]
        decoder = keras.Sequential([keras.Input((2,)), layers.Dense(60, name="decode")], name="output")
        return keras.Model(spectra, [*latent, VAESampling(seed=7)(latent)]), decoder


def target(net, stars):
    return stars.spectra if isinstance(net, ConvVAEBase) else stars.labels


def once(net, stars, rows=slice(64), **settings):
    """The network after one step on some stars."""
    net.fit_on_batch(stars.spectra[rows], target(net, stars)[rows], **settings)
    return net


# Training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["regression", "classification", "binary_classification"])
def test_what_lowers_the_learning_rate_is_logged_whatever_the_task(stars, task):
    net = Bayesian()
    net.task, net.val_size, net.mc_num = task, 0.1, 2
    net.reduce_lr_patience, net.reduce_lr_epsilon = 1, 0.0
    labels = stars.labels if task == "regression" else np.eye(2)[(stars.spectra[:, 3] > 1).astype(int)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # Keras warns when what a callback watches is not there
        warnings.filterwarnings("ignore", message="Only 32 validation stars|labels_norm_mode")
        net.fit(stars.spectra, labels)
    assert net._plateau_monitor in net.history.history


def test_a_step_does_not_grow_with_the_number_of_stars(stars):
    nets = []
    for rows in (np.arange(40), np.repeat(np.arange(40), 3)):
        net = Bayesian()
        net.optimizer, net.input_norm_mode, net.labels_norm_mode = keras.optimizers.SGD(1e-4), 0, 0
        nets.append(once(net, stars, rows))
    for a, b in zip(*(net.get_weights() for net in nets), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("network", [Plain, Bayesian, Autoencoder])
def test_few_stars_leave_the_batch_size_alone(stars, network):
    net = once(network(), stars)
    net.predict(stars.spectra[:5])
    if network is Autoencoder:
        net.predict_encoder(stars.spectra[:5])
        net.predict_decoder(np.zeros((3, 2)))
    net.evaluate(stars.spectra[:5], target(net, stars)[:5])
    assert net.batch_size == 64


@pytest.mark.parametrize("network", [Plain, Bayesian])
def test_the_last_stars_of_an_evaluation_count_like_the_others(stars, network):
    net = once(network(), stars)
    whole = net.evaluate(stars.spectra[:70], target(net, stars)[:70])
    net.batch_size = 70
    for name, score in net.evaluate(stars.spectra[:70], target(net, stars)[:70]).items():
        assert whole[name] == pytest.approx(score, rel=1e-4), name


def test_weights_of_stars_weigh_both_terms_of_an_autoencoder(stars):
    """Of 320 stars 80 have the weight 2, and the others 0 and no part in it: the mean is twice that of the 80."""
    weight = np.where(np.arange(320) < 80, 2.0, 0.0)
    nets = [Autoencoder(), Autoencoder()]
    for net in nets:
        net.lr, net.input_norm_mode, net.labels_norm_mode = 0.0, 0, 0
    weighted = once(nets[0], stars, slice(None), sample_weight=weight).history.history["kl_loss"][0]
    alone = once(nets[1], stars, slice(80)).history.history["kl_loss"][0]
    assert weighted == pytest.approx(2.0 * alone, rel=1e-4)


def test_a_network_with_a_loss_and_nothing_else_is_evaluated_by_name(stars):
    class LossAlone(Plain):
        def _compile_model(self, *args, **kwargs):
            self.keras_model.compile(loss="mse", run_eagerly=True)

    assert set(once(LossAlone(), stars).evaluate(stars.spectra, stars.labels)) == {"loss"}


def test_errors_of_the_pixels_do_not_reach_the_layers(stars):
    net = Bayesian()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # Keras warns of inputs that no layer takes
        net.fit_on_batch(stars.spectra, stars.labels, inputs_err=np.full(stars.spectra.shape, 0.1))
    assert set(net.keras_model.input) == {"input", "labels_err"}


# Tasks and losses -------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:compile. the network is built anew")
@pytest.mark.parametrize("network", [Plain, Bayesian])
def test_another_task_has_its_own_last_activation(network):
    net = network()
    net._input_shape, net._labels_shape = {"input": (60, 1)}, {"output": 2}
    for task, activation in (("classification", "softmax"), ("binary_classification", "sigmoid"),
                             ("regression", "linear"), ("classification", "softmax")):  # fmt: skip
        net.task = task
        net.compile()
        assert net._last_layer_activation == activation
        assert net.keras_model.get_layer("output").activation.__name__ == activation


@pytest.mark.filterwarnings("ignore:compile. the network is built anew")
def test_a_last_activation_of_the_users_is_kept_in_bayesian_networks():
    net = Bayesian()
    net._input_shape, net._labels_shape = {"input": (60, 1)}, {"output": 2}
    net._last_layer_activation = "softplus"
    for _ in range(2):
        net.compile()
        assert net._last_layer_activation == "softplus"


@pytest.mark.parametrize(
    ("network", "given"),
    [
        (Bayesian, {"loss": "mse"}), (Bayesian, {"loss_weights": [1.0, 0.5]}), (Autoencoder, {"loss": "mse"}),
        (Autoencoder, {"metrics": ["mae"]}), (Autoencoder, {"weighted_metrics": ["mae"]}),
    ],
)  # fmt: skip
def test_what_a_network_with_its_own_loss_does_not_use_is_named(stars, network, given):
    net = once(network(), stars)
    with pytest.warns(UserWarning, match=f"`{next(iter(given))}` given to `compile`.*not used.*compute_loss"):
        net.compile(**given)
    if "metrics" not in given:
        with pytest.warns(UserWarning, match="not used"):
            net.recompile(**given)
    assert net.keras_model.loss is None


def test_compiling_anew_warns_that_weights_are_lost_and_recompiling_keeps_them(stars):
    net = once(Plain(), stars)
    before = net.get_weights()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        net.recompile()
    assert all(np.array_equal(a, b) for a, b in zip(before, net.get_weights(), strict=True))
    with pytest.warns(UserWarning, match=r"built anew.*lost.*`recompile\(\)` keeps"):
        net.compile()
    assert not np.array_equal(before[0], net.get_weights()[0])


def test_probabilities_are_not_taken_for_logits(untrained):
    """A softmax of a softmax of three classes never exceeds e / (e + 2) = 0.58."""
    net = untrained(ApogeeBCNN(), task="classification", disable_dropout=True)
    x = {"input": np.random.default_rng(0).normal(size=(20, 60, 1)) * 100}
    logits = net.keras_model.predict({**x, "labels_err": np.zeros((20, 2))}, verbose=0)["output"]
    probability = net.keras_model_predict.predict(x, verbose=0)["output"]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), probability, atol=1e-5)


# Answers ----------------------------------------------------------------------------------------------------------


def test_what_is_certain_has_no_entropy_and_no_nan():
    certain, none = np.array([[1.0, 0.0]]), np.zeros((1, 2))
    for answer in (class_answer, binary_answer):
        _, spread = answer(None, certain, none, none)
        assert all((value == 0).all() for value in spread.values())


def test_yes_or_no_follows_the_probability_star_by_star():
    probability = np.array([[0.3, 0.9], [0.5, 0.1], [0.49, 0.51]])
    pred, spread = binary_answer(None, probability, probability, np.zeros((3, 2)))
    assert pred.tolist() == [[0, 1], [0, 0], [0, 1]]  # another sigmoid would make 0.57 of 0.3
    assert spread["model"].shape == (3, 2)
    # The entropy of a coin is ln 2.
    assert spread["model"][1, 0] == pytest.approx(np.log(2), rel=1e-6)


def test_the_predictive_spread_is_that_of_the_mean_log_variance():
    """As in version 1: of variances 1 and 4 it is 2^(1/2), not (5/2)^(1/2)."""
    net = Plain()
    net.labels_normalizer = Normalizer(2, 0)
    net.labels_normalizer.mean_labels = {"output": np.array([5.0], "float32")}
    net.labels_normalizer.std_labels = {"output": np.array([3.0], "float32")}
    zero = np.zeros((1, 1), "float32")
    pred, spread = regression_answer(net, zero, zero + 16.0, zero + np.log([1.0, 4.0]).mean())
    assert pred == pytest.approx(5.0)
    assert spread["model"] == pytest.approx(3 * 4.0)
    assert spread["predictive"] == pytest.approx(3 * np.sqrt(2), rel=1e-6)
    assert spread["total"] == pytest.approx(3 * np.sqrt(16 + 2), rel=1e-6)


# Classes ----------------------------------------------------------------------------------------------------------


def test_the_galaxy_network_is_a_class_of_its_own():
    own = type("Own", (Galaxy10CNN,), {})
    assert isinstance(Galaxy10CNN(), Cifar10CNN) and issubclass(own, Galaxy10CNN)
    assert own().targetname == Galaxy10CNN().targetname != Cifar10CNN().targetname


def test_no_network_holds_a_lambda_layer():
    """Keras neither saves nor loads these without running stored code."""
    sources = Path(astroNN.models.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if re.search(r"\bLambda\(", path.read_text())] == []


def test_checks_of_the_data_that_a_users_class_brings_are_made_before_the_network_is_built(stars):
    class Picky(Plain):
        def _check_shapes(self):
            if self._input_shape["input"][0] % 2 or "aux" in self._input_shape:
                raise ValueError(f"Picky: the number of pixels must be even, got {self._input_shape}.")

        def model(self):
            assert self._input_shape["input"][0] == 60
            return super().model()

    net = Picky()
    with pytest.raises(ValueError, match="Picky: the number of pixels must be even, got .*59"):
        net.fit(stars.spectra[:, :59], stars.labels)
    once(net, stars)


# Luminosities from parallaxes -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def luminosities():
    """A small network of random weights without dropout, and its inputs: magnitude in column 7514."""
    rng = np.random.default_rng(1)
    x = np.hstack([rng.normal(1, 0.1, (60, 7514)), rng.normal(11, 1, (60, 1)), rng.normal(size=(60, 2))])
    x = x.astype("float32")
    net = ApogeeDR14GaiaDR2BCNN()
    net.verbose, net.seed, net.mc_num, net.disable_dropout, net.num_hidden = 0, 3, 2, True, [4, 3, 4, 3]
    net.initializer = "he_normal"
    net._input_shape, net._labels_shape = {"input": (7517, 1)}, {"output": 1}
    net.input_normalizer = Normalizer(net.input_norm_mode, 0)
    net.labels_normalizer = Normalizer(net.labels_norm_mode, 0)
    net.input_normalizer.fit({"input": x})
    net.labels_normalizer.fit({"output": rng.uniform(0.5, 2.0, (60, 1)).astype("float32")})
    net._publish_statistics()
    net.compile()
    inputs = net._read_inputs({"input": x}, {}, np.arange(60)) | {"labels_err": np.zeros((60, 1))}
    parallax = net.keras_model.predict(inputs, verbose=0)["output"] * net.labels_std["output"]
    return net, x, parallax


def test_no_mean_parallax_is_added_to_luminosities(luminosities):
    net, x, _ = luminosities
    normalised = net._read_inputs({"input": x}, {}, np.arange(60))
    fakemag = net.keras_model_predict.predict(normalised, verbose=0)["output"]
    np.testing.assert_allclose(net.predict(x)[0], fakemag * net.labels_std["output"], rtol=1e-5)


def test_the_spread_of_luminosities_is_the_one_that_the_loss_compares_with_parallaxes(luminosities):
    """A parallax is fakemag 10^(-m/5), and so is its spread."""
    net, x, _ = luminosities
    normalised = net._read_inputs({"input": x}, {}, np.arange(60))
    parallax = net.keras_model.predict(normalised | {"labels_err": np.zeros((60, 1))}, verbose=0)
    fakemag = net.keras_model_predict.predict(normalised, verbose=0)
    per_fakemag = 10 ** (-0.2 * x[:, 7514:7515].astype("float64"))
    spreads = [np.exp(0.5 * answer["variance_output"]) for answer in (parallax, fakemag)]
    np.testing.assert_allclose(spreads[0], spreads[1] * per_fakemag, rtol=1e-4)


def test_luminosities_are_calibrated_on_luminosities(luminosities, monkeypatch):
    """A parallax minus a fakemag would be no residual: where the parallaxes are those of the network, it is 0."""
    net, x, parallax = luminosities
    x = np.array(x)
    x[7, 7514] = np.nan  # no magnitude, no luminosity
    seen = {}
    monkeypatch.setattr(calibrate, "fit_spread_calibration", lambda *given, **more: seen.update(given=given) or None)
    net.val_idx = np.arange(60)
    errors = np.full((60, 1), 0.1)
    calibrate.calibrate_on_validation_stars(net, Sample({"input": x}, {"output": parallax}, labels_err=errors))
    residuals, _, labels_err = seen["given"]
    fakemag = net.predict(x)[0]
    assert np.isnan(residuals[7]) and np.isfinite(np.delete(residuals, 7)).all()
    good = np.arange(60) != 7
    np.testing.assert_allclose(residuals[good] / fakemag[good], 0.0, atol=1e-3)
    # fakemag = parallax 10^(m/5)
    np.testing.assert_allclose(labels_err[good, 0], 0.1 * 10 ** (0.2 * x[good, 7514].astype("float64")), rtol=1e-4)


# Folders ----------------------------------------------------------------------------------------------------------


def test_trusted_code_of_a_folder_changes_no_path_of_python(stars, tmp_path):
    source = (
        "from astroNN.models import CNNBase\nimport keras\n"
        "class FromFolder(CNNBase):\n"
        "    def model(self):\n"
        "        x = keras.Input(self._input_shape['input'], name='input')\n"
        "        head = keras.layers.Dense(self._labels_shape['output'], name='output')\n"
        "        return keras.Model(x, head(keras.layers.Flatten()(x)))\n"
    )
    scope = {"__name__": "astroNN_custom_elsewhere"}
    exec(source, scope)
    net = scope["FromFolder"]()
    net.verbose, net.val_size = 0, 0.0
    folder = once(net, stars).save(tmp_path / "run")
    (folder / "py_models.py").write_text(source)  # stripping the letters of ".py" would leave "_models"
    before = list(sys.path)
    loaded = load_folder(folder, trust_custom_code=True)
    assert sys.path == before and "py_models" not in sys.modules
    assert type(loaded) is not type(net) and type(loaded).__name__ == "FromFolder"


def test_the_texts_of_a_folder_name_the_optimizer_and_stars_also_when_it_is_saved_again(stars, tmp_path):
    net = Plain()
    net.optimizer = "rmsprop"
    net.val_size = 0.1
    net.fit(stars.spectra, stars.labels)
    first = net.save(tmp_path / "first")
    assert "Optimizer: RMSprop " in (first / "hyperparameter.txt").read_text()
    loaded = load_folder(first, custom_models=Plain)
    assert loaded.fullfilepath == net.fullfilepath == str(first)
    loaded.verbose = 0
    text = (loaded.save(tmp_path / "second") / "hyperparameter.txt").read_text()
    assert "Number of Training Data: 288 \nNumber of Validation Data: 32 " in text


@pytest.mark.parametrize("mode", ["0", "1", "2", "3", "4", "255"])
def test_statistics_of_an_old_folder_are_used_whatever_its_mode(mode, tmp_path):
    changes = {"input_mean": {"input": [2.5]}, "input_std": {"input": [4.0]}, "input_norm_mode": {"input": mode}}
    folder = write_parameters(tmp_path / "old", SOUND | changes)
    write_hdf5(folder / HDF5, sound_layers())
    net = load_folder(folder)
    x = np.random.default_rng(0).normal(size=(3, N_PIXELS)).astype("float32")
    read = net._read_inputs({"input": x}, {}, np.arange(3))["input"][..., 0]
    np.testing.assert_allclose(read, (x - 2.5) / 4.0, rtol=1e-6, atol=1e-7)


def test_layers_without_weights_and_unknown_losses_of_an_old_folder_are_passed_over(tmp_path):
    """The autoencoders of 1.0 held a noise input and layers for the divergence; nothing asks for their names."""
    folder = write_parameters(tmp_path / "old", SOUND)
    extra = ["input_1", "kl_divergence_layer_1", "lambda_1", "multiply_1", "add_1"]
    write_hdf5(folder / HDF5, sound_layers(), weightless=extra)
    with h5py.File(folder / HDF5, "a") as file:
        file.attrs["training_config"] = b'{"loss": {"output": "somebody_s_loss"}, "metrics": [[{}]]}'
    assert load_folder(folder).predict(np.ones((2, N_PIXELS)))[0].shape == (2, 2)
    assert (folder / PARAMETERS).is_file()


@pytest.mark.parametrize(
    ("name", "shape", "n_weights"),
    [
        # 28x28 pixels of 3 colours: two convolutions of 8 and 16 filters of 3x3, a pooling to 7x7, dense layers.
        ("Cifar10CNN", (28, 28, 3), 28 * 8 + 73 * 16 + 785 * 256 + 257 * 128 + 129 * 10),
        # 200 pixels: two convolutions of 2 and 4 filters of length 8, a pooling to 50, dense layers.
        ("ApogeeCNN", (200, 1), 9 * 2 + 17 * 4 + 201 * 196 + 197 * 96 + 97 * 10),
    ],
)
def test_bands_are_on_the_last_axis_whatever_keras_is_configured_to(name, shape, n_weights):
    net = getattr(astroNN.models, name)()
    net._input_shape, net._labels_shape = {"input": shape}, {"output": 10}
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        net.compile()
        assert keras.config.image_data_format() == "channels_first"
    finally:
        keras.config.set_image_data_format(before)
    assert net.keras_model.count_params() == n_weights
