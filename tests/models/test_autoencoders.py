"""Variational autoencoders: halves that fit together, a loss by hand, and better spectra than the mean one."""

import numpy as np
import pytest

from astroNN.models import ApogeeCVAE, ApokascEncoderDecoder


@pytest.fixture(scope="module")
def lines():
    """Spectra with one line whose depth varies: one number tells all."""
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.1, 0.6, (320, 1))
    profile = np.exp(-0.5 * ((np.arange(64) - 30) / 4) ** 2)
    return (1.0 - depth * profile + rng.normal(0, 0.01, (320, 64))).astype("float32")


@pytest.fixture(scope="module")
def net(lines):
    vae = ApogeeCVAE()
    vae.verbose, vae.seed, vae.max_epochs, vae.batch_size, vae.lr, vae.dropout_rate = 0, 1, 30, 32, 0.003, 0.0
    vae.fit(lines)
    return vae


def test_reconstructions_are_nearer_than_the_mean_spectrum(net, lines):
    mean, _, _ = net.predict_encoder(lines)
    drawn = net.predict_decoder(mean)[..., 0]
    assert ((drawn - lines) ** 2).mean() < 0.3 * ((lines.mean(axis=0) - lines) ** 2).mean()


def test_draws_of_the_latent_variables_have_the_encoders_mean_and_spread(net, lines):
    mean, std, _ = net.predict_encoder(lines[:1])
    draws = np.array([net.predict_encoder(np.repeat(lines[:1], 64, axis=0))[2] for _ in range(8)]).reshape(512, -1)
    assert (np.abs(draws.mean(axis=0) - mean[0]) < 4 * std[0] / np.sqrt(512)).all()
    assert (np.abs(draws.std(axis=0) / std[0] - 1) < 4 / np.sqrt(2 * 512)).all()


def test_the_loss_is_the_bound_by_hand(net, lines):
    scores = net.evaluate(lines)
    mean, std, _ = net.predict_encoder(lines)
    divergence = -0.5 * (1 + 2 * np.log(std) - mean**2 - std**2).sum(axis=1).mean()
    assert scores["kl_loss"] == pytest.approx(divergence, rel=1e-4)
    assert scores["loss"] > scores["kl_loss"] + scores["reconstruction_loss"]  # and the penalties of the weights


def test_missing_pixels_take_no_part(lines):
    spectra = lines.copy()
    spectra[:, 50:] = np.nan  # a gap in all stars
    vae = ApogeeCVAE()
    vae.verbose, vae.max_epochs = 0, 1
    history = vae.fit(spectra).history
    assert np.isfinite(history["loss"]).all()
    assert np.isfinite(vae.predict(spectra)).all()


def test_the_latent_jacobian_is_the_slope_of_the_latent_means(net, lines):
    jacobian = net.jacobian_latent(lines[:40], denormalize=True)
    assert jacobian.shape == (40, 2, 64)
    step = np.zeros(64, "float32")
    step[30] = 2e-3
    slope = (net.predict_encoder(lines[:40] + step)[0] - net.predict_encoder(lines[:40] - step)[0]) / 4e-3
    # A network of ramps: some stars have a kink within the step, most have none.
    assert np.median(np.abs(jacobian[:, :, 30] - slope)) < 0.01 * np.abs(slope).max()


def test_another_target_than_the_input_may_be_given(lines):
    net = ApokascEncoderDecoder()
    net.verbose, net.max_epochs = 0, 1
    net.fit(lines, lines[:, :40])
    assert net.predict(lines).shape == (320, 40, 1)
    with pytest.raises(ValueError, match="multiple of 4"):
        ApokascEncoderDecoder().fit(lines, lines[:, :42])


def test_wrong_latent_variables_and_tasks_are_refused(net, lines):
    with pytest.raises(ValueError, match=r"`z` must have the shape \(n_stars, 2\)"):
        net.predict_decoder(np.zeros((3, 5)))
    vae = ApogeeCVAE()
    vae.task = "classification"
    with pytest.raises(RuntimeError, match="regression"):
        vae.fit(lines)
