"""Ensembles combine what their members answer."""

import numpy as np
import pytest

from astroNN.models import (
    DeepEnsemble,
)
from astroNN.models._ensemble_answers import combined, combined_uncertain
from astroNN.models.inspection.propagation import propagated_spread

from ...helpers.ensembles import N_PIXELS, Heads, of_nets
from ...helpers.small_vae import SmallVAE


def test_labels_and_spreads_follow_the_law_of_total_variance():
    """By drawing from the mixture of the members' distributions."""
    rng = np.random.default_rng(1)
    means, models, predictives = np.array([1.0, 4.0, 1.5]), np.array([0.5, 1.0, 2.0]), np.array([2.0, 1.0, 0.3])
    answers = [
        (np.array([[mean]]), {"model": np.array([[model]]), "predictive": np.array([[predictive]])})
        for mean, model, predictive in zip(means, models, predictives, strict=True)
    ]
    pred, pred_std = combined_uncertain(answers)
    member, n_draws = rng.integers(3, size=1_000_000), 1_000_000
    of_networks = means[member] + models[member] * rng.normal(size=n_draws)
    labels = of_networks + predictives[member] * rng.normal(size=n_draws)
    # The scatter of three means is that of the mixture times 3/2: the members are a sample of all networks.
    extra = means.var() / 2
    error = 5 * np.sqrt(3.0 / n_draws)  # five standard errors of a variance; the kurtosis is below 4
    assert pred.item() == pytest.approx(labels.mean(), rel=error)
    assert pred_std["total"].item() ** 2 == pytest.approx(labels.var() + extra, rel=error)
    assert pred_std["model"].item() ** 2 == pytest.approx(of_networks.var() + extra, rel=error)
    assert pred_std["predictive"].item() == pytest.approx(np.sqrt((4.0 + 1.0 + 0.09) / 3))


def test_without_uncertainties_of_the_members_their_scatter_is_all_there_is():
    pred, pred_std = combined([np.array([[1.0, 5.0]]), np.array([[2.0, 5.0]]), np.array([[6.0, 5.0]])])
    np.testing.assert_allclose(pred, [[3.0, 5.0]])
    np.testing.assert_allclose(pred_std["model"], [[np.sqrt((4 + 1 + 9) / 2), 0.0]], rtol=1e-6)
    np.testing.assert_array_equal(pred_std["model"], pred_std["total"])


def test_an_ensemble_combines_what_its_members_answer_without_their_calibration(untrained, stars, monkeypatch):
    nets = [untrained(seed=seed) for seed in (1, 2)]
    for net, label in zip(nets, (1.0, 3.0), strict=True):

        def predict(inputs, mask=None, calibrated=True, sampling="exact", label=label):
            assert not calibrated
            return np.full((7, 2), label), {"model": np.full((7, 2), 0.5), "predictive": np.full((7, 2), label)}

        monkeypatch.setattr(net, "predict", predict)
    pred, pred_std = of_nets(nets).predict(stars.spectra[:7])
    assert set(pred_std) == {"total", "model", "predictive"}
    np.testing.assert_allclose(pred, 2.0)
    np.testing.assert_allclose(pred_std["model"], np.sqrt(0.25 + 2.0), rtol=1e-6)
    np.testing.assert_allclose(pred_std["predictive"], np.sqrt((1 + 9) / 2), rtol=1e-6)
    np.testing.assert_allclose(pred_std["total"], np.sqrt(0.25 + 2.0 + 5.0), rtol=1e-6)


def test_errors_of_the_pixels_go_through_the_mean_of_the_members(hardly_trained, data):
    """Linear networks without dropout: label = slope x pixel, so all is known by hand."""
    errors = np.random.default_rng(2).uniform(0.05, 0.2, (5, N_PIXELS)).astype("float32")
    slopes = []
    for net in hardly_trained:
        kernel = net.keras_model.get_layer("output").get_weights()[0].astype("float64")
        slopes.append(kernel / net.input_std["input"].reshape(-1, 1) * net.labels_std["output"])
    by_hand = np.sqrt(errors.astype("float64") ** 2 @ np.mean(slopes, axis=0) ** 2)
    inputs = {"input": data[0][:5]}
    np.testing.assert_allclose(
        propagated_spread(list(hardly_trained), inputs, {}, {"input": errors}), by_hand, rtol=1e-4
    )
    pred_std = hardly_trained.predict(data[0][:5], errors, calibrated=False)[1]
    np.testing.assert_allclose(pred_std["propagated"], by_hand, rtol=1e-4)
    parts = sum(pred_std[name].astype("float64") ** 2 for name in ("model", "predictive", "propagated"))
    np.testing.assert_allclose(pred_std["total"] ** 2, parts, rtol=1e-4)


def test_classifiers_average_probabilities_and_uncertainty_is_the_entropy_of_the_mean(data):
    spectra, labels = data
    classes = np.eye(2)[(labels[:, 0] > 0).astype(int)]
    ensemble = DeepEnsemble(Heads, n_members=2, task="classification", labels_norm_mode=0, max_epochs=1)
    ensemble.fit(spectra, classes)
    assert ensemble.calibration is None
    with pytest.warns(UserWarning, match="1 of 7 stars"):
        pred, pred_std = ensemble.predict(np.concatenate([spectra[:6], np.full((1, N_PIXELS), np.nan)]))
    moments = [net._monte_carlo({"input": spectra[:6]}, {}, "exact") for net in ensemble]
    probability = (moments[0][0] + moments[1][0]) / 2
    np.testing.assert_array_equal(pred[:6], probability.argmax(axis=1))
    entropy = -np.sum(probability * np.log(probability), axis=1)
    np.testing.assert_allclose(pred_std["model"][:6], entropy, rtol=1e-4)
    assert pred[6] == -1
    assert np.isnan(pred_std["total"][6])


def test_autoencoders_average_reconstructions_but_not_latent_variables(stars):
    ensemble = DeepEnsemble(SmallVAE, n_members=2)
    ensemble.fit(stars.spectra)
    pred, pred_std = ensemble.predict(stars.spectra[:4])
    assert pred.shape == pred_std["model"].shape == (4, 60, 1)
    assert ensemble.calibration is None
    with pytest.raises(AttributeError, match="latent variables of its own"):
        ensemble.predict_encoder(stars.spectra[:4])
    assert ensemble.members[0].predict_encoder(stars.spectra[:4])[0].shape == (4, 2)
    assert set(ensemble.evaluate(stars.spectra)) >= {"loss", "kl_loss"}
