"""Hessians against second differences of the same network by numpy in float64, and against polynomials."""

import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, ApogeeCNN, Cifar10CNN, SimplePolyNN
from astroNN.models.inspection import _gradients

from ..helpers import float64_network

SOME = [3, 11, 12, 40]


@pytest.fixture(scope="module")
def smooth(stars, tools):
    """A network of hyperbolic tangents; don't train it on."""
    net = tools.small(ApogeeCNN(), activation="tanh", lr=0.01)
    net.fit(stars.spectra, stars.labels)
    return net


@pytest.fixture(scope="module")
def smooth_bayesian(stars, tools):
    net = tools.small(ApogeeBCNN(), activation="tanh", lr=0.01)
    net.fit(stars.spectra, stars.labels)
    return net


@pytest.fixture(scope="module")
def polynomial():
    """x + 2 x^2 - x^3 of one pixel, 3 x^2 of the other, summed, in physical units."""
    net = SimplePolyNN(init_w=[[[0.0], [0.0]], [[1.0], [0.0]], [[2.0], [3.0]], [[-1.0], [0.0]]])
    net.max_epochs, net.lr, net.verbose, net.seed = 1, 0.0, 0, 1
    x = np.random.default_rng(0).uniform(-1, 1, (64, 2)).astype("float32")
    net.fit(x, x.sum(axis=1))
    return net


def assert_curvatures(hessian, layers, x):
    """Compare the pixels `SOME`; `x` normalised, of shape (n_stars, n_pixels, 1)."""
    expected = float64_network.curvatures(
        # A step of 1e-5 costs 1e-16 / 1e-10 of rounding; a longer one may reach where another pixel wins the pooling.
        lambda x: float64_network.run(layers, x),
        x.astype("float64"),
        SOME,
        1e-5,
    )
    largest = np.abs(expected).max()
    assert largest > 0
    np.testing.assert_allclose(hessian, expected, rtol=1e-3, atol=1e-4 * largest)


def normalised(net, x):
    return net._read_inputs({"input": x}, {}, np.arange(len(x)))["input"]


def test_of_spectra(stars, smooth):
    hessian = smooth.hessian(stars.spectra[:3])
    assert hessian.shape == (3, 2, 60, 60)
    assert_curvatures(
        hessian[:, :, SOME][..., SOME], smooth.keras_model.layers, normalised(smooth, stars.spectra[:3])
    )


def test_of_the_mean_network_and_of_thinned_ones(stars, smooth_bayesian):
    net = smooth_bayesian
    layers = [layer for layer in net.keras_model.layers if layer.name not in ("variance_output", "labels_err")]
    hessian = net.hessian(stars.spectra[:2], pixels=SOME)
    assert_curvatures(hessian, layers, normalised(net, stars.spectra[:2]))
    first, second = (net.hessian(stars.spectra[:2], mc_num=2) for _ in range(2))
    assert np.abs(first - second).max() > 0
    # Symmetric only if all rows are those of the same thinned network.
    np.testing.assert_allclose(first, first.swapaxes(-1, -2), atol=1e-5 * np.abs(first).max())


def test_thinned_networks_are_the_same_in_all_chunks(stars, smooth_bayesian, monkeypatch):
    monkeypatch.setattr(_gradients, "_ELEMENTS", 4 * 7 * 2400)  # a few rows at a time
    smooth_bayesian._derivatives.clear()
    hessian = smooth_bayesian.hessian(stars.spectra[:1], mc_num=1)
    np.testing.assert_allclose(hessian, hessian.swapaxes(-1, -2), atol=1e-5 * np.abs(hessian).max())


def test_of_a_polynomial_is_exact(polynomial):
    x = np.array([[0.5, -0.2], [-1.0, 0.3]], "float32")
    hessian = polynomial.hessian(x)
    np.testing.assert_allclose(hessian[:, 0, 0, 0], 4 - 6 * x[:, 0], rtol=1e-5)
    np.testing.assert_allclose(hessian[:, 0, 1, 1], 6, rtol=1e-5)
    assert not hessian[:, 0, 0, 1].any() and not hessian[:, 0, 1, 0].any()
    assert polynomial.hessian(x, mean_output=True).shape == (1, 2, 2)


@pytest.mark.slow
@pytest.mark.parametrize("mode", [2, 3])
def test_in_physical_units_both_pixels_are_scaled(stars, tools, mode):
    net = tools.small(ApogeeCNN(), activation="tanh", input_norm_mode=mode, max_epochs=1)
    net.fit(stars.spectra, stars.labels)
    std_x = np.broadcast_to(net.input_std["input"], 60).astype("float64")[SOME]
    scale = net.labels_std["output"][:, None, None] / (std_x[:, None] * std_x)
    whole = net.hessian(stars.spectra[:1], denormalize=True, pixels=SOME)
    # Divided by its scale again, since that of Teff would hide the other label.
    assert_curvatures(whole / scale, net.keras_model.layers, normalised(net, stars.spectra[:1]))
    diagonal = net.hessian(stars.spectra[:1], denormalize=True, pixels=SOME, diagonal=True)
    np.testing.assert_allclose(diagonal, np.einsum("ndpp->ndp", whole), rtol=1e-5)


def test_the_diagonal_chosen_pixels_and_means_are_parts_of_the_whole(stars, smooth):
    whole = smooth.hessian(stars.spectra[:3])
    scale = np.abs(whole).max()

    def assert_same(part, expected):
        assert part.shape == expected.shape
        np.testing.assert_allclose(part, expected, atol=1e-6 * scale, rtol=1e-4)

    diagonal = np.einsum("ndpp->ndp", whole)
    assert_same(smooth.hessian(stars.spectra[:3], diagonal=True), diagonal)
    assert_same(smooth.hessian_diag(stars.spectra[:3], pixels=SOME), diagonal[..., SOME])
    mask = np.isin(np.arange(60), SOME)
    assert_same(smooth.hessian(stars.spectra[:3], pixels=mask), whole[:, :, SOME][..., SOME])
    assert_same(smooth.hessian(stars.spectra[:3], pixels=SOME[::-1]), whole[:, :, SOME[::-1]][..., SOME[::-1]])
    assert_same(smooth.hessian(stars.spectra[:3], mean_output=True), whole.mean(axis=0))
    assert_same(smooth.hessian_diag(stars.spectra[:3], mean_output=True), diagonal.mean(axis=0))


def test_small_chunks_change_nothing(stars, smooth, monkeypatch):
    whole = smooth.hessian(stars.spectra[:3], pixels=np.arange(20))
    monkeypatch.setattr(_gradients, "_ELEMENTS", 4 * 7 * 2400)
    chunked = smooth.hessian(stars.spectra[:3], pixels=np.arange(20))
    np.testing.assert_allclose(chunked, whole, atol=1e-6 * np.abs(whole).max())


def test_a_missing_pixel_has_empty_rows_and_columns(stars, smooth, tools):
    spectra = tools.changed(stars.spectra[:2], (slice(None), slice(10, 12)), np.nan)
    hessian = smooth.hessian(spectra, pixels=SOME)
    assert not hessian[:, :, 1].any() and not hessian[:, :, :, 1].any()
    assert hessian[:, :, 2, 2].all()
    assert not smooth.hessian_diag(spectra, pixels=SOME)[..., 1].any()


def test_an_image_keeps_its_axes(tools):
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (64, 8, 9, 3)).astype("float32")
    net = tools.small(Cifar10CNN(), num_hidden=[6, 5], activation="tanh", max_epochs=1)
    net.fit(images, np.eye(10)[rng.integers(0, 10, 64)])
    assert net.hessian_diag(images[:1]).shape == (1, 10, 8, 9, 3)
    mask = np.zeros((8, 9, 3), bool)
    mask[2, 3], mask[5, 1, 0] = True, True
    assert net.hessian(images[:1], pixels=mask).shape == (1, 10, 4, 4)
    with pytest.raises(MemoryError, match=r"\(1, 10, 8, 9, 3, 8, 9, 3\)"):
        net.hessian(images[:1], max_memory=1e6)


def test_networks_of_planes_have_none_and_say_so(stars, cnn, tools):
    with pytest.warns(UserWarning, match="all second derivatives are zero.*tanh"):
        assert not cnn.hessian(stars.spectra[:2], pixels=SOME).any()
    linear = tools.small(tools.Linear(), max_epochs=1)
    linear.fit(stars.spectra, stars.labels)
    with pytest.warns(UserWarning, match="all second derivatives are zero"):
        linear.hessian_diag(stars.spectra[:1])


def test_more_than_the_memory_allowed_is_refused_with_what_would_fit(stars, smooth):
    with pytest.raises(MemoryError, match=r"hessian: .*\(10, 2, 60, 60\) needs 288 kB.*allows 100 kB") as error:
        smooth.hessian(stars.spectra[:10], max_memory=1e5)
    for way in ("diagonal=True", "pixels", "mean_output=True", "fewer stars", "max_memory"):
        assert way in str(error.value)
    assert smooth.hessian(stars.spectra[:10], max_memory=1e5, mean_output=True).shape == (2, 60, 60)
    assert smooth.hessian(stars.spectra[:10], max_memory=1e5, diagonal=True).shape == (10, 2, 60)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        ([60], "pixels 0 to 59, got 60"),
        ([-1], "got -1"),
        ([], "dtype float64 and shape"),
        (np.array([], int), "chooses no pixel"),
        ([1.5], "dtype float64"),
        ([[1, 2]], "shape"),
        (np.zeros(60, bool), "chooses no pixel"),
        (np.ones(61, bool), "mask of shape"),
    ],
)
def test_pixels_that_are_not_there_are_refused(stars, smooth, pixels, message):
    with pytest.raises(ValueError, match=message):
        smooth.hessian(stars.spectra[:1], pixels=pixels)


def test_no_data_and_no_network_are_refused(stars, smooth):
    with pytest.raises(ValueError, match="hessian: `x` is None"):
        smooth.hessian()
    with pytest.raises(ValueError, match="mc_num"):
        smooth.hessian(stars.spectra[:1], mc_num=0)
    with pytest.raises(AttributeError, match="fit"):
        ApogeeCNN().hessian(stars.spectra[:1])
