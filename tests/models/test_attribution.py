"""Integrated gradients: contributions that add up, and equal those of networks that can be integrated by hand."""

import numpy as np
import pytest

from astroNN.models import ApogeeCNN, ApogeeCVAE, ApogeeKeplerEchelle, SimplePolyNN

COEFFICIENTS = np.random.default_rng(3).normal(size=(4, 5, 2))  # power, pixel, label


@pytest.fixture(scope="module")
def polynomial():
    net = SimplePolyNN(init_w=COEFFICIENTS.tolist())
    net.max_epochs, net.lr, net.verbose, net.seed = 1, 0.0, 0, 1
    net.targetname = ["mass", "age"]
    x = np.random.default_rng(0).uniform(-1, 1, (64, 5)).astype("float32")
    net.fit(x, x[:, :2])
    return net


def powers_by_hand(x):
    """What every pixel adds to each label, in float64: (n_stars, n_labels, n_pixels)."""
    powers = x.astype("float64")[None] ** np.arange(4)[:, None, None]
    return np.einsum("inj,ijk->nkj", powers, COEFFICIENTS)


def test_contributions_to_a_polynomial_are_its_terms(polynomial):
    x, baseline = (np.random.default_rng(s).uniform(-1, 1, (7, 5)).astype("float32") for s in (1, 2))
    # Two points integrate the slope, a polynomial of degree 2, exactly.
    result = polynomial.integrated_gradients(x, baseline=baseline, steps=2)
    expected = powers_by_hand(x) - powers_by_hand(baseline)
    np.testing.assert_allclose(result.attributions, expected, atol=2e-6)
    np.testing.assert_allclose(result.difference, expected.sum(axis=-1), atol=5e-6)
    assert np.abs(result.error).max() < 1e-5
    assert result.converged.all()
    assert (result.steps == 2).all()


def test_contributions_to_a_linear_network_are_its_weights_times_the_difference(stars, tools):
    net = tools.small(tools.Linear())
    net.fit(stars.spectra, stars.labels)
    result = net.integrated_gradients(stars.spectra[:5], steps=1)
    x = (stars.spectra[:5].astype("float64") - net.input_mean["input"]) / net.input_std["input"]
    expected = x[:, None] * net.get_weights()[0].T
    np.testing.assert_allclose(result.attributions, expected, atol=1e-5 * np.abs(expected).max())
    physical = net.integrated_gradients(stars.spectra[:5], steps=1, denormalize=True)
    scale = net.labels_std["output"]
    np.testing.assert_allclose(physical.attributions, result.attributions * scale[:, None], rtol=1e-5)
    np.testing.assert_allclose(physical.difference, result.difference * scale, rtol=1e-5)


def test_contributions_add_up_to_the_difference_of_the_predictions(stars, cnn):
    baseline = np.broadcast_to(np.asarray(cnn.input_mean["input"]).ravel(), 60)
    result = cnn.integrated_gradients(stars.spectra[:20], denormalize=True)
    assert result.attributions.shape == (20, 2, 60)
    difference = cnn.predict(stars.spectra[:20]) - cnn.predict(baseline[None])
    scale = cnn.labels_std["output"]
    # float32 labels of about 10,000 K are exact to 0.001 K, which is 1e-5 of their spread.
    np.testing.assert_allclose(result.difference / scale, difference / scale, atol=1e-4)
    missed = np.abs(result.attributions.sum(axis=-1) - difference) / scale
    assert (missed < 0.0012 + 0.01 * np.abs(difference / scale)).all()
    assert result.converged.all()
    np.testing.assert_allclose(result.error, result.attributions.sum(axis=-1) - result.difference, atol=1e-3)


def test_steps_are_doubled_where_they_are_needed_up_to_a_bound(polynomial):
    x = np.full((2, 5), 0.9, "float32")
    x[1] = 0.0
    zero = np.zeros((1, 5))
    result = polynomial.integrated_gradients(x, baseline=zero, steps=1)
    assert result.steps.tolist() == [2, 1]
    assert not result.attributions[1].any()  # the baseline itself
    with pytest.warns(UserWarning, match="after 1 steps the contributions of 1 of 2 stars"):
        result = polynomial.integrated_gradients(x, baseline=zero, steps=1, max_steps=1)
    assert not result.converged[0].all() and result.converged[1].all()
    middle = 0.9 * np.einsum("ijk,i->kj", COEFFICIENTS, [0, 1, 2 * 0.45, 3 * 0.45**2])
    np.testing.assert_allclose(result.attributions[0], middle, atol=1e-5)


def test_missing_pixels_contribute_nothing_and_the_rest_still_adds_up(stars, cnn, tools):
    spectra = tools.changed(stars.spectra[:3], (slice(None), slice(0, 9)), np.nan)
    result = cnn.integrated_gradients(spectra, baseline=stars.spectra[10:13])
    assert not result.attributions[:, :, :9].any()
    assert result.converged.all()
    masked = cnn.integrated_gradients(stars.spectra[:3], baseline=stars.spectra[10:13], mask=np.isnan(spectra))
    np.testing.assert_array_equal(masked.attributions, result.attributions)


def test_labels_are_chosen_by_name_or_number(polynomial):
    x = np.random.default_rng(1).uniform(-1, 1, (3, 5))
    whole = polynomial.integrated_gradients(x)
    for label, columns in (("age", [1]), (0, [0]), (["age", "mass"], [1, 0]), (np.array([1]), [1])):
        part = polynomial.integrated_gradients(x, label=label)
        np.testing.assert_allclose(part.attributions, whole.attributions[:, columns], atol=1e-6)
        assert part.difference.shape == part.error.shape == part.converged.shape == (3, len(columns))


def test_of_several_inputs_all_contribute(tools):
    rng = np.random.default_rng(0)
    x = {"input": rng.uniform(0, 255, (64, 20, 18)).astype("float32"), "aux": rng.normal(size=(64, 3))}
    net = tools.small(ApogeeKeplerEchelle(), num_hidden=[12, 8], max_epochs=1)
    net.fit(x, x["aux"][:, :2])
    some = {name: array[:3] for name, array in x.items()}
    result = net.integrated_gradients(some)
    assert {name: array.shape for name, array in result.attributions.items()} == {
        "input": (3, 2, 20, 18),
        "aux": (3, 2, 3),
    }
    total = result.attributions["input"].sum(axis=(2, 3)) + result.attributions["aux"].sum(axis=2)
    np.testing.assert_allclose(total, result.difference + result.error, atol=1e-5)
    assert result.converged.all()


def test_of_a_bayesian_network_are_those_of_the_mean_network(stars, bcnn):
    first, second = (bcnn.integrated_gradients(stars.spectra[:3], label=0) for _ in range(2))
    np.testing.assert_array_equal(first.attributions, second.attributions)
    assert first.converged.all()


@pytest.mark.slow
def test_of_an_autoencoder_for_some_pixels_of_the_reconstruction(stars, tools):
    net = tools.small(ApogeeCVAE(), activation="tanh", num_hidden=[12, 8], max_epochs=1)
    net.fit(stars.spectra)
    result = net.integrated_gradients(stars.spectra[:2], label=[5, 30, 31])
    assert result.attributions.shape == (2, 3, 60)
    assert result.converged.all()


def test_more_than_the_memory_allowed_is_refused(polynomial):
    with pytest.raises(MemoryError, match=r"integrated_gradients: .*\(50, 2, 5\) needs 2 kB.*`label`"):
        polynomial.integrated_gradients(np.zeros((50, 5)), max_memory=1999)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": 64, "max_steps": 32}, "max_steps"),
        ({"rtol": -0.1}, "rtol"),
        ({"atol": "small"}, "atol"),
        ({"label": "teff"}, "no label 'teff' among mass, age"),
        ({"label": 2}, "numbers from 0 to 1, got 2"),
        ({"label": 0.5}, "numbers from 0 to 1"),
        ({"label": []}, "`label` is empty"),
        ({"baseline": np.zeros((3, 5))}, "one for each of the 2 stars"),
        ({"baseline": np.zeros((1, 6))}, "5"),
    ],
)
def test_settings_that_make_no_sense_are_refused(polynomial, settings, message):
    with pytest.raises(ValueError, match=message):
        polynomial.integrated_gradients(np.zeros((2, 5)), **settings)


def test_no_data_and_no_network_are_refused(polynomial, stars):
    with pytest.raises(ValueError, match="integrated_gradients: `x` is None"):
        polynomial.integrated_gradients()
    with pytest.raises(AttributeError, match="fit"):
        ApogeeCNN().integrated_gradients(stars.spectra[:1])
