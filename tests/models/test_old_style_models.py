"""Recipes written for older versions: shapes without names, tuples of objects, losses and steps of their own."""

import copy
import pickle

import keras
import numpy as np
import pytest
from keras import layers, ops

from astroNN.models import BayesianCNNBase, CNNBase, ConvVAEBase, load_folder
from astroNN.models._shapes import named_shapes
from astroNN.nn.layers import KLDivergenceLayer, MCDropout, VAESampling
from astroNN.nn.losses import mse_lin_wrapper, mse_var_wrapper, robust_mse


def settings(net):
    net.verbose, net.seed, net.val_size, net.max_epochs, net.lr, net.input_norm_mode = 0, 3, 0.0, 1, 0.01, 2


class Eager:
    """Compiling takes most of the time of so small a training."""

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        self.keras_model.run_eagerly = True


class Plain(Eager, CNNBase):
    """What the recipes without uncertainties share; `model` is built from `shape` and `n_labels`."""

    def __init__(self):
        super().__init__()
        settings(self)

    def graph(self, shape, n_labels):
        spectra = keras.Input(shape=shape, name="input")
        x = layers.Dense(5, "tanh", kernel_initializer=self.fresh_initializer(), name="hidden")(
            layers.Flatten()(spectra)
        )
        head = layers.Dense(units=n_labels, kernel_initializer=self.fresh_initializer(), name="output")
        return keras.Model(inputs=spectra, outputs=head(x))


class AsToday(Plain):
    def model(self):
        return self.graph(self._input_shape["input"], self._labels_shape["output"])


class Underscored(Plain):
    def model(self):
        return self.graph(self._input_shape, self._labels_shape)


class Bare(Plain):
    def model(self):
        return self.graph(self.input_shape, self.labels_shape)


class InPieces(Plain):
    def model(self):
        rows, columns = self._input_shape
        assert self.input_shape[0] == rows and self._input_shape[-1] == columns and len(self._input_shape) == 2
        return self.graph((self.input_shape[0], columns), int(self._labels_shape) * 1)


class Listed(Plain):
    """Its one model stands in a list."""

    def model(self):
        return [self.graph(self._input_shape, self._labels_shape["output"])]


@pytest.mark.parametrize("recipe", [Underscored, Bare, InPieces, Listed])
def test_shapes_without_names_build_the_network_of_today(stars, recipe, tmp_path):
    nets = [AsToday(), recipe()]
    for net in nets:
        net.fit_on_batch(stars.spectra, stars.labels)
    expected, got = (net.predict(stars.spectra[:4]) for net in nets)
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    loaded = load_folder(nets[1].save(tmp_path / "run"), custom_models=recipe)
    loaded.verbose = 0
    np.testing.assert_array_equal(loaded.predict(stars.spectra[:4]), got)
    # Outside `model` the shape is that of the Keras model, with the stars.
    assert loaded.input_shape == (None, 60, 1)


class OldBayesian(Eager, BayesianCNNBase):
    """Version 1.0: plain shapes, lists, a joined prediction."""

    def __init__(self):
        super().__init__()
        settings(self)
        self.mc_num = 3

    def graphs(self):
        spectra = keras.Input(shape=self._input_shape, name="input")
        labels_err = keras.Input(shape=(self.labels_shape,), name="labels_err")
        x = MCDropout(0.2, seed=self.next_seed())(layers.Dense(6, "relu", name="hidden")(layers.Flatten()(spectra)))
        mean = layers.Dense(units=self.labels_shape, activation=self._last_layer_activation, name="output")(x)
        log_var = layers.Dense(self._labels_shape["variance_output"], activation="linear", name="variance_output")(x)
        training = keras.Model(inputs=[spectra, labels_err], outputs=[mean, log_var])
        return training, keras.Model(spectra, layers.concatenate([mean, log_var])), labels_err

    def model(self):
        training, prediction, labels_err = self.graphs()
        mean, log_var = training.outputs
        return training, prediction, mse_lin_wrapper(log_var, labels_err), mse_var_wrapper(mean, labels_err)


@pytest.mark.filterwarnings("ignore:Only 0 validation stars")
def test_a_bayesian_recipe_with_plain_shapes_is_trained_saved_and_loaded(stars, tmp_path):
    net = OldBayesian()
    net.fit(stars.spectra, stars.labels, labels_err=stars.labels_err)
    pred, pred_std = net.predict(stars.spectra[:5])
    assert pred.shape == (5, 2) and set(pred_std) == {"total", "model", "predictive"}
    loaded = load_folder(net.save(tmp_path / "run"), custom_models=OldBayesian)
    loaded.verbose = 0
    np.testing.assert_array_equal(loaded.predict(stars.spectra[:5])[0], pred)


class Encoder(Eager, ConvVAEBase):
    """What the autoencoders share."""

    def __init__(self):
        super().__init__()
        settings(self)
        self.latent_dim, self.labels_norm_mode = 2, 2

    def parts(self, divergence=False):
        spectra = keras.Input(shape=self._input_shape, name="input")
        x = layers.Flatten()(spectra)
        latent = [self.dense(name)(x) for name in ("z_mean", "z_log_var")]
        latent = KLDivergenceLayer()(latent) if divergence else latent
        z = VAESampling(seed=7)(latent)
        decoder = keras.Sequential(
            [keras.Input((2,)), self.dense("decode", self.labels_shape), layers.Reshape((self.labels_shape, 1))],
            name="output",
        )
        return spectra, *latent, z, decoder

    def dense(self, name, units=2):
        return layers.Dense(units, kernel_initializer=self.fresh_initializer(), name=name)


class EncoderAndDecoder(Encoder):
    def model(self):
        spectra, mean, log_var, z, decoder = self.parts()
        return keras.Model(spectra, [mean, log_var, z], name="encoder"), decoder


class ByName(Encoder):
    def model(self):
        spectra, mean, log_var, z, decoder = self.parts()
        return keras.Model(spectra, {"z": z, "z_mean": mean, "z_log_var": log_var}), decoder


class WholeEncoderDecoder(Encoder):
    """Version 1.0: the whole in front, an encoder that gives the mean, the divergence added by a layer."""

    def model(self):
        spectra, mean, _, z, decoder = self.parts(divergence=True)
        return keras.Model(spectra, decoder(z)), keras.Model(spectra, mean), decoder


@pytest.mark.parametrize("recipe", [ByName, WholeEncoderDecoder])
def test_older_forms_of_an_autoencoder_train_the_same_network_as_todays(stars, recipe, tmp_path):
    nets = [EncoderAndDecoder(), recipe()]
    for net in nets:
        net.fit_on_batch(stars.spectra)
    first, second = (net.history.history for net in nets)
    assert set(first) == set(second) == {"loss", "reconstruction_loss", "kl_loss"}
    for name, value in first.items():
        np.testing.assert_allclose(second[name], value, rtol=1e-4)
    expected, got = (net.predict_encoder(stars.spectra[:5]) for net in nets)
    for a, b in zip(expected[:2], got[:2], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
    loaded = load_folder(nets[1].save(tmp_path / "run"), custom_models=recipe)
    loaded.verbose = 0
    np.testing.assert_array_equal(loaded.predict_encoder(stars.spectra[:5])[0], got[0])
    z = np.ones((3, 2), "float32")
    np.testing.assert_array_equal(loaded.predict_decoder(z), nets[1].predict_decoder(z))


# Losses and steps of a recipe's own ---------------------------------------------------------------------------


class OwnClosure(OldBayesian):
    """Its losses are its own, and hold symbols."""

    def model(self):
        training, prediction, labels_err = self.graphs()
        mean, log_var = training.outputs

        def lin(y_true, y_pred):
            return robust_mse(y_true, y_pred, log_var, labels_err)

        return training, prediction, lin, lambda y_true, y_pred, known=mean: ops.mean(y_true - known)


class ClosureAtCompile(Plain):
    """Compiles the Keras model itself."""

    def model(self):
        return self.graph(self._input_shape, self.labels_shape)

    def compile(self, *args, **kwargs):
        super().compile(*args, **kwargs)
        symbols = self.keras_model.outputs[0]
        self.keras_model.compile(loss=lambda y_true, y_pred: ops.mean(ops.square(y_true - symbols)))


@pytest.mark.parametrize("recipe", [OwnClosure, ClosureAtCompile])
def test_a_loss_that_holds_symbols_is_refused_before_the_training(stars, recipe):
    net = recipe()
    with pytest.raises(TypeError, match=f"{recipe.__name__}.*symbolic.*compute_loss"):
        net.fit(stars.spectra, stars.labels)
    assert net.history is None and not net.has_model


def test_a_loss_that_holds_symbols_is_refused_at_recompiling_too(stars):
    net = AsToday()
    net.fit_on_batch(stars.spectra, stars.labels)
    net.recompile(loss=mse_lin_wrapper(net.keras_model.outputs[0], None))
    with pytest.raises(TypeError, match="compute_loss"):
        net.fit(stars.spectra, stars.labels)


class PlainFunctionBesides(OldBayesian):
    def model(self):
        training, prediction, _ = self.graphs()
        return training, prediction, lambda y_true, y_pred: ops.mean(ops.abs(y_true - y_pred)), None


@pytest.mark.filterwarnings("ignore:Only 0 validation stars")
def test_a_function_that_is_not_used_as_loss_is_named_in_a_warning(stars):
    with pytest.warns(UserWarning, match="PlainFunctionBesides.*not used.*compute_loss"):
        PlainFunctionBesides().fit(stars.spectra, stars.labels)


@pytest.mark.parametrize("step", ["custom_train_step", "custom_test_step"])
def test_steps_for_the_inside_of_keras_2_are_refused(stars, step):
    recipe = type("WithStep", (AsToday,), {step: lambda self, data: {}})
    with pytest.raises(NotImplementedError, match=f"{step}.*WithStep.*compute_loss"):
        recipe().fit(stars.spectra, stars.labels)
    with pytest.raises(NotImplementedError, match="compute_loss"):
        getattr(AsToday(), step)(None)


class Constant(keras.Model):
    """A model that says itself what its loss is."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return 0.0 * ops.mean(keras.tree.flatten(y_pred)[0]) + 42.0


class OwnLoss(AsToday):
    def model(self):
        graph = super().model()
        return Constant(graph.input, graph.output)


class OwnBayesianLoss(OldBayesian):
    def model(self):
        training, prediction, *_ = super().model()
        return Constant(training.inputs, training.outputs), prediction


class OwnLossOfTheWhole(WholeEncoderDecoder):
    def model(self):
        whole, encoder, decoder = super().model()
        return Constant(whole.inputs, whole.outputs), encoder, decoder


@pytest.mark.parametrize("recipe", [OwnLoss, OwnBayesianLoss, OwnLossOfTheWhole])
def test_the_loss_of_a_models_own_class_is_the_one_that_is_trained(stars, recipe):
    net = recipe()
    history = net.fit_on_batch(stars.spectra, stars.spectra if isinstance(net, ConvVAEBase) else stars.labels)
    assert history.history["loss"] == [42.0]


# What `model` may not return ------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [Plain, OldBayesian, Encoder])
@pytest.mark.parametrize(("returned", "said"), [(None, "None"), ("network", "str"), ((1, 2), "int")])
def test_what_is_no_network_is_named(stars, base, returned, said):
    recipe = type("Wrong", (base,), {"model": lambda self: returned})
    with pytest.raises(
        (TypeError, ValueError), match=rf"`model\(\)` of Wrong must return.*({said}|two Keras models)"
    ):
        recipe().fit(stars.spectra, stars.spectra if base is Encoder else stars.labels)


def test_an_encoder_that_gives_the_mean_alone_needs_the_whole_network(stars):
    class MeanAlone(WholeEncoderDecoder):
        def model(self):
            return super().model()[1:]

    with pytest.raises(ValueError, match="z_mean, z_log_var and z.*VAESampling"):
        MeanAlone().fit(stars.spectra)


# The shapes themselves ----------------------------------------------------------------------------------------


def test_shapes_are_dictionaries_and_plain_shapes_at_once():
    shapes = named_shapes({"input": (7514, 1), "aux": (2, 1)}, "input")
    assert shapes == {"input": (7514, 1), "aux": (2, 1)} and shapes == (7514, 1)
    assert dict(shapes) == {**shapes} == {"input": (7514, 1), "aux": (2, 1)}
    assert list(shapes.keys()) == ["input", "aux"] and list(shapes.values())[1] == (2, 1)
    assert "aux" in shapes and "output" not in shapes and shapes.get("output", 5) == 5
    assert shapes["aux"] == (2, 1) and shapes[0] == 7514 and shapes[-1] == 1 and tuple(shapes) == (7514, 1)
    assert shapes["input_err"] == (7514, 1)  # kept besides by version 1.1
    assert np.zeros(shapes).shape == (7514, 1)


def test_a_number_of_labels_is_a_number_and_a_dictionary_at_once():
    labels = named_shapes({"output": 22}, "output")
    assert labels == 22 and labels == {"output": 22} and labels != {"output": 21} and labels + 1 == 23
    assert isinstance(labels, int) and labels["output"] == labels["variance_output"] == 22
    assert np.zeros(labels).shape == (22,) and f"{labels:d}" == "22"
    assert named_shapes({"output": (4, 2)}, "output") == (4, 2)


@pytest.mark.parametrize("twin", [copy.deepcopy, copy.copy, lambda shapes: pickle.loads(pickle.dumps(shapes))])
@pytest.mark.parametrize("shapes", [{"input": (9, 1), "aux": (2, 1)}, {"input": 3}])
def test_shapes_can_be_copied_and_pickled(twin, shapes):
    copied = twin(named_shapes(shapes, "input"))
    assert copied == shapes and copied == shapes["input"] and copied["input"] == shapes["input"]


def test_a_name_or_an_axis_that_is_not_there_is_explained():
    shapes = named_shapes({"input": (60, 1)}, "input")
    with pytest.raises(KeyError, match="aux.*'input'"):
        shapes["aux"]
    with pytest.raises(IndexError, match=r"keys\(\)"):
        [shapes[name] for name in shapes]
    with pytest.raises(TypeError, match="no axis"):
        named_shapes({"output": 2}, "output")[0]


# Names that older scripts call ----------------------------------------------------------------------------------


def test_statistics_have_their_documented_other_names(stars):
    net = AsToday()
    net.fit_on_batch(stars.spectra, stars.labels)
    for name in ("input_mean", "input_std", "labels_mean", "labels_std"):
        assert getattr(net, f"{name}_norm") is getattr(net, name)
        with pytest.raises(AttributeError):
            setattr(net, f"{name}_norm", 1.0)


def test_the_checklists_check_data_and_name_them(stars):
    net = AsToday()
    net.val_size = 0.25
    inputs, labels = net.pre_training_checklist_master(stars.spectra, stars.labels[:, 0])
    assert set(inputs) == {"input"} and labels["output"].shape == (320, 1)
    assert (net.val_num, net.num_train, net.has_val) == (80, 240, True)
    assert net._input_shape == {"input": (60, 1)} and net.labels_shape == 1
    with pytest.raises(IndexError, match="`labels` 319"):
        net.pre_training_checklist_master(stars.spectra, stars.labels[1:])
    with pytest.raises(AttributeError, match="No model"):
        net.pre_testing_checklist_master(stars.spectra)
    net.fit_on_batch(stars.spectra, stars.labels)
    assert net.pre_testing_checklist_master(stars.spectra[0])["input"].shape == (1, 60)


def test_dictionaries_are_stripped_of_what_is_not_named():
    tensors = {"input": 1, "aux": 2}
    assert AsToday()._tensor_dict_sanitize(tensors, ["input"]) is tensors
    assert tensors == {"input": 1}
