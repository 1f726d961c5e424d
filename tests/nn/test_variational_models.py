"""Variational layers in the networks of `astroNN.models`."""

import keras
import numpy as np
import pytest
from keras import layers

from astroNN.models import BayesianCNNBase, load_folder
from astroNN.nn.layers import Conv1DFlipout, DenseFlipout, DenseReparameterization

N_STARS, N_PIXELS = 160, 12


class Variational(BayesianCNNBase):
    """A tiny network with a variational layer of every kind that a spectrum passes."""

    def __init__(self):
        super().__init__()
        self.verbose, self.seed, self.val_size, self.max_epochs, self.mc_num = 0, 3, 0.2, 2, 20
        self.lr, self.input_norm_mode = 0.01, 2

    def model(self):
        spectra = keras.Input(self._input_shape["input"], name="input")
        x = Conv1DFlipout(2, 3, padding="same", activation="tanh", seed=self.next_seed(), name="conv")(spectra)
        x = DenseFlipout(8, "tanh", seed=self.next_seed(), name="hidden")(layers.Flatten()(x))
        x = DenseReparameterization(6, "tanh", prior_std=0.5, seed=self.next_seed(), name="last")(x)
        n_labels = self._labels_shape["output"]
        heads = {name: layers.Dense(n_labels, name=name)(x) for name in ("output", "variance_output")}
        return keras.Model(spectra, heads)


def variational_layers(net):
    return [net.keras_model.get_layer(name) for name in ("conv", "hidden", "last")]


def divergence(net):
    """What the loss has to gain: the divergences over `n_train`."""
    return sum(float(keras.ops.convert_to_numpy(la.kl_divergence())) / la.n_train for la in variational_layers(net))


@pytest.fixture(scope="module")
def stars():
    rng = np.random.default_rng(0)
    spectra = rng.normal(1.0, 0.05, (N_STARS, N_PIXELS)).astype("float32")
    labels = np.stack([spectra[:, :4].sum(1), spectra[:, 6:].sum(1)], axis=1)
    labels[::5, 1] = np.nan
    return spectra, labels


@pytest.fixture(scope="module")
def net(stars):
    """A trained network; don't train it on."""
    net = Variational()
    net.fit(*stars)
    return net


def test_fit_divides_the_divergence_by_the_labels_measured_on_the_training_stars(net, stars):
    n_measured = np.isfinite(stars[1][net.train_idx]).sum()
    assert [layer.n_train for layer in variational_layers(net)] == [n_measured] * 3


def test_the_divergence_reaches_the_losses_of_training_and_validation(net, stars):
    history = net.history.history
    scores = net.evaluate(*stars)
    np.testing.assert_allclose(scores["loss"] - scores["output_loss"], divergence(net), rtol=1e-3)
    # The validation of the last epoch saw the final weights, the training all weights of that epoch on the way.
    found = history["val_loss"][-1] - history["val_output_loss"][-1]
    np.testing.assert_allclose(found, divergence(net), rtol=1e-3)
    found = history["loss"][-1] - history["output_loss"][-1]
    np.testing.assert_allclose(found, divergence(net), rtol=0.1)


def test_the_model_uncertainty_comes_from_the_weights(net, stars):
    _, pred_std = net.predict(stars[0], calibrated=False)
    assert (pred_std["model"] > 0).all()
    per_star = net.predict(stars[0], calibrated=False, sampling="per_star")[1]["model"]
    # Variances of 20 passes scatter by a third; the mean over two labels of 160 stars, in three blocks, by 10%.
    np.testing.assert_allclose(np.mean(per_star**2) / np.mean(pred_std["model"] ** 2), 1.0, atol=0.4)


def test_the_fast_setting_takes_the_exact_way_with_a_warning(net, stars):
    with pytest.warns(UserWarning, match="is sampled exactly"):
        fast, _ = net.predict(stars[0], sampling="fast")
    np.testing.assert_array_equal(fast, net.predict(stars[0])[0])


def test_a_saved_network_predicts_the_same_and_has_the_same_loss(net, stars, tmp_path):
    net.save(tmp_path / "run")
    loaded = load_folder(tmp_path / "run", custom_models=Variational)
    for ours, theirs in zip(net.predict(stars[0]), loaded.predict(stars[0]), strict=True):
        keras.tree.map_structure(np.testing.assert_array_equal, ours, theirs)
    assert divergence(loaded) == divergence(net)
    scores = loaded.evaluate(*stars)
    np.testing.assert_allclose(scores["loss"] - scores["output_loss"], divergence(net), rtol=1e-3)


def test_a_second_training_on_other_stars_divides_by_theirs(net, stars, tmp_path):
    net.save(tmp_path / "run")
    loaded = load_folder(tmp_path / "run", custom_models=Variational)
    loaded.max_epochs = 1
    loaded.fit(stars[0][:100], stars[1][:100])
    assert variational_layers(loaded)[0].n_train == np.isfinite(stars[1][:100][loaded.train_idx]).sum()


def test_fit_on_batch_counts_its_stars_unless_a_training_went_before(stars):
    net = Variational()
    net.fit_on_batch(stars[0][:42], stars[1][:42])
    n_measured = np.isfinite(stars[1][:42]).sum()
    assert variational_layers(net)[0].n_train == n_measured
    assert np.isfinite(stars[1][41:83]).sum() != n_measured
    net.fit_on_batch(stars[0][41:83], stars[1][41:83])
    assert variational_layers(net)[0].n_train == n_measured


def test_the_jacobian_is_that_of_the_mean_weights(net, stars):
    jacobian = net.jacobian(stars[0][:3])
    assert jacobian.shape == (3, 2, N_PIXELS)
    assert np.isfinite(jacobian).all()
    np.testing.assert_array_equal(jacobian, net.jacobian(stars[0][:3]))  # nothing random in it


def test_the_jacobian_over_drawn_weights_is_random(net, stars):
    first, second = (net.jacobian(stars[0][:3], mc_num=2) for _ in range(2))
    assert np.isfinite(first).all()
    assert (first != second).any()
