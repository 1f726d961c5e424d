import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from scipy.optimize import minimize

from astroNN.demo import plots, spectrum_plots
from astroNN.demo.style import save_figure

NAMES = ("teff", "logg", "Fe", "C")
WAVELENGTH = np.concatenate([np.linspace(15150, 15800, 400), np.linspace(15860, 16430, 350)])
LINES = [15200.0, 15201.0, 15700.0, 15799.0, 16000.0, 16400.0, 17000.0]
LINE_NAMES = ["Fe I", "Mg I", "CO 3-0", "Si I", "Al I", "Fe I", "H I"]


def judged_labels(n_stars=60):
    rng = np.random.default_rng(3)
    true = np.stack([rng.uniform(3800, 5200, n_stars), *rng.normal(0, 1, (3, n_stars))], axis=1)
    std = np.abs(0.05 * true) + 0.01
    return true, rng.normal(true, std), std, NAMES


def history(n_epochs=5, validation=True):
    falling = np.linspace(1, 0.1, n_epochs)
    keys = ["loss", "output_mean_absolute_error"]
    keys += ["val_" + key for key in keys] if validation else []
    return dict.fromkeys(keys, falling) | {"learning_rate": np.full(n_epochs, 5e-4)}


def spectrum():
    flux = 1 - 0.3 * np.exp(-(((WAVELENGTH[:, None] - LINES) / 2.0) ** 2)).sum(axis=1)
    flux[10:14] = np.nan
    return flux


DRAWINGS = {
    "predicted_vs_true": lambda: plots.predicted_vs_true(*judged_labels()),
    "residuals": lambda: plots.residuals(*judged_labels()),
    "pulls": lambda: plots.pulls(*judged_labels()),
    "training_history": lambda: plots.training_history(history()),
    "one epoch without validation": lambda: plots.training_history(history(1, validation=False)),
    "few stars": lambda: plots.residuals(*judged_labels(3)),
    "spectrum": lambda: spectrum_plots.spectrum_with_lines(WAVELENGTH, spectrum(), LINES, LINE_NAMES),
    "sensitivity": lambda: spectrum_plots.sensitivity(WAVELENGTH, -np.gradient(spectrum()), "Al", LINES, LINE_NAMES),
    "no lines": lambda: spectrum_plots.spectrum_with_lines(WAVELENGTH, spectrum(), [], []),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_figure_is_drawn_and_saved_as_a_small_png_without_touching_the_users_settings(name, tmp_path):
    before = matplotlib.rcParams.copy()
    figure = DRAWINGS[name]()
    save_figure(figure, tmp_path / "figure.png")
    assert isinstance(figure, Figure)
    assert matplotlib.rcParams == before
    with Image.open(tmp_path / "figure.png") as image:
        assert image.format == "PNG"
        assert min(image.size) > 300
    assert (tmp_path / "figure.png").stat().st_size < 200_000
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]


def test_labels_panels_hold_every_star_and_its_axis_names():
    true, predicted, std, names = judged_labels()
    figure = plots.predicted_vs_true(true, predicted, std, names)
    assert len(figure.axes) == len(names)
    stars = next(line for line in figure.axes[1].lines if line.get_label() == "a star")
    np.testing.assert_array_equal(stars.get_xydata(), np.stack([true[:, 1], predicted[:, 1]], axis=1))
    assert figure.axes[0].get_xlabel() == r"true $T_\mathrm{eff}$ [K]"


def test_a_gap_in_the_wavelengths_starts_a_new_panel():
    figure = spectrum_plots.spectrum_with_lines(WAVELENGTH, spectrum(), LINES, LINE_NAMES)
    assert [panel.get_xlim() for panel in figure.axes] == [(15150, 15800), (15860, 16430)]


def test_only_lines_within_a_panel_are_named_and_none_twice():
    figure = spectrum_plots.spectrum_with_lines(WAVELENGTH, spectrum(), LINES, LINE_NAMES)
    named = [[text.get_text().strip() for text in panel.texts] for panel in figure.axes]
    assert named == [["Fe I", "Mg I", "CO 3-0", "Si I"], ["Al I", "Fe I"]]


def test_the_sensitivity_is_the_answer_to_a_one_percent_deeper_pixel():
    jacobian = np.full(len(WAVELENGTH), -3.0)  # label units per unit of flux: -0.01 of flux raises the label by 0.03
    figure = spectrum_plots.sensitivity(WAVELENGTH, jacobian, "Al", [], [])
    drawn = max(figure.axes[0].lines, key=lambda line: len(line.get_xdata())).get_ydata()
    np.testing.assert_allclose(drawn, 3.0)
    assert "10$^{-2}$ dex" in figure.get_supylabel()


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (0.0, 10.0), (2.0, 8.0)])
def test_names_are_moved_apart_by_the_least_possible(bounds):
    positions = np.sort(np.random.default_rng(5).uniform(0, 10, 7))
    moved = spectrum_plots.spread_apart(positions, 0.8, *bounds)
    assert np.diff(moved).min() > 0.8 - 1e-12
    assert moved[0] >= bounds[0] - 1e-12 and moved[-1] <= bounds[1] + 1e-12
    conditions = [{"type": "ineq", "fun": lambda x: np.diff(x) - 0.8}]
    if np.isfinite(bounds[0]):
        conditions.append({"type": "ineq", "fun": lambda x: np.append(x - bounds[0], bounds[1] - x)})
    best = minimize(
        lambda x: np.sum((x - positions) ** 2),
        np.linspace(*np.clip(bounds, 0, 10), 7),
        constraints=conditions,
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    np.testing.assert_allclose(moved, best.x, atol=1e-4)  # the optimiser's own accuracy


def test_lines_are_ordered_by_weight_and_close_pairs_keep_the_heavier():
    wavelength = np.arange(100.0, 200.0, 0.25)
    weight = np.zeros(len(wavelength))
    for centre, height in ((110.0, 1.2), (130.0, 0.5), (150.0, 3.0), (151.0, 2.0), (180.0, 2.5)):
        weight[np.abs(wavelength - centre) < 0.3] = height
    lines = [110.0, 130.0, 150.0, 151.0, 180.0, 500.0]
    assert spectrum_plots.lines_by_weight(wavelength, weight, lines) == [2, 4, 0]
    assert spectrum_plots.lines_by_weight(wavelength, weight, lines, least=0.1) == [2, 4, 0, 1]


def test_a_line_on_the_flank_of_a_peak_is_left_out_but_a_saturated_core_is_not():
    wavelength = np.arange(100.0, 120.0, 0.25)
    weight = np.exp(-0.5 * ((wavelength - 105.0) / 1.2) ** 2)  # a line at 107.5 has only its flank
    weight += np.exp(-0.5 * (wavelength - 114.0) ** 2) + np.exp(-0.5 * (wavelength - 116.0) ** 2)
    assert spectrum_plots.lines_by_weight(wavelength, weight, [105.0, 107.5, 115.0]) == [2, 0]
