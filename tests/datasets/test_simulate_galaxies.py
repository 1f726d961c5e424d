"""Simulated galaxies against astropy's profiles, dense integrals, and the formulas of noise and classes."""

import numpy as np
import pytest
from astropy.convolution import Gaussian2DKernel, Moffat2DKernel, convolve_fft
from astropy.modeling.models import Sersic2D
from scipy.special import erf, gammainc, gammaincinv

from astroNN.datasets import GALAXY_SURVEYS, GalaxySurvey, morphology_labels, simulate_galaxies
from astroNN.datasets.galaxies import rendering

pytestmark = pytest.mark.one_backend

SMALL = GALAXY_SURVEYS["CANDELS"].replace(shape=(33, 29), psf=3.0, moffat_beta=None)
ROUND = {"x_offset": 0.0, "y_offset": 0.0, "bulge_axis_ratio": 1.0, "disk_axis_ratio": 1.0}


def bulge(survey, **parameters):
    """Image without noise of one bulge of one count."""
    named = {f"bulge_{name}" if name in ("index", "radius", "axis_ratio", "position_angle") else name: value
             for name, value in parameters.items()}  # fmt: skip
    galaxy = simulate_galaxies(
        1, survey, noise=False, bulge_to_total=1.0, magnitude=survey.zero_point,
        **({"x_offset": 0.0, "y_offset": 0.0} | named),
    )  # fmt: skip
    return galaxy.images[0, ..., 0].astype("float64")


def by_rings(shape, fwhm, index, radius, axis_ratio, position_angle, x_offset, y_offset, farthest=60.0):
    """The same by brute force: light in points on ellipses, each spread by a Gaussian over pixels, which is exact.

    Radii are Gauss-Legendre nodes of the fourth root: they are as dense in the cusp as it needs.
    """
    nodes, weights = np.polynomial.legendre.leggauss(400)
    end = farthest**0.25
    u = 0.5 * end * (nodes + 1)
    m, dm = u**4, 0.5 * end * weights * 4 * u**3
    b = gammaincinv(2 * index, 0.5)
    profile = np.exp(-b * (m / radius) ** (1 / index))
    # The total out to infinity, by a sum over the same kind of nodes
    far = np.linspace(0, 1, 100_001)[1:] ** 4 * 1e6 * radius
    total = np.trapezoid(np.exp(-b * (far / radius) ** (1 / index)) * far, far)
    n_angles = 384
    angle = 2 * np.pi * np.arange(n_angles) / n_angles
    major, minor = m[:, None] * np.cos(angle), axis_ratio * m[:, None] * np.sin(angle)
    light = np.broadcast_to((profile * m * dm / total / n_angles)[:, None], major.shape).ravel()
    turn = np.radians(position_angle)
    y = (major * np.cos(turn) - minor * np.sin(turn)).ravel() + y_offset
    x = (-major * np.sin(turn) - minor * np.cos(turn)).ravel() + x_offset

    def spread(position, size):
        edges = np.arange(size + 1) - size / 2
        steps = erf((edges[:, None] - position) * np.sqrt(4 * np.log(2)) / fwhm)
        return 0.5 * np.diff(steps, axis=0)

    return (spread(y, shape[0]) * light) @ spread(x, shape[1]).T


@pytest.mark.parametrize(
    ("index", "radius", "axis_ratio", "fwhm"),
    [
        (4.0, 3.0, 0.8, 3.0),
        (4.0, 0.3, 1.0, 2.0),  # a bulge that is nearly a point
        (4.0, 8.0, 0.3, 2.0),
        (1.0, 2.0, 0.1, 3.0),  # a disk that is nearly a line
        (8.0, 4.0, 0.6, 2.0),
        (0.5, 3.0, 0.5, 2.0),
    ],
)
def test_images_are_the_profile_behind_the_psf_integrated_over_pixels(index, radius, axis_ratio, fwhm):
    place = {"position_angle": 33.0, "x_offset": 0.31, "y_offset": -1.23}
    shape = (21, 17)
    image = bulge(SMALL.replace(shape=shape, psf=fwhm), index=index, radius=radius, axis_ratio=axis_ratio, **place)
    truth = by_rings(shape, fwhm, index, radius, axis_ratio, **place)
    # What is neglected: 1e-5 of the PSF's frequencies and of the tabulated transform, 3e-6 of the window.
    np.testing.assert_allclose(image, truth, rtol=0, atol=3e-5 * truth.max())


@pytest.mark.parametrize(
    ("kernel", "settings"),
    [
        (lambda fine: Gaussian2DKernel(3 * fine / np.sqrt(8 * np.log(2)), x_size=121), {}),
        (lambda fine: Moffat2DKernel(1.5 * fine / np.sqrt(2 ** (1 / 3) - 1), 3, x_size=281), {"moffat_beta": 3.0}),
    ],
    ids=["Gaussian", "Moffat"],
)
def test_a_disk_is_that_of_astropy(kernel, settings):
    fine, margin, angle = 5, 26, 25.0
    rows, columns = (fine * (n + 2 * margin) for n in SMALL.shape)
    y, x = np.mgrid[:rows, :columns]
    y, x = (y + 0.5) / fine - 0.5 * rows / fine - 0.4, (x + 0.5) / fine - 0.5 * columns / fine + 0.7
    # Its angle counts from the x axis; its amplitude is the intensity at the half-light radius.
    b = gammaincinv(2.0, 0.5)
    amplitude = b**2 * np.exp(-b) / (2 * np.pi * 5.0**2 * 0.4)
    model = Sersic2D(amplitude, r_eff=5.0, n=1.0, ellip=0.6, theta=np.radians(angle + 90.0))
    spread = convolve_fft(model(x, y) / fine**2, kernel(fine), normalize_kernel=True, boundary="fill")
    binned = spread.reshape(rows // fine, fine, columns // fine, fine).sum(axis=(1, 3))
    truth = binned[margin:-margin, margin:-margin]
    image = simulate_galaxies(
        1, SMALL.replace(**settings), noise=False, bulge_to_total=0.0, magnitude=SMALL.zero_point,
        disk_radius=5.0, disk_axis_ratio=0.4, disk_position_angle=angle, x_offset=-0.7, y_offset=0.4,
    ).images[0, ..., 0]  # fmt: skip
    # Points 1/5 pixel apart miss the square of that, over 24, times the curvature: of the PSF, 5.5 / 3^2 at most. The
    # kernel of the Moffat profile ends 28 pixels out, where 1e-4 of the light is missing.
    np.testing.assert_allclose(image, truth, rtol=0, atol=(0.04 / 24 * 5.5 / 9 + 1e-4) * truth.max())


@pytest.mark.parametrize("index", [1.0, 4.0])
def test_half_of_the_light_is_within_the_half_light_radius(index):
    survey = SMALL.replace(shape=(101, 101), psf=1.0)
    image = bulge(survey, index=index, radius=15.0, axis_ratio=1.0)
    y, x = np.mgrid[-50:51, -50:51]
    inside = image[np.hypot(y, x) < 15.0].sum()
    # Pixels on the rim are in or out: an error of 0.29 pixel each, for 94 of the intensity there; 5 standard errors.
    intensity = image[50, 65]
    assert abs(inside - 0.5) < 5 * 0.29 * np.sqrt(2 * np.pi * 15) * intensity


def test_no_light_is_lost():
    survey = SMALL.replace(shape=(161, 161))
    for index in (0.5, 1.0):  # beyond 80 pixels there is less than 1e-6
        assert abs(bulge(survey, index=index, radius=6.0, axis_ratio=0.7).sum() - 1) < 1e-5
    # Of a de Vaucouleurs profile some percent are beyond 8 half-light radii, as the incomplete gamma function says.
    image = bulge(survey, index=4.0, radius=10.0, axis_ratio=1.0)
    angle = np.linspace(0, np.pi / 4, 1001)
    edge = 80.5 / np.cos(angle)
    within = gammainc(8.0, gammaincinv(8.0, 0.5) * (edge / 10.0) ** 0.25)
    # The PSF carries sigma^2 / 2 times the slope at the edge across it, 2e-5; and 3e-5 are neglected, as above.
    assert abs(image.sum() - np.trapezoid(within, angle) / (np.pi / 4)) < 5e-5


def test_a_small_image_is_the_middle_of_a_large_one():
    # Nothing comes in from the edges, or from copies that Fourier sums make.
    settings = {"index": 4.0, "radius": 12.0, "axis_ratio": 0.2, "position_angle": 70.0}
    survey = GALAXY_SURVEYS["CANDELS"]
    small = bulge(survey.replace(shape=(31, 41)), **settings)
    large = bulge(survey.replace(shape=(131, 141)), **settings)
    np.testing.assert_allclose(small, large[50:-50, 50:-50], rtol=0, atol=3e-5 * small.max())


def test_the_middle_of_a_galaxy_is_where_it_shall_be():
    image = bulge(SMALL, index=0.5, radius=3.0, axis_ratio=0.8, x_offset=1.37, y_offset=-0.81)
    y, x = np.mgrid[-16:17, -14:15]
    assert abs((x * image).sum() / image.sum() - 1.37) < 1e-3
    assert abs((y * image).sum() / image.sum() + 0.81) < 1e-3


def test_position_angles_count_from_up_towards_left():
    image = bulge(SMALL, index=1.0, radius=4.0, axis_ratio=0.3, position_angle=20.0)
    y, x = np.mgrid[-16:17, -14:15]
    xx, yy, xy = ((image * a * b).sum() for a, b in ((x, x), (y, y), (x, y)))
    # Of the axis with direction (x, y) = (-sin 20, cos 20): its angle from the x axis is 110 degrees.
    assert abs(np.degrees(0.5 * np.arctan2(2 * xy, xx - yy)) % 180 - 110) < 0.5


def star(fwhm, shape, oversampling=1):
    """Image of a star behind a Gaussian PSF, with the smear of a whole pixel."""
    axes = []
    for size in shape:
        middle = (np.arange(size) - 0.5 * (size - 1)) / oversampling
        steps = [erf((middle + half) * np.sqrt(4 * np.log(2)) / fwhm) for half in (-0.5, 0.5)]
        axes.append(steps[1] - steps[0])
    return np.outer(*axes)


@pytest.mark.parametrize(
    ("fwhm", "shape", "oversampling"), [(4.0, (31, 33), 1), (4.0, (30, 32), 1), (1.5, (45, 44), 3)]
)
def test_the_image_of_a_star_is_as_good_as_the_formula_of_its_psf(fwhm, shape, oversampling):
    settings = {"index": 4.0, "radius": 2.0, "axis_ratio": 0.6, "x_offset": 0.3, "y_offset": 0.2}
    image = bulge(SMALL.replace(psf=7.0 * star(fwhm, shape, oversampling), psf_oversampling=oversampling), **settings)
    truth = bulge(SMALL.replace(psf=fwhm), **settings)
    # The image of the star has 2 or more widths on all sides: 1e-4 of a Gaussian lies outside.
    np.testing.assert_allclose(image, truth, rtol=0, atol=2e-4 * truth.max())


def test_disk_and_bulge_add_up_and_their_shares_are_found_again():
    settings = ROUND | {"survey": SMALL, "seed": 3, "noise": False, "magnitude": 20.0}
    disk, both, only_bulge = (
        simulate_galaxies(6, bulge_to_total=share, **settings) for share in (0.0, np.linspace(0.1, 0.9, 6), 1.0)
    )
    for k, share in enumerate(both.truth["bulge_to_total"]):
        parts = np.stack([only_bulge.images[k].ravel(), disk.images[k].ravel()], axis=1).astype("float64")
        found = np.linalg.lstsq(parts, both.images[k].ravel().astype("float64"), rcond=None)[0]
        np.testing.assert_allclose(found, [share, 1 - share], atol=1e-4)


def test_noise_has_the_variance_of_photons_and_reading():
    n = 100
    survey = SMALL.replace(sky=0.02, gain=50.0, read_noise=3.0)
    settings = {"bulge_to_total": 0.4, "magnitude": 21.0, "disk_radius": 2.5, "bulge_radius": 1.0}
    settings |= {"bulge_index": 4.0, "disk_position_angle": 10.0, "bulge_position_angle": 10.0}
    galaxies = simulate_galaxies(n, survey, seed=2, **ROUND, **settings)
    expected = simulate_galaxies(1, survey, noise=False, **ROUND, **settings).images[0].astype("float64")
    variance = (expected + survey.sky) / survey.gain + (survey.read_noise / survey.gain) ** 2
    z = (galaxies.images - expected) / np.sqrt(variance)
    for part in (expected > 10 * survey.sky, expected < survey.sky):
        assert part.sum() > 20
        values = z[:, part]
        assert abs(values.mean()) < 5 / np.sqrt(values.size)
        # The fourth moment of z is 3 + 1 / electrons: below 4.
        assert abs((values**2).mean() - 1) < 5 * np.sqrt(3 / values.size)


def test_the_sky_is_taken_off_on_request():
    off, on = (simulate_galaxies(2, SMALL.replace(sky_subtracted=s), seed=1).images for s in (True, False))
    np.testing.assert_allclose(on - off, SMALL.sky, rtol=1e-3)


def test_labels_follow_the_limits_of_the_classes_in_light_and_in_magnitudes():
    share = np.array([0.0, 0.2, 0.449, 0.45, 0.5, 0.55, 0.551, 0.9, 1.0])
    galaxies = simulate_galaxies(9, SMALL, bulge_to_total=share, noise=False)
    classes = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(galaxies.labels, np.eye(3)[classes])
    assert galaxies.labels.dtype == np.float32
    difference = galaxies.truth["disk_magnitude"] - galaxies.truth["bulge_magnitude"]
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(1 / (1 + 10 ** (-0.4 * np.array(difference))), share, atol=1e-12)
    # 0.45 and 0.55 are -0.218 and 0.218 mag
    np.testing.assert_array_equal(difference < -0.2179, classes == 0)
    np.testing.assert_array_equal(difference > 0.2179, classes == 2)


def test_the_truth_has_units_and_the_magnitude_is_that_of_the_counts():
    galaxies = simulate_galaxies(4, SMALL, magnitude=[20.0, 21.0, 22.0, SMALL.zero_point])
    np.testing.assert_allclose(galaxies.truth["counts"][0] / galaxies.truth["counts"][1], 10**0.4)
    np.testing.assert_allclose(galaxies.truth["counts"][3], 1.0)
    assert len(galaxies) == len(galaxies.truth) == 4
    assert (
        str(galaxies.truth["disk_radius"].unit) == "pix" and "half-light" in galaxies.truth["disk_radius"].description
    )


@pytest.mark.parametrize("survey", ["SDSS", "CANDELS"])
def test_galaxies_are_drawn_from_the_documented_ranges(survey):
    settings = GALAXY_SURVEYS[survey]
    galaxies = simulate_galaxies(400, settings.replace(shape=(3, 3)), noise=False)
    assert simulate_galaxies(1, survey).images.shape == (1, *settings.shape, 1)
    for name, (low, high) in {
        "bulge_to_total": (0, 1),
        "magnitude": settings.magnitude,
        "disk_radius": settings.disk_radius,
        "bulge_radius": settings.bulge_radius,
        "disk_axis_ratio": (0.2, 1),
        "bulge_axis_ratio": (0.6, 1),
        "disk_position_angle": (0, 180),
        "bulge_index": (3, 5),
        "x_offset": (-0.5, 0.5),
        "y_offset": (-0.5, 0.5),
    }.items():
        values = galaxies.truth[name]
        # The outermost of 400 uniform values is within 3 % of the limit, but for 1 in 10^5 cases.
        assert low <= values.min() and values.max() <= high
        assert values.max() > high - 0.05 * (high - low)
    assert (galaxies.truth["disk_index"] == 1).all()
    turned = galaxies.truth["bulge_position_angle"] - galaxies.truth["disk_position_angle"]
    assert 14 < abs(turned).max() <= 15


def test_the_same_seed_gives_the_same_galaxies_and_another_seed_others():
    first, again, other = (simulate_galaxies(5, SMALL, seed=seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.images, again.images)
    assert (first.images != other.images).mean() > 0.9
    assert (first.truth["disk_radius"] != other.truth["disk_radius"]).all()


def test_a_smaller_set_is_the_beginning_of_a_larger_one():
    small, large = simulate_galaxies(3, SMALL, seed=2), simulate_galaxies(40, SMALL, seed=2)  # more than one block
    np.testing.assert_array_equal(small.images, large.images[:3])
    np.testing.assert_array_equal(small.truth["magnitude"], large.truth["magnitude"][:3])


def test_the_size_of_blocks_changes_nothing(monkeypatch):
    whole = simulate_galaxies(20, SMALL, noise=False, magnitude=20.0).images
    monkeypatch.setattr(rendering, "_BLOCK_GALAXIES", 3)
    blocks = simulate_galaxies(20, SMALL, noise=False, magnitude=20.0).images
    np.testing.assert_allclose(blocks, whole, rtol=0, atol=1e-6 * whole.max())  # float32


def test_a_parameter_given_leaves_the_others_as_they_were():
    free, given = simulate_galaxies(6, SMALL), simulate_galaxies(6, SMALL, bulge_to_total=0.3, bulge_radius=2.0)
    for name in set(free.truth.colnames) - {"bulge_to_total", "bulge_radius", "bulge_magnitude", "disk_magnitude"}:
        np.testing.assert_array_equal(free.truth[name], given.truth[name])
    assert (given.truth["bulge_to_total"] == 0.3).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_galaxies": 0}, "`n_galaxies` must be an integer of at least 1, got 0"),
        ({"n_galaxies": 2.0}, "`n_galaxies`"),
        ({"seed": -1}, "`seed`"),
        ({"survey": "HSC"}, "`survey` must be one of 'SDSS', 'CANDELS'"),
        ({"survey": np.ones((3, 3))}, "`survey` must be one of"),
        ({"bulge_to_total": 1.2}, "`bulge_to_total` must be from 0 to 1, got 1.2 for galaxy 0"),
        ({"bulge_to_total": [0.1, np.nan]}, "got nan for galaxy 1"),
        ({"bulge_to_total": [0.1, 0.2, 0.3]}, r"array of shape \(2,\)"),
        ({"magnitude": "20"}, "`magnitude` must be a number"),
        ({"magnitude": np.inf}, "`magnitude` must be finite"),
        ({"magnitude": -60.0}, "too bright"),
        ({"disk_radius": 0.0}, "`disk_radius` must be finite and at least 0.001"),
        ({"bulge_axis_ratio": 0.01}, "from 0.1 to 1"),
        ({"bulge_index": 20.0}, "`bulge_index` must be from 0.3 to 8"),
        ({"x_offset": 100.0}, "`x_offset` must be from -41.5 to 41.5"),
    ],
)
def test_wrong_arguments_are_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        simulate_galaxies(**({"n_galaxies": 2} | wrong))


def test_noise_is_switched_not_measured_by_its_argument():
    with pytest.raises(TypeError, match="`noise` must be True or False, got 0.1"):
        simulate_galaxies(2, noise=0.1)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"shape": 83}, ValueError, "`shape` must be two integers"),
        ({"shape": (83, 0)}, ValueError, "`shape`"),
        ({"psf": 0.17}, ValueError, "divided by the size of a pixel"),
        ({"psf": np.nan}, TypeError, "`psf` must be a finite number"),
        ({"psf": "3"}, TypeError, "`psf` must be a finite number"),
        ({"psf": np.zeros((5, 5)), "moffat_beta": None}, ValueError, "positive sum"),
        ({"psf": np.ones((5, 5, 5)), "moffat_beta": None}, ValueError, r"shape \(rows, columns\)"),
        ({"psf": np.ones((5, 5))}, ValueError, "`moffat_beta` is for a `psf` given by its width"),
        ({"psf_oversampling": 2}, ValueError, "is for images of the PSF"),
        ({"psf_oversampling": 0}, ValueError, "integer of at least 1"),
        ({"moffat_beta": 1.0}, ValueError, "above 1"),
        ({"gain": 0.0}, ValueError, "`gain` must be positive"),
        ({"sky": -1.0}, ValueError, "`sky` must be 0 or positive"),
        ({"sky": 1e300}, ValueError, "`sky` 1e.300 with `gain` .* electrons in a pixel"),
        ({"read_noise": None}, TypeError, "`read_noise`"),
        ({"magnitude": (22.0, 20.0)}, ValueError, "pair .lowest, highest"),
        ({"disk_radius": (0.0, 3.0)}, ValueError, "positive numbers"),
        ({"bulge_radius": 3.0}, ValueError, "`bulge_radius` must be a pair"),
        ({"sky_subtracted": "no"}, TypeError, "`sky_subtracted`"),
        ({"seeing": 3.0}, TypeError, "no setting seeing; it has shape, psf"),
    ],
)
def test_wrong_settings_of_a_survey_are_named(wrong, error, message):
    with pytest.raises(error, match=message):
        GALAXY_SURVEYS["CANDELS"].replace(**wrong)


def test_a_survey_of_ones_own():
    own = GalaxySurvey(
        shape=(20, 30), psf=2.0, zero_point=25.0, sky=0.0, gain=1.0, read_noise=0.0, magnitude=(15, 16),
        disk_radius=(3, 4), bulge_radius=(1, 2),
    )  # fmt: skip
    images = simulate_galaxies(3, own).images
    assert images.shape == (3, 20, 30, 1) and images.dtype == np.float32
    np.testing.assert_array_equal(images, images.round())  # photons


@pytest.mark.parametrize("wrong", [[0.1, np.nan], [1.1], [-0.1], 0.5, [[0.5]], ["0.5"]])
def test_labels_need_ratios_from_0_to_1(wrong):
    with pytest.raises(ValueError, match="morphology_labels: `bulge_to_total` must be"):
        morphology_labels(wrong)


def test_there_are_as_many_galaxies_as_numbers_given():
    galaxies = simulate_galaxies(survey=SMALL, bulge_to_total=[0.1, 0.5, 0.9], magnitude=20.0, seed=3)
    assert galaxies.images.shape == (3, 33, 29, 1)
    np.testing.assert_array_equal(galaxies.labels, np.eye(3))
