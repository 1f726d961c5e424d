"""Networks that users write themselves, in the form of today and in those of older versions."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from astroNN.models import BayesianCNNBase, CNNBase, load_folder
from astroNN.nn.layers import MCDropout
from astroNN.nn.losses import mse_lin_wrapper, mse_var_wrapper

# Written out as text, too: a fresh process must be able to define the same class.
OWN_CLASS = '''
import keras
from keras import layers
from astroNN.models import CNNBase


class OwnNet(CNNBase):
    """Two unnamed layers of equal shape: only their order tells them apart."""

    def __init__(self):
        super().__init__()
        self.lr, self.num_hidden, self.max_epochs, self.input_norm_mode = 0.01, 7, 1, 2
        self.verbose, self.seed, self.val_size = 0, 3, 0.2

    def model(self):
        spectra = keras.Input(shape=self._input_shape["input"], name="input")
        x = layers.Dense(self.num_hidden, "tanh")(layers.Flatten()(spectra))
        x = layers.Dense(self.num_hidden, "tanh")(x)
        x = layers.BatchNormalization()(layers.Dense(self.num_hidden, "relu")(x))
        return keras.Model(spectra, layers.Dense(self._labels_shape["output"], name="output")(x))
'''
namespace = {"__name__": "own"}
exec(OWN_CLASS, namespace)
OwnNet = namespace["OwnNet"]


class Bayesian(BayesianCNNBase):
    """What all Bayesian recipes below share."""

    def __init__(self):
        super().__init__()
        self.verbose, self.seed, self.val_size, self.max_epochs, self.mc_num = 0, 3, 0.2, 1, 5
        self.lr, self.dropout_rate, self.l2 = 0.01, 0.2, 1e-6

    def inputs_and_heads(self):
        spectra = keras.Input(shape=self._input_shape["input"], name="input")
        labels_err = keras.Input(shape=(self._labels_shape["output"],), name="labels_err")
        x = layers.Dense(9, "relu", kernel_initializer=self.fresh_initializer(), name="first")(
            layers.Flatten()(spectra)
        )
        x = MCDropout(self.dropout_rate, disable=self.disable_dropout, seed=self.next_seed())(x)
        labels, log_variances = (
            layers.Dense(
                self._labels_shape["output"],
                activation=activation,
                kernel_initializer=self.fresh_initializer(),
                name=name,
            )(x)
            for name, activation in (("output", self._last_layer_activation), ("variance_output", "linear"))
        )
        return spectra, labels_err, labels, log_variances


class AsToday(Bayesian):
    """One model with outputs by name."""

    def model(self):
        spectra, _, labels, log_variances = self.inputs_and_heads()
        return keras.Model(spectra, {"output": labels, "variance_output": log_variances})


class AsInVersion1(Bayesian):
    """Four objects; lists in and out, a concatenated prediction, losses that close over symbolic tensors."""

    def model(self):
        spectra, labels_err, labels, log_variances = self.inputs_and_heads()
        training = keras.Model(inputs=[spectra, labels_err], outputs=[labels, log_variances])
        prediction = keras.Model(inputs=[spectra], outputs=layers.concatenate([labels, log_variances]))
        return (
            training,
            prediction,
            mse_lin_wrapper(log_variances, labels_err),
            mse_var_wrapper(labels, labels_err),
        )


class WithDictionaries(Bayesian):
    """Four objects, of the last version before: inputs and outputs by name, losses that can't even be called."""

    def model(self):
        spectra, labels_err, labels, log_variances = self.inputs_and_heads()
        outputs = {"output": labels, "variance_output": log_variances}
        training = keras.Model({"input": spectra, "labels_err": labels_err}, outputs)
        return training, keras.Model({"input": spectra}, outputs), None, None


class Pair(Bayesian):
    """Training and prediction model."""

    def model(self):
        spectra, labels_err, labels, log_variances = self.inputs_and_heads()
        training = keras.Model([spectra, labels_err], [labels, log_variances])
        return training, keras.Model(spectra, [labels, log_variances])


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [AsInVersion1, WithDictionaries, Pair])
def test_older_forms_of_a_recipe_train_the_same_network_as_todays(stars, recipe):
    nets = [AsToday(), recipe()]
    for net in nets:
        net.fit(stars.spectra, stars.labels, labels_err=stars.labels_err)
    histories = [net.history.history for net in nets]
    assert set(histories[0]) == set(histories[1])
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-5)
    (first, first_std), (second, second_std) = (net.predict(stars.spectra[:70]) for net in nets)
    assert list(first_std) == list(second_std) == ["total", "model", "predictive"]
    np.testing.assert_allclose(first, second, rtol=1e-4)
    np.testing.assert_allclose(first_std["predictive"], second_std["predictive"], rtol=1e-3)
    assert nets[1].jacobian(stars.spectra[:2]).shape == (2, 2, 60)


def test_the_label_errors_reach_the_loss_of_an_older_recipe(stars):
    net = AsInVersion1()
    errors = stars.labels_err * 1e5
    net.fit(stars.spectra, stars.labels, labels_err=errors)
    # Errors of ten thousand times the spread of the labels: of the loss only 0.5 ln(e^2) is left.
    expected = np.log(errors[0] / net.labels_std["output"]).mean()
    assert net.history.history["loss"][0] == pytest.approx(expected, abs=1e-3)


def test_an_own_bayesian_network_is_saved_and_loaded(stars, tmp_path):
    net = AsInVersion1()
    net.fit(stars.spectra, stars.labels, labels_err=stars.labels_err)
    folder = net.save(tmp_path / "run")
    for given in (AsInVersion1, [OwnNet, AsInVersion1], ()):  # known to the session
        loaded = load_folder(folder, custom_models=given)
        loaded.verbose = 0
        np.testing.assert_array_equal(loaded.predict(stars.spectra[:5])[0], net.predict(stars.spectra[:5])[0])


def test_an_own_network_trains_and_predicts(stars):
    net = OwnNet()
    history = net.fit(stars.spectra, stars.labels)
    assert {"loss", "mean_absolute_error", "mean_error", "val_loss"} <= set(history.history)
    assert net.predict(stars.spectra[:4]).shape == (4, 2)
    assert net.jacobian(stars.spectra[:4]).shape == (4, 2, 60)
    assert np.isfinite(net.evaluate(stars.spectra, stars.labels)["loss"])


FRESH = """
import sys
import numpy as np
from keras import layers
# The counters of Keras' automatic names stand elsewhere in this process.
for _ in range(11):
    layers.Dense(3)
layers.BatchNormalization()
{own_class}
from astroNN.models import load_folder
net = load_folder({folder!r}, custom_models=OwnNet)
names = [layer.name for layer in net.keras_model.layers if "dense" in layer.name]
assert names == ["dense_11", "dense_12", "dense_13"], names
net.verbose = 0
np.save("answer.npy", net.predict(np.load({spectra!r})))
"""


@pytest.mark.slow
def test_unnamed_layers_find_their_arrays_in_a_process_that_counts_otherwise(stars, run_python, tmp_path):
    net = OwnNet()
    net.fit(stars.spectra, stars.labels)
    kernels = [w for w in net.get_weights() if w.shape == (7, 7)]
    assert len(kernels) == 2
    folder = net.save(tmp_path / "run")
    np.save(tmp_path / "spectra.npy", stars.spectra[:9])
    script = FRESH.format(own_class=OWN_CLASS, folder=str(folder), spectra=str(tmp_path / "spectra.npy"))
    run_python(script, tmp_path)
    np.testing.assert_allclose(np.load(tmp_path / "answer.npy"), net.predict(stars.spectra[:9]), rtol=1e-5)


def test_more_unnamed_layers_than_ten_keep_their_order(stars, tmp_path):
    """dense_10 stands before dense_2 in the alphabet."""

    class Deep(OwnNet):
        def model(self):
            spectra = keras.Input(shape=self._input_shape["input"], name="input")
            x = layers.Flatten()(spectra)
            for _ in range(12):
                x = layers.Dense(5, "tanh")(x)
            return keras.Model(spectra, layers.Dense(self._labels_shape["output"], name="output")(x))

    net = Deep()
    net.fit_on_batch(stars.spectra, stars.labels)
    loaded = load_folder(net.save(tmp_path / "run"), custom_models=Deep)
    loaded.verbose = 0
    np.testing.assert_allclose(loaded.predict(stars.spectra[:3]), net.predict(stars.spectra[:3]), rtol=1e-6)


def test_two_inputs_go_where_their_names_say(stars, tmp_path):
    class TwoInputs(OwnNet):
        def model(self):
            spectra = keras.Input(shape=self._input_shape["input"], name="input")
            extra = keras.Input(shape=self._input_shape["aux"], name="aux")
            x = layers.Concatenate()([layers.Flatten()(spectra), layers.Flatten()(extra)])
            return keras.Model([spectra, extra], layers.Dense(self._labels_shape["output"], name="output")(x))

    net = TwoInputs()
    net.input_norm_mode = {"input": 3, "aux": 2}
    data = {"input": stars.spectra, "aux": stars.labels[:, :1]}
    net.fit(data, stars.labels)
    expected = net.predict(data)
    assert expected.shape == (320, 2)
    loaded = load_folder(net.save(tmp_path / "run"), custom_models=TwoInputs)
    loaded.verbose = 0
    np.testing.assert_array_equal(loaded.predict(data), expected)
    with pytest.raises(ValueError, match="`input_data` must have the inputs"):
        net.predict(stars.spectra)


def test_images_keep_their_axes(stars):
    class Images(OwnNet):
        def model(self):
            images = keras.Input(shape=self._input_shape["input"], name="input")
            x = layers.Flatten()(layers.Conv2D(2, 3, name="convolve")(images))
            return keras.Model(images, layers.Dense(self._labels_shape["output"], name="output")(x))

    images = stars.spectra.reshape(320, 10, 6)
    net = Images()
    net.fit(images, stars.labels)
    assert net._input_shape == {"input": (10, 6, 1)}
    np.testing.assert_array_equal(net.predict(images[3]), net.predict(images[3:4]))
    assert net.jacobian(images[:2]).shape == (2, 2, 10, 6)


@pytest.mark.slow
def test_a_model_that_trains_itself_keeps_its_class(stars):
    """Old recipes may return a subclass of keras.Model: its `compute_loss` is used."""

    class Halved(keras.Model):
        def compute_loss(self, *args, **kwargs):
            return 0.5 * super().compute_loss(*args, **kwargs)

    class Own(OwnNet):
        def model(self):
            plain = super().model()
            return Halved(plain.input, plain.output)

    whole, half = OwnNet(), Own()
    for net in (whole, half):
        net.lr = 0.0
        net.fit(stars.spectra, stars.labels)
    assert isinstance(half.keras_model, Halved)


def test_an_input_without_the_right_name_is_explained(stars):
    class Misnamed(OwnNet):
        def model(self):
            spectra = keras.Input(shape=self._input_shape["input"], name="flux")
            return keras.Model(
                spectra, layers.Dense(self._labels_shape["output"], name="output")(layers.Flatten()(spectra))
            )

    class MisnamedBayesian(Bayesian):
        def model(self):
            spectra = keras.Input(shape=self._input_shape["input"], name="flux")
            x = layers.Flatten()(spectra)
            return keras.Model(
                spectra, [layers.Dense(2, name="output")(x), layers.Dense(2, name="variance_output")(x)]
            )

    for network in (Misnamed, MisnamedBayesian):
        with pytest.raises(ValueError, match=r"`model\(\)`.*input.*flux"):
            network().fit(stars.spectra, stars.labels)


def test_a_bayesian_recipe_without_a_variance_is_explained(stars):
    class OneHead(Bayesian):
        def model(self):
            spectra = keras.Input(shape=self._input_shape["input"], name="input")
            return keras.Model(spectra, layers.Dense(2, name="output")(layers.Flatten()(spectra)))

    with pytest.raises(ValueError, match=r"`model\(\)`.*variance_output"):
        OneHead().fit(stars.spectra, stars.labels)


def test_a_shared_initializer_is_made_anew_for_every_layer():
    net = CNNBase.__new__(OwnNet)
    OwnNet.__init__(net)
    net.initializer = keras.initializers.RandomNormal(0.0, 1.0)
    first, second = (ops.convert_to_numpy(net.fresh_initializer()((50, 50))) for _ in range(2))
    # Independent: correlation 0 +- 1 / sqrt(2500).
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.12
    assert first.std() == pytest.approx(1.0, rel=0.1)
