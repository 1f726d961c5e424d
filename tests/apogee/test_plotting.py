"""Figures of spectra: what is drawn, what is left out, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest

from astroNN.apogee import aspcap_mask, gap_delete, plot_spectra, wavelength_solution

pytestmark = pytest.mark.one_backend

GRID = np.concatenate(wavelength_solution(dr=17))
FLUX = 1.0 + 0.01 * np.random.default_rng(0).normal(size=(2, 7514))


def curves(panel):
    """Data of the spectra in a panel: long lines, unlike the strokes that lead to names."""
    return [line.get_xydata() for line in panel.lines if len(line.get_xdata()) > 100]


def test_each_chip_holds_its_pixels():
    figure, axes = plot_spectra(FLUX, dr=17)
    assert len(axes) == 3
    drawn = np.concatenate([curves(panel)[1] for panel in axes])
    np.testing.assert_allclose(drawn, np.stack([GRID, FLUX[1]], axis=1))
    assert [panel.get_ylabel() for panel in axes] == ["blue chip", "green chip", "red chip"]


def test_the_grid_with_gaps_is_cut():
    raw = np.random.default_rng(1).normal(1.0, 0.01, 8575)
    drawn = np.concatenate([curves(panel)[0] for panel in plot_spectra(raw, dr=17)[1]])
    np.testing.assert_allclose(drawn[:, 1], gap_delete(raw, dr=17)[0])


def test_bad_pixels_leave_gaps():
    flux, mask = FLUX.copy(), np.zeros(FLUX.shape, bool)
    flux[0, 10], flux[0, 20], mask[0, 30] = np.nan, -9999.0, True
    drawn = curves(plot_spectra(flux, mask=mask, dr=17)[1][0])
    assert np.flatnonzero(np.isnan(drawn[0][:, 1])).tolist() == [10, 20, 30]
    assert np.isfinite(drawn[1]).all()
    hidden = np.ma.array(FLUX, mask=mask)
    assert np.flatnonzero(np.isnan(curves(plot_spectra(hidden, dr=17)[1][0])[0][:, 1])).tolist() == [30]


def test_spectra_are_shifted_and_errors_drawn_around_them():
    panel = plot_spectra(FLUX, np.full(FLUX.shape, 0.02), dr=17, offset=0.5)[1][0]
    np.testing.assert_allclose(curves(panel)[1][:, 1], FLUX[1, :3028] - 0.5)
    band = panel.collections[1].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(FLUX[1, :3028].max() - 0.48)
    assert band[:, 1].min() == pytest.approx(FLUX[1, :3028].min() - 0.52)


@pytest.mark.parametrize("written", ["Al", "al"])
def test_the_window_of_an_element_is_shaded_and_its_lines_are_named(written):
    panel = plot_spectra(FLUX, dr=17, element=written)[1][2]
    shaded = [path.get_extents() for path in panel.collections[0].get_paths()]
    red = GRID[-1991:]
    inside = np.any([(red > box.x0) & (red < box.x1) for box in shaded], axis=0)
    np.testing.assert_array_equal(inside, aspcap_mask("Al", dr=17)[-1991:])
    # In vacuum; the strong H-band triplet of Al I, 16718.96, 16750.56 and 16763.36 in air (NIST).
    texts = {text.get_text().strip() for text in panel.texts}
    assert {"Al I 16723.5", "Al I 16755.1", "Al I 16767.9"} <= texts


def test_a_range_of_wavelengths_is_drawn_alone():
    _, axes = plot_spectra(FLUX, dr=17, wavelength=(16300, 16500))
    assert [panel.get_ylabel() for panel in axes] == ["green chip", "red chip"]
    assert axes[0].get_xlim() == pytest.approx((16300, GRID[3028 + 2494]))
    assert axes[1].get_xlim() == pytest.approx((GRID[3028 + 2495], 16500))


def test_names_are_in_the_legend():
    figure, _ = plot_spectra(FLUX, dr=17, names=["first", "second"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["first", "second"]


def test_many_spectra_have_colours_of_their_own():
    panel = plot_spectra(np.repeat(FLUX, 4, axis=0), dr=17)[1][0]
    assert len({tuple(line.get_color()) for line in panel.lines}) == 8


def test_a_file_is_written_only_if_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plot_spectra(FLUX, dr=17)
    assert not list(tmp_path.iterdir())
    plot_spectra(FLUX, dr=17, path="spectra.png")
    assert (tmp_path / "spectra.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"spectra": np.ones(100)}, OSError, "100"),
        ({"spectra": np.ones((1, 2, 7514))}, ValueError, "`spectra` must be numbers of shape"),
        ({"spectra": ["a"]}, ValueError, "`spectra` must be numbers of shape"),
        ({"spectra_err": FLUX[:1]}, ValueError, "`spectra_err` must have a row for each of the 2 spectra"),
        ({"mask": np.zeros((3, 7514), bool)}, ValueError, "`mask` must have a row for each of the 2 spectra"),
        ({"element": "Xx"}, ValueError, "unknown element `element` 'Xx'"),
        ({"names": ["one"]}, ValueError, "`names` must be 2 names"),
        ({"wavelength": (16500, 16300)}, ValueError, "`wavelength` must be the first and the last"),
        ({"wavelength": (5000, 6000)}, ValueError, "no good pixel .* between 5000 and 6000"),
        ({"spectra": np.full(7514, np.nan)}, ValueError, "no good pixel"),
        ({"path": "spectra.gif"}, ValueError, r"`path` must end in \.png"),
    ],
)
def test_what_can_not_be_drawn(given, error, match):
    with pytest.raises(error, match=match):
        plot_spectra(**({"spectra": FLUX, "dr": 17} | given))


def test_the_package_loads_no_matplotlib_before_a_figure_is_drawn():
    code = "import sys, astroNN.apogee; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
