"""Autoencoders reconstruct simulated spectra and images better than as many principal components."""

import numpy as np
import pytest

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def benchmark(load_benchmark):
    return load_benchmark("autoencoder")


def test_components_of_a_plane_reconstruct_it_exactly(benchmark):
    rng = np.random.default_rng(0)
    plane = 3.0 + rng.normal(size=(50, 2)) @ rng.normal(size=(2, 7))
    one, two, three = benchmark.pca_reconstructions(plane[:40], plane[40:], most=3)
    assert benchmark.rms(one - plane[40:]) > 0.1
    np.testing.assert_allclose(two, plane[40:], atol=1e-12)
    np.testing.assert_allclose(three, plane[40:], atol=1e-12)


@pytest.mark.slow
def test_two_latent_variables_of_giants_beat_two_components(benchmark):
    found = benchmark.compare(benchmark.spectra_network(2), benchmark.giants(), "spectra", seed=2)
    assert found["vae"] < 0.9 * found["pca"][1]
    assert found["vae_noisy"] < found["pca_noisy"][1]


@pytest.mark.slow
def test_four_latent_variables_of_galaxies_beat_four_components(benchmark):
    found = benchmark.compare(benchmark.GalaxyVAE(), benchmark.galaxies(), "images", seed=2)
    assert found["vae"] < 0.9 * found["pca"][3]
    assert found["vae_noisy"] < found["pca_noisy"][3]
