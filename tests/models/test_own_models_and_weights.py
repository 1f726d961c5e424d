"""Weights and attributes that a user's own layers and models bring are kept, or refused with the reason."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from astroNN.models import CNNBase, ConvVAEBase, DeepEnsemble, load_folder
from astroNN.models._weight_names import weights_by_key
from astroNN.nn.layers import VAESampling


class NamedLikeAutomatic(CNNBase):
    """Two layers of the same shape, one of which bears a name that Keras might have given."""

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = layers.Flatten()(spectra)
        x = layers.Dense(4, "tanh", name="dense_5")(layers.Dense(4, name="narrow")(x))
        x = layers.Dense(4, "relu")(x)
        return keras.Model(spectra, layers.Dense(self._labels_shape["output"], name="output")(x))


@pytest.mark.parametrize("n_made_before", [0, 3, 9])
def test_names_of_weights_do_not_depend_on_what_else_the_session_has_made(n_made_before):
    keras.utils.clear_session()
    for _ in range(n_made_before):
        layers.Dense(1)
    net = NamedLikeAutomatic()
    net._input_shape, net._labels_shape = {"input": (8, 1)}, {"output": 2}
    model = net.model()
    keyed = weights_by_key(model)
    tanh, relu = (model.layers[number] for number in (3, 4))
    assert tanh.name == "dense_5"
    assert keyed["dense/kernel"] is tanh.kernel
    assert keyed["dense_1/kernel"] is relu.kernel


class Scaled(keras.Model):
    """The loss of its network, times a factor that is set after it is made."""

    factor = 1.0

    def compute_loss(self, *args, **kwargs):
        return self.factor * super().compute_loss(*args, **kwargs)


class WithArguments(keras.Model):
    def __init__(self, *args, factor=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.factor = factor

    def compute_loss(self, *args, **kwargs):
        return self.factor * super().compute_loss(*args, **kwargs)


def recipe(tools, make):
    """A network whose `model()` ends in `make(inputs, outputs)`."""

    class Recipe(tools.Linear):
        def model(self):
            plain = super().model()
            return make(plain.inputs[0], plain.outputs[0])

    return tools.small(Recipe(), max_epochs=1, lr=0.0)


def test_what_is_set_in_a_users_model_is_used_in_the_training(stars, tools):
    def scaled(x, y):
        model = Scaled(x, y)
        model.factor = 100.0
        return model

    losses = []
    for make in (Scaled, scaled):
        net = recipe(tools, make)
        losses.append(net.fit(stars.spectra, stars.labels).history["loss"][-1])
    assert losses[1] == pytest.approx(100 * losses[0], rel=1e-4)


def test_arguments_of_a_users_model_are_kept_or_refused_never_lost(stars, tools):
    with pytest.raises(TypeError, match="`__init__` is its own"):
        recipe(tools, lambda x, y: WithArguments(x, y, factor=100.0)).fit(stars.spectra, stars.labels)
    net = recipe(tools, lambda x, y: WithArguments({"input": x}, y, factor=100.0))
    plain = recipe(tools, keras.Model)
    losses = [n.fit(stars.spectra, stars.labels).history["loss"][-1] for n in (net, plain)]
    assert losses[0] == pytest.approx(100 * losses[1], rel=1e-4)


class WithWeight(keras.Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.log_sigma = self.add_weight(shape=(), initializer="zeros", name="log_sigma")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        error = super().compute_loss(x, y, y_pred, sample_weight, training)
        return ops.exp(-self.log_sigma) * error + self.log_sigma


def test_weights_that_a_model_has_besides_its_layers_are_saved(stars, tools, tmp_path):
    net = recipe(tools, lambda x, y: WithWeight({"input": x}, y))
    net.lr = 0.1
    net.fit(stars.spectra, stars.labels)
    trained = float(ops.convert_to_numpy(net.keras_model.log_sigma))
    assert trained != 0.0
    loaded = load_folder(net.save(tmp_path / "run"), custom_models=type(net))
    assert float(ops.convert_to_numpy(loaded.keras_model.log_sigma)) == pytest.approx(trained, rel=1e-6)


class Upsampling(ConvVAEBase):
    """A decoder whose picture is larger than any of its arrays of weights."""

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = layers.Flatten()(layers.MaxPooling1D(64)(spectra))
        mean, log_var = layers.Dense(2, name="mean")(x), layers.Dense(2, name="log_var")(x)
        encoder = keras.Model(spectra, [mean, log_var, VAESampling()([mean, log_var])])
        z = keras.Input((2,))
        y = layers.Reshape((32, 2))(layers.Dense(64)(z))
        return encoder, keras.Model(z, layers.Conv1DTranspose(1, 64, strides=64)(y))


def test_a_picture_larger_than_every_array_of_weights_is_loaded(tools, tmp_path):
    spectra = np.random.default_rng(0).normal(1.0, 0.1, (24, 2048)).astype("float32")
    net = tools.small(Upsampling(), max_epochs=1, val_size=0.0)
    net.fit(spectra)
    loaded = load_folder(net.save(tmp_path / "run"), custom_models=Upsampling)
    mean, _, _ = net.predict_encoder(spectra[:3])
    np.testing.assert_allclose(loaded.predict_decoder(mean), net.predict_decoder(mean), rtol=1e-5)


def test_the_checkpoint_of_an_optimiser_that_keeps_sums_along_axes_is_loaded(stars, tools, tmp_path):
    net = tools.small(tools.Linear(), max_epochs=1, checkpoint=tmp_path / "run")
    net.optimizer = keras.optimizers.Adafactor(0.01)
    net.fit(stars.spectra, stars.labels)
    assert tools.equal_weights(load_folder(tmp_path / "run", custom_models=tools.Linear), net)


def test_the_rate_of_an_optimiser_that_the_user_compiled_with_is_the_users(stars, tools):
    net = tools.small(tools.Linear(), max_epochs=1)
    net.fit(stars.spectra, stars.labels)
    net.compile(optimizer=keras.optimizers.SGD(0.5))
    net.fit(stars.spectra, stars.labels)
    assert float(ops.convert_to_numpy(net.keras_model.optimizer.learning_rate)) == 0.5
    net.compile(optimizer=keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)))
    net.fit(stars.spectra, stars.labels)
    net.compile()
    net.lr = 0.03
    net.fit(stars.spectra, stars.labels)
    assert float(ops.convert_to_numpy(net.keras_model.optimizer.learning_rate)) == pytest.approx(0.03)


def test_flushed_networks_keep_neither_models_nor_data(stars, tools):
    net = tools.small(tools.Linear(), max_epochs=1)
    net.fit(stars.spectra, stars.labels)
    net.flush()
    assert net.training_generator is net.validation_generator is net._training_state is None
    net.fit(stars.spectra, stars.labels)
    assert net.predict(stars.spectra[:3]).shape == (3, 2)


def test_an_ensemble_refuses_labels_of_several_kinds_before_it_trains(stars, tools):
    ensemble = DeepEnsemble(tools.Linear, n_members=2)
    with pytest.raises(ValueError, match="one array of labels"):
        ensemble.fit(stars.spectra, {"output": stars.labels, "mass": stars.labels[:, :1]})
    assert len(ensemble) == 0


def test_data_that_an_ensemble_refuses_leave_its_calibration_alone(stars, tools):
    ensemble = DeepEnsemble(tools.small(tools.Linear(), max_epochs=1), n_members=2)
    ensemble.fit(stars.spectra, stars.labels)
    before = ensemble.calibration
    assert before is not None
    for x, y in ((stars.spectra[:, :4], stars.labels), (stars.spectra, stars.labels[:, :1])):
        with pytest.raises(ValueError, match="built for"):
            ensemble.fit(x, y)
    assert ensemble.calibration is before
    assert len(ensemble) == 2


CODE = """
from astroNN.models import CNNBase

class Tagged(CNNBase):
    tag = {tag}
"""


def test_a_file_of_classes_that_was_edited_is_read_anew(tmp_path):
    from astroNN.models.persistence.custom import find_class

    file = tmp_path / "custom_models.py"
    for tag in (1, 2):
        file.write_text(CODE.format(tag=tag) + "    def model(self):\n        return None\n")
        assert find_class("Tagged", [], tmp_path, trust_custom_code=True).tag == tag


def test_trust_is_true_or_false_and_nothing_else(tmp_path):
    for trust in ("False", "no", 1, 0):
        with pytest.raises(TypeError, match="`trust_custom_code` must be True, False or None"):
            load_folder_of_a_stranger(tmp_path, trust)


def load_folder_of_a_stranger(folder, trust):
    from astroNN.models.persistence.custom import find_class

    return find_class("Stranger", [], folder, trust_custom_code=trust)
