"""Classes instead of numbers: what networks answer, and that they learn it."""

import functools

import numpy as np
import pytest
from scipy.special import entr

from astroNN.models import ApogeeBCNN, ApogeeCNN
from astroNN.nn.layers import MonteCarloEngine


@pytest.fixture(scope="module")
def classes():
    """Spectra of three kinds, each with a line of its own; classes as rows of 0 and 1; some are unknown."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 240)
    spectra = rng.normal(1.0, 0.02, (240, 60))
    spectra[np.arange(240), 10 + 20 * kind] -= 0.8
    labels = np.eye(3)[kind]
    labels[:10] = np.nan
    return spectra.astype("float32"), labels, kind


def trained(network, tools, task, spectra, labels):
    net = tools.small(network, task=task, labels_norm_mode=0, lr=0.01, dropout_rate=0.02)
    # An epoch takes a quarter of a second, however few its batches are.
    net.max_epochs, net.batch_size, net.targetname = 8, 16, ["a", "b", "c"]
    net.fit(spectra, labels)
    return net


@pytest.fixture(scope="module")
def bayesian(classes, tools):
    """Function that gives a trained `ApogeeBCNN` by its task; trained the first time."""

    @functools.cache
    def of_task(task):
        return trained(ApogeeBCNN(), tools, task, *classes[:2])

    return of_task


def test_a_deterministic_network_gives_probabilities(classes, tools):
    spectra, labels, kind = classes
    net = trained(ApogeeCNN(), tools, "classification", spectra, labels)
    probabilities = net.predict(spectra)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == kind).mean() > 0.9
    assert net.evaluate(spectra[10:], labels[10:])["categorical_accuracy"] > 0.9


@pytest.mark.parametrize("task", ["classification", "binary_classification"])
def test_a_bayesian_network_gives_answers_and_their_entropy(classes, bayesian, task):
    spectra, _, kind = classes
    net = bayesian(task)
    pred, pred_std = net.predict(spectra)
    engine = MonteCarloEngine(net.keras_model_predict, mc_num=net.mc_num, seed=net.seed)
    normalised = net._read_inputs({"input": spectra}, {}, np.arange(len(spectra)))
    probability = engine.predict(normalised)["output"][0]
    if task == "classification":
        assert (pred == kind).mean() > 0.9
        expected = entr(probability).sum(axis=1)
    else:
        assert (pred == np.eye(3)[kind]).mean() > 0.9
        expected = entr(probability) + entr(1 - probability)
    np.testing.assert_allclose(pred_std["model"], expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(pred_std["total"], pred_std["model"] + pred_std["predictive"], rtol=1e-5)


def test_a_star_without_a_good_pixel_has_no_class(classes, bayesian):
    net, broken = bayesian("classification"), classes[0][:3].copy()
    broken[1] = np.nan
    with pytest.warns(UserWarning, match="no good pixel"):
        pred, pred_std = net.predict(broken)
    assert pred[1] == -1 and np.isnan(pred_std["total"][1])


def test_normalisation_meant_for_numbers_is_left_out_with_a_warning(classes, tools):
    spectra, labels, _ = classes
    net = tools.small(ApogeeCNN(), task="classification", max_epochs=1)
    with pytest.warns(UserWarning, match="labels_norm_mode 2 is for numbers"):
        net.fit(spectra, labels)
    assert net.labels_normalizer.modes_as_text(["output"]) == {"output": "0"}
