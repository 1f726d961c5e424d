"""Every ready-made network has a page with all that a user looks for, and its samples are what they say."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from astroNN import models

pytestmark = pytest.mark.one_backend

SOURCE = Path(__file__).resolve().parents[2] / "docs" / "source"
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in sorted((SOURCE / "models").glob("*.rst"))}
NETWORKS = sorted(
    {
        kind.__name__
        for name in models.__all__
        if inspect.isclass(kind := getattr(models, name))
        and not inspect.isabstract(kind)
        and issubclass(kind, (models.NeuralNetMaster, models.DeepEnsemble))
    }
)
SECTIONS = ("Layers", "Defaults", "Training", "Results", "Limits", "Paper")


def page_of(name):
    found = [text for text in PAGES.values() if f":class:`{name}`" in text.split("\nLayers\n")[0]]
    # Others are mentioned; its own page names it in the line of the class.
    return next(text for text in found if re.search(rf"^Class(es)?: .*:class:`{name}`", text, re.MULTILINE))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_a_page_with_all_sections(name):
    text = page_of(name)
    titles = re.findall(r"^(\w[\w ]*)\n-+$", text, re.MULTILINE)
    assert [title.split(" ")[0] for title in titles] == list(SECTIONS)
    assert "**What for.**" in text
    assert ">>> " in text and ".fit(" in text
    if name != "DeepEnsemble":
        assert f".. architecture:: {name}\n" in text and f".. defaults:: {name}\n" in text


def test_the_pages_are_linked_and_in_the_table_of_defaults():
    listed, overview = (
        (SOURCE / "networks.rst").read_text(encoding="utf-8"),
        (SOURCE / "models.rst").read_text("utf-8"),
    )
    for page in PAGES:
        assert f"   models/{page}\n" in listed
        assert f"<models/{page}>`" in overview
    table = listed.split(".. defaults:: ")[1].split("\n\n")[0].split()
    assert sorted(table) == [name for name in NETWORKS if name != "DeepEnsemble"]


@pytest.fixture(scope="module")
def samples(load_benchmark):
    return load_benchmark("model_samples")


@pytest.fixture(scope="module")
def stars(samples):
    return samples.giants(300, 5)[0]


def test_the_luminosity_is_that_of_gravity_temperature_and_mass(samples, stars):
    # L = 4 pi R^2 sigma T^4 with R^2 = G M / g, in SI units.
    gravity, teff, mass = 0.01 * 10.0 ** stars.true("logg"), stars.true("teff"), 1.3
    radius2 = 6.6743e-11 * mass * 1.98841e30 / gravity
    solar = 4 * np.pi * radius2 * 5.670374e-8 * teff**4 / 3.828e26
    np.testing.assert_allclose(samples.luminosity(stars, mass), np.log10(solar), atol=0.002)


def test_the_oscillations_are_where_the_scaling_relations_have_them(samples, stars):
    nu_max = samples.frequency_of_maximum(stars)
    # A giant of the red clump, log g 2.45 and 4800 K, oscillates at some 35 microhertz.
    clump = (abs(stars.true("logg") - 2.45) < 0.05) & (abs(stars.true("teff") - 4800) < 150)
    assert clump.any() and 28 < np.median(nu_max[clump]) < 42
    some = nu_max[(nu_max > 20) & (nu_max < 120)]
    diagrams = samples.echelle_diagrams(some, np.random.default_rng(0))
    assert diagrams.min() >= 0 and diagrams.max() <= 255
    excess = np.clip(diagrams.mean(axis=2) - 26.0, 0.0, None) ** 2
    order = (excess * (np.arange(24) + 0.5)).sum(axis=1) / excess.sum(axis=1)
    np.testing.assert_allclose(order, some / (0.267 * some**0.764), atol=1.0)


def test_the_power_spectra_have_their_bump_at_the_maximum(samples, stars):
    nu_max = samples.frequency_of_maximum(stars)
    seen, truth = samples.power_spectra(stars, np.random.default_rng(0))
    nu = np.geomspace(3.0, 280.0, truth.shape[1])
    inside = (nu_max > 15) & (nu_max < 150)
    at = nu_max[:, None]
    without = 50.0 + (3500.0 * at**-0.6) ** 2 / at / (1.0 + (nu / (0.9 * at)) ** 4)
    peak = nu[(10**truth - without).argmax(axis=1)]
    np.testing.assert_allclose(peak[inside], nu_max[inside], rtol=0.02)  # a bin is 1.8%
    # The mean of ten exponential variables has a spread of 1 / sqrt(10).
    assert (10.0 ** (seen - truth)).std() == pytest.approx(10**-0.5, rel=0.02)


def test_the_parallaxes_have_the_zero_point_and_their_errors(samples, stars):
    made = samples.stars_with_parallaxes(stars, np.random.default_rng(0))
    pull = (made.parallax - made.true_parallax - samples.ZERO_POINT) / made.error
    assert abs(pull.mean()) < 5 / np.sqrt(300) and abs(pull.std() - 1) < 5 / np.sqrt(600)
    # Giants of the clump have an absolute Ks magnitude of -1.6.
    absolute = made.magnitude + 5 * np.log10(made.true_parallax) - 10
    clump = (abs(stars.true("logg") - 2.45) < 0.05) & (abs(stars.true("teff") - 4800) < 150)
    assert abs(np.median(absolute[clump]) + 1.6) < 0.3


def test_the_parts_of_a_sample_have_no_star_in_common(samples):
    train, test = samples.giants(300, 5)
    assert not (train.spectra[:, None, :50] == test.spectra[None, :, :50]).all(axis=2).any()
    (images, classes), (unseen, truth) = samples.digit_samples()
    assert (len(images), len(unseen)) == (1400, 397) and set(classes) == set(truth) == set(range(10))
