"""Autoencoders reconstruct simulated spectra and images better than as many principal components."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from astroNN.datasets.simulator import synthesize_giants

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def benchmark():
    """The script whose figures the documentation shows."""
    path = Path(__file__).parents[2] / "benchmarks" / "autoencoder.py"
    spec = importlib.util.spec_from_file_location("autoencoder_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_components_of_a_plane_reconstruct_it_exactly(benchmark):
    rng = np.random.default_rng(0)
    plane = 3.0 + rng.normal(size=(50, 2)) @ rng.normal(size=(2, 7))
    one, two, three = benchmark.pca_reconstructions(plane[:40], plane[40:], most=3)
    assert benchmark.rms(one - plane[40:]) > 0.1
    np.testing.assert_allclose(two, plane[40:], atol=1e-12)
    np.testing.assert_allclose(three, plane[40:], atol=1e-12)


def test_one_latent_variable_follows_the_giant_branch_better_than_one_component(benchmark):
    # Spectra along the branch are a curve: lines grow and saturate as giants cool.
    rng = np.random.default_rng(1)
    logg = rng.uniform(0.5, 3.3, 640)
    truth = synthesize_giants(4625.0 + 457.0 * (logg - 2.5), logg)[:, 4000:4096]
    noisy = truth + rng.normal(0.0, 0.01, truth.shape).astype("float32")
    sample = benchmark.Sample(noisy[:512], noisy[512:], truth[512:])
    net = benchmark.spectra_network(latent_dim=1, epochs=30)
    found = benchmark.compare(net, sample, "giant branch", seed=1)
    assert found["vae"] < 0.8 * found["pca"][0]
    assert found["vae_noisy"] < found["pca_noisy"][0]


def test_latent_variables_of_images_beat_as_many_components(benchmark):
    sample = benchmark.galaxies(512, 128, size=16, seed=3)
    net = benchmark.GalaxyVAE()
    net.latent_dim, net.max_epochs, net.lr = 3, 20, 0.005
    found = benchmark.compare(net, sample, "small images", seed=1)
    assert found["vae"] < found["pca"][2]


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
