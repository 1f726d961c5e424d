"""Derivatives of labels by pixels, against finite differences of a network computed by numpy in float64."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def slopes(stars, bcnn, tools):
    """Physical derivatives of the mean network, labels per unit of flux."""
    return tools.slopes_by_hand(lambda x: tools.labels_by_hand(bcnn, x), stars.spectra[:5].astype("float64"))


def test_the_jacobian_in_physical_units_is_the_slope_of_the_labels(stars, bcnn, slopes):
    jacobian = bcnn.jacobian(stars.spectra[:5], denormalize=True)
    assert jacobian.shape == (5, 2, 60)
    for label in range(2):
        scale = np.abs(slopes[:, label]).max()
        np.testing.assert_allclose(jacobian[:, label], slopes[:, label], atol=1e-4 * scale)


@pytest.mark.parametrize("mode", [2, 3])
def test_the_plain_jacobian_is_in_normalised_units(stars, bcnn, cnn, slopes, mode):
    jacobian = bcnn.jacobian(stars.spectra[:5])
    std_y, std_x = bcnn.labels_std["output"], np.broadcast_to(bcnn.input_std["input"], 60)
    expected = slopes * std_x / std_y[:, None]
    np.testing.assert_allclose(jacobian, expected, atol=1e-4 * np.abs(expected).max())


def test_pixels_scaled_one_by_one_are_denormalised_one_by_one(stars, tools):
    net = tools.small(tools.Linear(), input_norm_mode=2)
    net.fit(stars.spectra, stars.labels)
    kernel = net.get_weights()[0].T  # (2, 60): the slopes of a linear network are its weights
    np.testing.assert_allclose(net.jacobian(stars.spectra[:1])[0], kernel, rtol=1e-5)
    physical = kernel * net.labels_std["output"][:, None] / net.input_std["input"]
    assert net.input_std["input"].shape == (60,)
    np.testing.assert_allclose(net.jacobian(stars.spectra[:1], denormalize=True)[0], physical, rtol=1e-5)


def test_one_star_keeps_its_axis_and_the_mean_loses_it(stars, cnn):
    assert cnn.jacobian(stars.spectra[:1]).shape == (1, 2, 60)
    assert cnn.jacobian(stars.spectra[0]).shape == (1, 2, 60)
    each = cnn.jacobian(stars.spectra[:70])
    assert each.shape == (70, 2, 60)
    mean = cnn.jacobian(stars.spectra[:70], mean_output=True)
    np.testing.assert_allclose(mean, each.mean(axis=0), rtol=1e-5, atol=1e-7)


def test_one_label_keeps_its_axis(stars, tools):
    net = tools.small(tools.Linear(), targetname=["teff"], max_epochs=1)
    net.fit(stars.spectra, stars.labels[:, 0])
    assert net.predict(stars.spectra[:3]).shape == (3, 1)
    assert net.jacobian(stars.spectra[:3]).shape == (3, 1, 60)


def test_a_missing_pixel_has_no_influence(stars, bcnn, tools):
    spectra = tools.changed(stars.spectra[:3], (slice(None), slice(0, 9)), np.nan)
    jacobian = bcnn.jacobian(spectra)
    assert (jacobian[:, :, :9] == 0).all()
    assert (np.abs(jacobian[:, :, 9:]).max(axis=-1) > 0).all()
    mask = np.isnan(spectra)
    np.testing.assert_array_equal(bcnn.jacobian(stars.spectra[:3], mask=mask), jacobian)


def test_thinned_networks_differ_and_their_average_approaches_the_mean_network(stars, bcnn):
    draws = [bcnn.jacobian(stars.spectra[:20], mc_num=1, mean_output=True) for _ in range(2)]
    assert np.abs(draws[0] - draws[1]).max() > 0
    mean = bcnn.jacobian(stars.spectra[:20], mean_output=True)
    average = bcnn.jacobian(stars.spectra[:20], mc_num=30, mean_output=True)
    of_one = np.mean([np.abs(draw - mean).mean() for draw in draws])
    # sqrt(1/30) = 0.18 of the scatter of one draw is left, and the curvature of the network.
    assert np.abs(average - mean).mean() < 0.6 * of_one + 0.02 * np.abs(mean).max()


def test_a_later_training_is_seen(stars, tools):
    net = tools.small(tools.Linear())
    net.fit(stars.spectra, stars.labels)
    first = net.jacobian(stars.spectra[:1])
    net.fit(stars.spectra, stars.labels)
    np.testing.assert_allclose(net.jacobian(stars.spectra[:1])[0], net.get_weights()[0].T, rtol=1e-5)
    assert np.abs(net.jacobian(stars.spectra[:1]) - first).max() > 0


def test_no_data_and_wrong_shapes_are_refused(stars, bcnn):
    with pytest.raises(ValueError, match="`x` is None"):
        bcnn.jacobian()
    for wrong in (stars.spectra[:2, :50], np.zeros((2, 60, 3)), np.zeros((2, 60, 1, 1))):
        with pytest.raises(ValueError, match="60"):
            bcnn.jacobian(wrong)


@pytest.mark.parametrize("mc_num", [0, -1, 1.5])
def test_no_passes_are_refused(stars, bcnn, mc_num):
    with pytest.raises(ValueError, match="mc_num"):
        bcnn.jacobian(stars.spectra[:2], mc_num=mc_num)
