"""Spectra unlike the training's, simulated and observed."""

import io
import zipfile

import h5py
import numpy as np
import pytest
from scipy.linalg import subspace_angles

from astroNN.apogee import network_input, read_aspcapstar
from astroNN.datasets import simulate_apogee
from astroNN.nn.calibration import OutOfDistribution
from astroNN.nn.calibration._pixel_components import fit_pixel_model
from astroNN.shared.errors import FolderError

pytestmark = pytest.mark.one_backend

WINDOW = slice(2000, 2800)  # of the 7514 pixels: tests take seconds
N_TRAINING = 900


def linear_stars(n, seed, n_pixels=200, n_components=3, noise=0.02):
    """Stars that are just what the model says: a mean, components of known variance, Gaussian noise."""
    components = np.linalg.qr(np.random.default_rng(99).normal(size=(n_pixels, n_components)))[0].T
    rng = np.random.default_rng(seed)
    coefficients = rng.normal(size=(n, n_components)) * [1.0, 0.5, 0.3][:n_components]
    spectra = 1 + coefficients @ components + rng.normal(size=(n, n_pixels)) * noise
    return spectra.astype("float32"), components


@pytest.fixture(scope="module")
def giants():
    survey = simulate_apogee(1500, labels=("teff",), seed=3)
    return tuple(array[:, WINDOW] for array in (survey.spectra, survey.spectra_err, survey.mask)), survey.snr


@pytest.fixture(scope="module")
def known(giants):
    sample, _ = giants
    return OutOfDistribution(n_components=15).fit(*(array[:N_TRAINING] for array in sample))


@pytest.fixture(scope="module")
def others(giants):
    """Giants that were not fitted."""
    return tuple(array[N_TRAINING:] for array in giants[0])


def changed(sample, change):
    spectra, errors, mask = (array.copy() for array in sample)
    change(spectra, errors, np.random.default_rng(7))
    return spectra, errors, mask


def garbage(spectra, errors, rng):
    spectra[:, 300:600] = rng.uniform(0, 2, (len(spectra), 300))


def spikes(spectra, errors, rng):
    for star in spectra:
        star[rng.choice(spectra.shape[1], 20, replace=False)] += 0.5


def slope(spectra, errors, rng):
    spectra *= np.linspace(0.97, 1.03, spectra.shape[1], dtype="float32")


def noise(spectra, errors, rng):
    spectra += (3 * rng.normal(size=spectra.shape) * errors).astype("float32")


def shift(pixels):
    def move(spectra, errors, rng):
        for array in (spectra, errors):
            array[:] = np.roll(array, pixels, axis=1)

    return move


KINDS = {"garbage": garbage, "spikes": spikes, "slope": slope, "noise": noise}
KINDS |= {f"shifted by {n}": shift(n) for n in (3, 10, 30)}


@pytest.mark.parametrize("false_alarm", [0.02, 0.05, 0.2])
def test_usual_stars_are_flagged_as_rarely_as_asked(known, others, false_alarm):
    rate = known.is_outlier(*others, false_alarm=false_alarm).mean()
    # Both samples scatter: the stars that set the threshold, and those that are judged.
    n = len(others[0]), len(known.calibration_scores)
    err = np.sqrt(false_alarm * (1 - false_alarm) * (1 / n[0] + 1 / n[1]))
    assert abs(rate - false_alarm) < 3.5 * err


def test_the_rate_is_right_on_average_over_the_choice_of_held_back_stars():
    rates = []
    for seed in range(12):
        spectra, _ = linear_stars(1300, seed, n_pixels=60)
        known = OutOfDistribution(n_components=3, seed=seed).fit(spectra[:300])
        assert len(known.calibration_scores) == 53
        rates.append(known.is_outlier(spectra[300:], false_alarm=0.1).mean())
    # Floor of 0.1 * 54 ranks: 5 / 54. Each choice scatters as a Beta distribution, by 0.04.
    assert abs(np.mean(rates) - 5 / 54) < 4 * np.sqrt(0.1 * 0.9 / 53 / 12)


@pytest.mark.parametrize("kind", KINDS)
def test_spectra_of_another_kind_are_found(known, others, kind):
    assert known.is_outlier(*changed(others, KINDS[kind])).mean() > 0.9


def test_stars_of_low_signal_to_noise_are_no_outliers_if_their_errors_say_so(known, giants, others):
    faint = simulate_apogee(300, labels=("teff",), snr=25.0, seed=8)
    sample = tuple(array[:, WINDOW] for array in (faint.spectra, faint.spectra_err, faint.mask))
    assert known.is_outlier(*sample).mean() < 0.15
    assert known.is_outlier(sample[0], sample[1] / 3, sample[2]).mean() > 0.9


def test_the_distances_tell_in_what_way_a_star_is_unusual():
    spectra, components = linear_stars(3000, 0)
    known = OutOfDistribution(n_components=3).fit(spectra)
    usual, rng = linear_stars(50, 1)[0], np.random.default_rng(2)
    strange = {
        "pixels": usual + rng.normal(size=usual.shape) * 0.03,
        "blocks": usual + 0.01,  # half of the noise of a pixel, 3.5 times that of a mean of 50
        "components": usual + 2.5 * components[2],
    }
    for name, stars in strange.items():
        found = known.distances(stars)
        assert max(found, key=lambda key: np.median(found[key])) == name
        np.testing.assert_array_equal(known.score(stars), np.max(list(found.values()), axis=0))
        assert known.is_outlier(stars).mean() > 0.9


def test_the_components_are_found_despite_gaps_and_outliers():
    spectra, components = linear_stars(2000, 4)
    rng = np.random.default_rng(5)
    good = rng.random(spectra.shape) > 0.2
    good[:, 17] = False
    spectra[~good] = 1e3
    spectra[rng.random(spectra.shape) < 0.002] = 50.0
    spectra[:5] = rng.uniform(0, 2, (5, 200))
    model = fit_pixel_model(lambda rows: (spectra[rows], None, good[rows]), np.arange(2000), 3, 50, 0)
    used = np.arange(200) != 17
    np.testing.assert_array_equal(model.used, used)
    # The noise turns the weakest component by noise / (sqrt(n) * its spread) in each of 200 directions.
    largest = subspace_angles(model.components[:, used].T, components[:, used].T).max()
    assert largest < 3 * 0.02 / 0.3 * np.sqrt(200 / 2000)
    np.testing.assert_allclose(np.median(model.scatter[used]), 0.02, rtol=0.02)
    np.testing.assert_allclose(model.mean[used], 1.0, atol=6 * 0.3 / np.sqrt(2000))


def test_errors_of_the_pixels_are_told_from_the_scatter_of_the_stars():
    rng = np.random.default_rng(6)
    spectra, _ = linear_stars(2000, 7, noise=0.01)
    errors = np.broadcast_to(rng.uniform(0.005, 0.05, (2000, 1)), spectra.shape).astype("float32")
    spectra = spectra + rng.normal(size=spectra.shape).astype("float32") * errors
    good = np.ones(spectra.shape, bool)
    model = fit_pixel_model(lambda rows: (spectra[rows], errors[rows], good[rows]), np.arange(2000), 3, 50, 0)
    np.testing.assert_allclose(np.median(model.scatter), 0.01, rtol=0.05)


def test_missing_pixels_may_be_marked_in_any_way(known, others):
    spectra, errors, mask = (array[:20] for array in others)
    expected = known.score(spectra, errors, mask)
    for missing in (np.nan, -9999.0):
        np.testing.assert_allclose(known.score(np.where(mask, missing, spectra), errors), expected, rtol=1e-5)
        np.testing.assert_allclose(known.score(spectra, np.where(mask, missing, errors)), expected, rtol=1e-5)
    np.testing.assert_allclose(known.score(np.where(mask, 1e5, spectra), errors, mask), expected, rtol=1e-5)


def test_a_star_with_few_good_pixels_has_no_score_and_is_flagged(known, others):
    spectra, errors, mask = (array[:3].copy() for array in others)
    mask[1, 20:] = True
    assert np.isnan(known.score(spectra, errors, mask)).tolist() == [False, True, False]
    assert known.is_outlier(spectra, errors, mask)[1]
    assert np.isnan(known.p_value(known.score(spectra, errors, mask))[1])


def test_absurd_values_are_outliers_and_no_accident(known, others):
    spectra, errors, mask = (array[:4].copy() for array in others)
    spectra[:, 100] = [1e6, -1e6, 1e30, -1e30]
    mask[:, 100] = False
    assert np.isfinite(known.score(spectra, errors, mask)).all()
    assert known.is_outlier(spectra, errors, mask).all()


def test_p_values_are_ranks_among_the_held_back_stars(known):
    scores = known.calibration_scores
    n = len(scores)
    found = known.p_value([scores[0] - 1, scores[n // 2], scores[-1] + 1, np.nan])
    np.testing.assert_allclose(found, [1.0, (1 + n - n // 2) / (n + 1), 1 / (n + 1), np.nan])
    for false_alarm in (0.05, 0.3):
        above = known.p_value(scores) <= false_alarm
        np.testing.assert_array_equal(above, scores > known.threshold(false_alarm))


def test_the_same_seed_gives_the_same_and_blocks_do_not_matter(giants, known, others):
    again = OutOfDistribution(n_components=15).fit(*(array[:N_TRAINING] for array in giants[0]))
    np.testing.assert_array_equal(again.calibration_scores, known.calibration_scores)
    whole = known.score(*others)
    one_by_one = np.concatenate([known.score(*(array[k] for array in others)) for k in range(5)])
    np.testing.assert_allclose(one_by_one, whole[:5], rtol=1e-4)


def test_spectra_in_a_file_are_read_in_blocks(tmp_path, giants, known):
    with h5py.File(tmp_path / "stars.h5", "w") as file:
        for name, array in zip(("spectra", "err", "mask"), giants[0], strict=True):
            file[name] = array
    with h5py.File(tmp_path / "stars.h5") as file:
        stars = [file[name] for name in ("spectra", "err", "mask")]
        np.testing.assert_array_equal(known.score(*stars), known.score(*giants[0]))


def test_more_stars_than_asked_for_are_drawn_from():
    spectra, _ = linear_stars(1000, 8)
    known = OutOfDistribution(n_components=3, max_stars=400).fit(spectra)
    assert len(known.calibration_scores) == 70  # 0.7 of a quarter of 400


# Storage


def test_it_is_stored_and_read_back(tmp_path, known, others):
    known.save(tmp_path / "known.npz")
    read = OutOfDistribution.load(tmp_path / "known.npz")
    np.testing.assert_array_equal(read.score(*others), known.score(*others))
    assert read.threshold(0.05) == known.threshold(0.05)
    assert (read.n_components, read.seed, read.with_errors) == (15, 0, True)
    known.save(tmp_path / "known.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["known.npz"]


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "known.npz"
    OutOfDistribution(n_components=2).fit(linear_stars(300, 9, n_pixels=40)[0]).save(path)
    return path


def rewritten(path, **changes):
    with np.load(path) as file:
        arrays = dict(file)
    arrays |= changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version"), ({"mean": None}, "it holds"), ({"extra": 1}, "it holds"),
        ({"mean": np.array(["a"] * 40)}, "dtype"), ({"mean": np.array([None] * 40)}, "dtype"),
        ({"mean": np.zeros(39, "f4")}, "`mean` has 39"), ({"components": np.zeros((2, 0))}, "`mean`"),
        ({"scatter": np.zeros(40)}, "`scatter` must be positive"), ({"scatter": np.full(40, np.nan)}, "not finite"),
        ({"components": np.full((2, 40), np.inf)}, "not finite"), ({"variances": np.zeros(2)}, "must be positive"),
        ({"width": np.array([1.0, -1.0, 1.0])}, "`width` must be positive"), ({"block": -5}, "positive|needed"),
        ({"calibration_scores": np.array([2.0, 1.0])}, "ascending"), ({"centre": np.zeros(2)}, "`centre` has 2"),
        ({"calibration_scores": np.array([])}, "empty"), ({"held_back": 2.0}, "held_back"),
        ({"mean": np.asfortranarray(np.zeros((40, 2)))}, "shape"), ({"n_components": 7}, "n_components"),
    ],
)  # fmt: skip
def test_a_file_is_not_trusted(stored, changes, message):
    rewritten(stored, **changes)
    with pytest.raises(FolderError, match=message):
        OutOfDistribution.load(stored)


def test_a_truncated_or_foreign_file_is_refused(stored, tmp_path):
    data = stored.read_bytes()
    for part in (data[: len(data) // 2], b"", b"no archive"):
        stored.write_bytes(part)
        with pytest.raises(FolderError, match="damaged"):
            OutOfDistribution.load(stored)
    with pytest.raises(FileNotFoundError):
        OutOfDistribution.load(tmp_path / "none.npz")


def test_a_header_that_promises_more_than_the_file_holds_takes_no_memory(stored):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**13,)})
    with zipfile.ZipFile(stored) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["mean.npy"] = header.getvalue()
    with zipfile.ZipFile(stored, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(FolderError, match="another length"):
        OutOfDistribution.load(stored)


def test_a_compressed_member_is_refused(stored):
    with np.load(stored) as file:
        arrays = dict(file)
    np.savez_compressed(stored, **arrays)
    with pytest.raises(FolderError, match="compressed"):
        OutOfDistribution.load(stored)


# Bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 0}, "n_components"), ({"n_components": 2.5}, "n_components"), ({"block": 0}, "block"),
        ({"held_back": 0.0}, "held_back"), ({"held_back": "much"}, "held_back"), ({"max_stars": 10}, "max_stars"),
        ({"seed": -1}, "seed"),
    ],
)  # fmt: skip
def test_bad_settings_are_told(settings, message):
    with pytest.raises(ValueError, match=message):
        OutOfDistribution(**settings)


@pytest.mark.parametrize(
    ("stars", "message"),
    [
        ((np.ones((100, 50)),), "100 stars; at least 200"),
        ((np.ones((300, 30)),), "`n_components` can be 15 at most"),
        ((np.ones((300, 50, 2)),), r"must have shape \(n_stars, n_pixels\)"),
        ((np.ones((300, 50)), np.ones((300, 49))), "`spectra_err` must have the shape"),
        ((np.ones((300, 50)), None, np.zeros((299, 50))), "`mask` must have the shape"),
        ((np.ones((300, 50)), None, np.full((300, 50), 7)), "must be True"),
        ((np.full((300, 50), np.inf),), "`spectra` holds infinite values"),
        ((np.ones((300, 50)), -np.ones((300, 50))), "negative errors"),
        ((np.full((300, 50), np.nan),), "no pixel is good"),
    ],
)
def test_bad_spectra_are_told(stars, message):
    with pytest.raises(ValueError, match=message):
        OutOfDistribution().fit(*stars)


def test_what_it_was_not_fitted_for_is_told(known, others):
    spectra, errors, mask = (array[:5] for array in others)
    with pytest.raises(ValueError, match="give `spectra_err`"):
        known.score(spectra, mask=mask)
    with pytest.raises(ValueError, match="has 799 pixels, but it was fitted on 800"):
        known.score(spectra[:, 1:], errors[:, 1:], mask[:, 1:])
    without = OutOfDistribution(n_components=3).fit(linear_stars(300, 0)[0])
    with pytest.raises(ValueError, match="without errors"):
        without.score(np.ones((1, 200)), np.ones((1, 200)))
    with pytest.raises(RuntimeError, match="call `fit`"):
        OutOfDistribution().score(spectra)
    for false_alarm in (0, 1, "often", True):
        with pytest.raises(ValueError, match="`false_alarm` must be between 0 and 1"):
            without.threshold(false_alarm)
    with pytest.raises(ValueError, match="can't set a threshold"):
        without.threshold(0.001)


@pytest.mark.slow
@pytest.mark.parametrize("with_errors", [True, False])
def test_giants_of_the_survey_against_corrupted_ones_and_observed_dwarfs(shared_data, with_errors):
    def sample(name):
        with h5py.File(shared_data / name) as file:
            return file["spectra"][:], file["spectra_err"][:] if with_errors else None, file["mask"][:] > 0

    known = OutOfDistribution().fit(*sample("apogee_sample_train.h5"))
    usual = sample("apogee_sample_test.h5")
    err = np.sqrt(0.05 * 0.95 * (1 / 1000 + 1 / len(known.calibration_scores)))
    assert abs(known.is_outlier(*usual).mean() - 0.05) < 3 * err
    with h5py.File(shared_data / "apogee_sample_test.h5") as file:
        errors = file["spectra_err"][:]
    for kind, change in KINDS.items():
        spectra, moved = usual[0].copy(), errors.copy()
        # Without errors, noise of three errors is nothing unusual for the best spectra; of eight it is.
        change(spectra, moved if with_errors or kind != "noise" else 8 / 3 * moved, np.random.default_rng(0))
        stars = spectra, moved if with_errors else None, usual[2]
        assert known.is_outlier(*stars).mean() > 0.9, kind
    giant = "aspcapStar-r6-l30e.2-2M17334253-1654573.fits"
    files = [path for path in sorted((shared_data / "spectra").glob("aspcapStar-*.fits")) if path.name != giant]
    flux, flux_err, mask = network_input([read_aspcapstar(path) for path in files])
    assert known.is_outlier(flux, flux_err if with_errors else None, mask).all()
