"""Each element from its own lines: what the censored network is for, shown on simulated stars."""

import numpy as np
import pytest

from astroNN.datasets.simulator import synthesize_giants

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def benchmark(load_benchmark):
    return load_benchmark("censored_elements")


@pytest.fixture(scope="module")
def samples(benchmark):
    return {kind: benchmark.make_stars(60, kind, seed=3, bad_pixels=0.0) for kind in benchmark.SAMPLES}


def test_the_samples_are_what_their_names_say(benchmark, samples):
    al_mg = {kind: stars.truth("Al") - stars.truth("Mg") for kind, stars in samples.items()}
    assert abs(al_mg["bound"].std() / benchmark.SCATTER - 1) < 5 / np.sqrt(2 * 60)
    assert al_mg["free"].min() < -0.3 and al_mg["free"].max() > 0.3
    mg_fe, al_fe = (samples["cluster"].truth(name) - samples["cluster"].truth("Fe") for name in ("Mg", "Al"))
    assert np.corrcoef(mg_fe, al_fe)[0, 1] < -0.2


def test_aluminium_shows_in_its_window_and_magnesium_does_not(benchmark):
    # The premise of the experiment: in the window 0.1 dex of Al weighs much more than 0.1 dex of Mg.
    window = benchmark.windows()["Al"]
    al, mg = (np.diff(synthesize_giants(4600.0, 2.2, **{name: [-0.1, 0.1]}), axis=0)[0] for name in ("Al", "Mg"))
    assert (al[window] ** 2).sum() > 0.8 * (al**2).sum()
    assert (mg[window] ** 2).sum() < 0.1 * (al[window] ** 2).sum()
    assert sum(pixels.sum() for pixels in benchmark.windows().values()) == 7514


def test_the_scores_tell_what_a_prediction_follows(benchmark, samples):
    stars = samples["free"]
    perfect = benchmark.aluminium_scores(stars.truth("Al"), stars)
    assert perfect["rms"] == perfect["bias"] == 0
    np.testing.assert_allclose([perfect[name] for name in ("al", "mg", "fe")], [1, 0, 0], atol=1e-5)
    misled = benchmark.aluminium_scores(stars.truth("Mg") + 0.1, stars)
    np.testing.assert_allclose([misled[name] for name in ("al", "mg", "fe")], [0, 1, 0], atol=1e-5)
    al_mg = stars.truth("Al") - stars.truth("Mg")
    assert misled["rms"] == pytest.approx(np.sqrt(((al_mg - 0.1) ** 2).mean()), rel=1e-5)


def test_the_responses_of_a_linear_network_are_those_by_hand(benchmark, samples):
    stars = benchmark.Stars(*(array[:3] for array in samples["free"]))
    weights = np.random.default_rng(0).normal(size=7514)

    class Linear:
        def jacobian(self, x, denormalize):
            assert denormalize
            jacobian = np.zeros((len(x), len(benchmark.LABELS), 7514))
            jacobian[:, benchmark.LABELS.index("Al")] = weights
            return jacobian

    found = benchmark.responses(Linear(), stars)
    true = {name: stars.truth(name).astype("float64") for name in benchmark.MEASURED if name not in ("teff", "logg")}
    more, less = (
        synthesize_giants(stars.truth("teff"), stars.truth("logg"), **(true | {"Mg": true["Mg"] + step})) @ weights
        for step in (0.05, -0.05)
    )
    np.testing.assert_allclose(sum(found["Mg"].values()), (more - less).mean() / 0.1, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_the_censored_network_follows_aluminium_where_it_leaves_magnesium(benchmark):
    stars = benchmark.make_stars(2000, "bound", seed=50)
    samples = {kind: benchmark.make_stars(200, kind, seed=51 + k) for k, kind in enumerate(benchmark.SAMPLES)}
    whole, censored = (
        benchmark.score(benchmark.train(network, stars, 20, 0.001, 32, seed=4), samples, n_derivatives=50)
        for network in benchmark.NETWORKS
    )
    for kind in ("free", "cluster"):
        assert censored["scores"][kind]["rms"] < whole["scores"][kind]["rms"]
        assert censored["scores"][kind]["al"] > whole["scores"][kind]["al"] + 0.1
