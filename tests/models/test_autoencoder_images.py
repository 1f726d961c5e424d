"""Every method of an autoencoder of images, with and without a channel axis."""

import keras
import numpy as np
import pytest
from keras import layers

from astroNN.models import ConvVAEBase, load_folder
from astroNN.nn.layers import VAESampling

N_IMAGES = 64


class Images(ConvVAEBase):
    """The smallest autoencoder of images."""

    def __init__(self):
        super().__init__()
        self.latent_dim, self.input_norm_mode, self.labels_norm_mode = 2, 2, 2
        self.max_epochs, self.verbose, self.seed = 1, 0, 3

    def model(self):
        shape = self._input_shape["input"]
        image = keras.Input(shape, name="input")
        x = layers.Flatten()(layers.Conv2D(2, 3, activation="tanh", name="conv")(image))
        latent = [layers.Dense(self.latent_dim, name=name)(x) for name in ("z_mean", "z_log_var")]
        z = VAESampling(seed=self.next_seed())(latent)
        decoder = keras.Sequential(
            [
                keras.Input((self.latent_dim,)),
                layers.Dense(int(np.prod(shape)), name="decoder"),
                layers.Reshape(shape),
                layers.Conv2D(shape[-1], 3, padding="same", name="output"),
            ],
            name="output",
        )
        return keras.Model(image, [*latent, z]), decoder


@pytest.fixture(scope="module", params=[(), (1,), (3,)], ids=["no channel axis", "one channel", "three channels"])
def images(request):
    rng = np.random.default_rng(0)
    return rng.normal(2.0, 1.0, (N_IMAGES, 6, 5, *request.param)).astype("float32")


@pytest.fixture(scope="module")
def net(images):
    vae = Images()
    vae.fit(images)
    return vae


def n_channels(images):
    return images.shape[3] if images.ndim == 4 else 1


def test_reconstructions_have_a_channel_axis(net, images):
    shape = (N_IMAGES, 6, 5, n_channels(images))
    assert net.predict(images).shape == shape
    assert net.predict_decoder(np.zeros((N_IMAGES, 2))).shape == shape
    assert net.predict(images[0]).shape == (1, *shape[1:])
    assert all(array.shape == (N_IMAGES, 2) for array in net.predict_encoder(images))


def test_a_reconstruction_is_the_decoders_output_in_physical_units(net, images):
    z = np.random.default_rng(1).normal(size=(4, 2)).astype("float32")
    normalised = net.keras_decoder.predict(z, verbose=0)
    by_hand = normalised * images[net.train_idx].std(axis=0).reshape(normalised.shape[1:])
    by_hand += images[net.train_idx].mean(axis=0).reshape(normalised.shape[1:])
    np.testing.assert_allclose(net.predict_decoder(z), by_hand, rtol=1e-4, atol=1e-4)


def test_the_latent_jacobian_is_the_slope_of_the_latent_means(net, images):
    jacobian = net.jacobian_latent(images[:3], denormalize=True)
    assert jacobian.shape == (3, 2, *images.shape[1:]) if n_channels(images) > 1 else (3, 2, 6, 5)
    step = np.zeros((6, 5, n_channels(images)), "float32")
    step[2, 3, 0] = 0.02
    step = step.reshape(images.shape[1:])
    slope = (net.predict_encoder(images[:3] + step)[0] - net.predict_encoder(images[:3] - step)[0]) / 0.04
    found = jacobian.reshape(3, 2, 6, 5, -1)[:, :, 2, 3, 0]
    # Differences of float32 numbers of order 1 over 0.04, and the curvature of tanh.
    np.testing.assert_allclose(found, slope, atol=1e-3 * max(1.0, np.abs(slope).max()))
    np.testing.assert_allclose(
        net.jacobian_latent(images[:3], mean_output=True), net.jacobian_latent(images[:3]).mean(axis=0), atol=1e-6
    )


@pytest.mark.slow
def test_a_trained_network_scores_and_learns_images_of_the_same_kind(net, images):
    scores = net.evaluate(images)
    assert np.isfinite(list(scores.values())).all()
    no_mask = np.zeros(images.shape, dtype=bool)
    assert net.evaluate(images, mask=no_mask)["reconstruction_loss"] == pytest.approx(
        scores["reconstruction_loss"],
        rel=0.2,  # each evaluation draws its own latent variables
    )
    again = Images()
    again.fit(images)
    again.fit(images)
    again.fit_on_batch(images)


def test_a_folder_gives_the_same_autoencoder_back(net, images, tmp_path):
    loaded = load_folder(net.save(tmp_path / "vae"), custom_models=Images)
    np.testing.assert_array_equal(loaded.predict_encoder(images)[0], net.predict_encoder(images)[0])
    np.testing.assert_array_equal(loaded.predict_decoder(np.ones((2, 2))), net.predict_decoder(np.ones((2, 2))))
    assert np.isfinite(loaded.evaluate(images)["loss"])


@pytest.mark.slow
def test_bad_pixels_of_images_take_no_part(images):
    damaged, mask = images.copy(), np.zeros(images.shape, dtype=bool)
    damaged[:, 0, 0], mask[:, 0, 0] = 1e6, True
    first, second = Images(), Images()
    history = first.fit(damaged, mask=mask).history
    damaged[:, 0, 0] = np.nan
    np.testing.assert_allclose(history["loss"], second.fit(damaged).history["loss"], rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("with_axis", [True, False])
def test_a_channel_axis_of_one_may_come_and_go(with_axis):
    images = np.random.default_rng(4).normal(size=(N_IMAGES, 6, 5)).astype("float32")
    first, second = (images[..., None], images) if with_axis else (images, images[..., None])
    vae = Images()
    vae.fit(first)
    np.testing.assert_array_equal(vae.predict_encoder(second)[0], vae.predict_encoder(first)[0])
    mask = np.zeros(images.shape, dtype=bool)
    assert np.isfinite(vae.evaluate(second, first, mask=mask[..., None])["loss"])
    assert np.isfinite(vae.evaluate(first, second, mask=mask)["loss"])
