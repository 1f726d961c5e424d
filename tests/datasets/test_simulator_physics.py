"""The simulator's physics, against hand computations, published numbers and conservation laws."""

import numpy as np
import pytest

from astroNN.datasets import line_identifications, synthesize_giants
from astroNN.datasets.simulator.atmosphere import ELEMENTS, MOLECULES, _partition, solve_layer
from astroNN.datasets.simulator.grid import N_PIXELS, wavelength_grid
from astroNN.datasets.simulator.lines import air_to_vacuum, brackett_wavelength, line_list
from astroNN.datasets.simulator.molecules import molecular_lines
from astroNN.datasets.simulator.synthesis import _layers, line_strengths

LIGHT_KMS = 299792.458
TEFF, LOGG = 4600.0, 2.3


def pixel_at(wavelength):
    return int(np.abs(wavelength_grid() - wavelength).argmin())


def near(wavelength, angstrom=4.0):
    return np.abs(wavelength_grid() - wavelength) < angstrom


def equivalent_width(element, abundance, wavelength):
    """Of the lines of one element alone, over one isolated line [Angstrom]."""
    without, with_it = synthesize_giants(TEFF, LOGG, **{element: [-6.0, abundance]})
    here = near(wavelength)
    return np.trapezoid((without - with_it)[here].astype(float), wavelength_grid()[here])


def test_the_grid_is_that_of_apogee_without_gaps():
    grid = wavelength_grid()
    assert grid.shape == (7514,) == (N_PIXELS,)
    # First and last wavelength of DR17's chips as published, 15152.2107 and 16943.5341
    np.testing.assert_allclose(grid[[0, -1]], [15152.2107, 16943.5341], atol=5e-5)


def test_air_wavelengths_become_vacuum_wavelengths():
    # He I 10830 triplet, NIST: 10830.250 in air, 10833.217 in vacuum
    assert abs(air_to_vacuum(10830.250) - 10833.217) < 0.002


def test_brackett_lines_lie_where_rydberg_puts_them():
    # Vacuum wavelengths in micrometres, as tabulated, to the last digit
    published = {11: 1.68112, 12: 1.64118, 13: 1.61138, 14: 1.58849, 15: 1.57050, 16: 1.55608, 20: 1.51961}
    for upper, micrometre in published.items():
        assert abs(brackett_wavelength(upper) - 1e4 * micrometre) < 0.11


def test_band_heads_of_co_come_out_of_the_rotational_constants():
    co = molecular_lines("CO")
    published = {"3-0": 15582, "4-1": 15780, "5-2": 15982, "6-3": 16189, "7-4": 16401}  # vacuum, rounded
    for band, head in published.items():
        assert abs(co.wavelength[co.band == band].min() - head) < 1.0


def test_oh_lines_that_were_not_fitted_are_met():
    # 3-1 P lines in air, Smith et al. 2013; the constants were fitted to other lines
    oh = molecular_lines("OH")
    strong = oh.wavelength[(oh.band == "3-1") & (oh.gf > 1e-6)]
    for air in (16704.36, 16714.36, 16895.18):
        assert np.abs(strong - air_to_vacuum(air)).min() < 0.1


def test_atoms_are_conserved_between_ions_and_molecules():
    stars = {el: np.array([0.2, -1.0]) for el in ELEMENTS}
    layer = solve_layer(np.array([4000.0, 5000.0]), np.array([1.0, 3.0]), stars)
    bound = {m: layer.per_state[m] * _partition(m, layer.temperature) for m in ("CO", "OH", "CN")}

    def atoms(el):
        return layer.per_state[el] * ELEMENTS[el].u_neutral + layer.per_state[el + "+"] * ELEMENTS[el].u_ion

    def total(el):
        return 10.0 ** (ELEMENTS[el].abundance - 12.0 + stars[el])

    np.testing.assert_allclose(atoms("C") + bound["CO"] + bound["CN"], total("C"), rtol=1e-6)
    np.testing.assert_allclose(atoms("O") + bound["CO"] + bound["OH"], total("O"), rtol=1e-6)
    np.testing.assert_allclose(atoms("Fe"), total("Fe"), rtol=1e-9)


def test_free_electrons_balance_the_ions():
    stars = {el: np.array([-0.3]) for el in ELEMENTS}
    layer = solve_layer(np.array([4500.0]), np.array([2.0]), stars)
    ions = sum(layer.per_state[el + "+"] * ELEMENTS[el].u_ion for el in ELEMENTS if el not in "CNO")
    protons = 1.0 - 2.0 * layer.per_state["H"]
    # C, N and O are hardly ionised in a giant, yet counted by the solver before molecules take them away.
    np.testing.assert_allclose(layer.electrons / layer.hydrogen, ions + protons, rtol=1e-3)


def test_partition_function_of_co_is_the_sum_over_its_levels():
    j, v = np.arange(300)[:, None], np.arange(30)
    kelvin = 1.438777 * (1.923 * j * (j + 1) + 2143.0 * v)
    direct = ((2 * j + 1) * np.exp(-kelvin / 4000.0)).sum()
    assert MOLECULES["CO"][1:3] == (1.923, 2143.0)
    np.testing.assert_allclose(_partition("CO", 4000.0), direct, rtol=1e-3)


def test_two_lines_of_one_element_follow_boltzmann():
    lines = line_list()
    low, high = (int(np.abs(lines.wavelength - air_to_vacuum(air)).argmin()) for air in (15194.49, 15980.73))
    stars = {el: np.zeros(2) for el in ELEMENTS}
    teff = np.array([4200.0, 5000.0])
    layers = _layers(teff, np.full(2, 2.0), stars)
    ratio = line_strengths(teff, *layers)[high] / line_strengths(teff, *layers)[low]
    t1, t2 = layers[0].temperature
    expected = np.exp((6.26 - 2.223) / 8.617333e-5 * (1.0 / t1 - 1.0 / t2))
    np.testing.assert_allclose(ratio[1] / ratio[0], expected, rtol=1e-6)


def test_the_potassium_line_deepens_with_potassium_and_vanishes_without():
    flux = synthesize_giants(TEFF, LOGG, K=[-5.0, -0.5, 0.0, 0.5])[:, pixel_at(15167.21)]
    assert (np.diff(flux) < -0.02).all()
    without = synthesize_giants(TEFF, LOGG, K=[-5.0, -9.0])
    assert np.abs(without[0] - without[1]).max() < 1e-4  # far below any noise


def test_weak_lines_grow_in_proportion_to_the_abundance():
    # P I 16487: a change of the abundance by 0.3 dex changes the equivalent width by 10^0.3.
    ratio = equivalent_width("P", -0.7, 16487.43) / equivalent_width("P", -1.0, 16487.43)
    assert abs(np.log10(ratio) / 0.3 - 1.0) < 0.02


def test_strong_lines_saturate():
    ratio = equivalent_width("Mg", 0.2, 15753.29) / equivalent_width("Mg", -0.1, 15753.29)
    assert 0.1 < np.log10(ratio) / 0.3 < 0.6  # between a flat and a damping-dominated curve of growth


def test_lines_are_as_broad_as_the_resolution_says():
    # Variances of convolved profiles add up, so that the difference between two resolutions is exact.
    def variance(resolution):
        without, with_it = synthesize_giants(TEFF, LOGG, P=[-6.0, -0.5], resolution=resolution)
        here = near(16487.43, 6.0)
        v = LIGHT_KMS * np.log(wavelength_grid()[here] / 16487.43)
        depth = (without - with_it)[here].astype(float)
        mean = (depth * v).sum() / depth.sum()
        return (depth * (v - mean) ** 2).sum() / depth.sum()

    expected = (LIGHT_KMS / 22500.0) ** 2 / (8.0 * np.log(2.0)) * (4.0 - 1.0)
    np.testing.assert_allclose(variance(11250.0) - variance(22500.0), expected, rtol=0.02)


def test_molecules_grow_towards_cool_stars():
    hot, cool = synthesize_giants([5000.0, 3900.0], [2.5, 1.2])
    head = near(15586.0, 3.0)  # CO 3-0
    assert (1.0 - cool[head].mean()) > 3.0 * (1.0 - hot[head].mean())


def test_flux_stays_between_the_saturated_line_and_the_continuum():
    flux = synthesize_giants([3600.0, 4500.0, 5500.0], [0.5, 2.0, 3.5], Fe=[0.5, 0.0, -2.0])
    assert flux.dtype == np.float32 and np.isfinite(flux).all()
    assert flux.min() > 0.3 and flux.max() <= 1.0 + 1e-5


def test_identified_lines_are_absorption_in_the_spectrum():
    spectrum = synthesize_giants(4500.0, 2.0)[0]
    lines = line_identifications(min_depth=0.25)
    assert {"Fe I", "Mg I", "Si I", "Al I", "CO 3-0"} <= {line.name for line in lines}
    for line in lines:
        if np.isfinite(line.depth):
            # Blends only add, and the saturated Milne-Eddington line is no deeper than the sum.
            assert 1.0 - spectrum[near(line.wavelength, 0.4)].min() > 0.7 * line.depth


@pytest.mark.parametrize("wrong", [{"Xx": 0.0}, {"Mg": np.nan}])
def test_wrong_abundances_are_named(wrong):
    with pytest.raises(ValueError, match="Xx|finite"):
        synthesize_giants(4500.0, 2.0, **wrong)


def test_cool_and_metal_poor_giants_resemble_real_ones(shared_data):
    # A quadratic model trained on real giants: not used in the fit of the strengths. Measured: 0.83 and 0.94.
    cannon = np.load(shared_data / "apogee_cannon_model.npz")
    simulated = synthesize_giants([4100.0, 4650.0], [1.4, 1.9], Fe=[0.1, -1.2], C=[0.0, -1.3], N=[0.35, -0.9])
    for labels, spectrum in zip(([4100.0, 1.4, 0.1, 0.05], [4650.0, 1.9, -1.2, 0.15]), simulated, strict=True):
        d = np.array(labels) - cannon["pivots"]
        terms = [1.0, *d] + [d[i] * d[j] for i in range(4) for j in range(i, 4)]
        real, modelled = np.array(terms) @ cannon["coeffs"], cannon["modelled"]
        assert np.corrcoef(real[modelled], spectrum[modelled])[0, 1] > 0.75
        assert abs(real[modelled].mean() - spectrum[modelled].mean()) < 0.02


def test_the_mean_spectrum_resembles_that_of_real_giants(shared_data):
    # Line strengths were fitted to this very spectrum: this guards the fit, it does not prove the physics.
    stats = np.load(shared_data / "published_network_stats.npz")
    real = stats["input_mean"]
    simulated = synthesize_giants(4655.0, 2.33, Fe=-0.12, C=-0.19, N=0.14, O=-0.08, Mg=-0.05)[0]
    assert np.corrcoef(real, simulated)[0, 1] > 0.88
    assert abs(real.mean() - simulated.mean()) < 0.02
