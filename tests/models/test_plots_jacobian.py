"""Jacobians along the wavelength: the numbers, windows and lines in the figures, and their files."""

import numpy as np
import pytest

from astroNN.apogee import aspcap_mask, chips_split, wavelength_solution
from astroNN.apogee._element_marks import element_lines
from astroNN.models import ApogeeBCNN, ApogeeBCNNCensored, ApogeeCNN, StarNet2017

pytestmark = pytest.mark.one_backend

NAMES = ["teff", "Al", "Ti2"]


@pytest.fixture
def net():
    network = ApogeeCNN()
    network.targetname = list(NAMES)
    return network


@pytest.fixture(scope="module")
def jacobian():
    return np.random.default_rng(6).normal(size=(2, 3, 7514)).astype("float32")


@pytest.mark.parametrize("network", [ApogeeCNN, ApogeeBCNN, ApogeeBCNNCensored, StarNet2017])
def test_the_networks_for_spectra_have_these_plots(network):
    assert callable(network().aspcap_residue_plot)
    with pytest.raises(ValueError, match="`jacobian` is None"):
        network().jacobian_aspcap()


def drawn_jacobian(panel):
    return next(line for line in panel.lines if line.get_label() == "Jacobian").get_xydata()


def test_the_panels_show_the_mean_jacobian_of_each_chip(net, jacobian):
    figures = net.jacobian_aspcap(jacobian)
    assert list(figures) == NAMES
    for column, name in enumerate(NAMES):
        rows = chips_split(jacobian[:, column].mean(axis=0, dtype="float64"), dr=14)
        for panel, wavelength, row in zip(figures[name][1], wavelength_solution(14), rows, strict=True):
            np.testing.assert_allclose(drawn_jacobian(panel), np.stack([wavelength, row[0]], axis=1))


def test_a_mean_jacobian_is_drawn_as_it_is(net, jacobian):
    figures = net.jacobian_aspcap(jacobian[0])
    np.testing.assert_array_equal(drawn_jacobian(figures["Al"][1][0])[:, 1], jacobian[0, 1, :3028])


def test_the_windows_of_the_element_are_shaded_pixel_for_pixel(net, jacobian):
    panels = net.jacobian_aspcap(jacobian)["Al"][1]
    masks = chips_split(aspcap_mask("Al", dr=14), dr=14)
    for panel, wavelength, mask in zip(panels, wavelength_solution(14), masks, strict=True):
        (shades,) = panel.collections
        ends = [path.vertices[:, 0] for path in shades.get_paths()]
        shaded = np.any([(wavelength > x.min()) & (wavelength < x.max()) for x in ends] or [[False]], axis=0)
        np.testing.assert_array_equal(np.broadcast_to(shaded, wavelength.shape), mask[0])


def test_a_label_that_is_no_abundance_has_neither_window_nor_lines(net, jacobian):
    figure, panels = net.jacobian_aspcap(jacobian)["teff"]
    assert not any(panel.collections or panel.texts for panel in panels)
    assert figure.get_suptitle() == r"Jacobian of $T_{\mathrm{eff}}$"


def test_an_element_without_window_is_said_to_have_none(net, jacobian):
    net.targetname = ["Ce", "Xx", "M"]
    figures = net.jacobian_aspcap(jacobian)
    assert figures["Ce"][0].get_suptitle() == "Jacobian of [Ce/H] \u2014 ASPCAP has no window"
    assert figures["Xx"][0].get_suptitle() == "Jacobian of [Xx/H] \u2014 ASPCAP has no window"
    assert figures["M"][0].get_suptitle() == "Jacobian of [M/H]"


def test_lines_of_the_species_are_named_at_their_wavelengths(net, jacobian):
    panels = net.jacobian_aspcap(jacobian)["Al"][1]
    named = [[text.get_text().strip() for text in panel.texts] for panel in panels]
    # The H-band triplet, in vacuum: 16723.5, 16755.1, 16767.9 (in air 16718.96, 16750.56, 16763.36).
    assert named == [[], [], ["Al I 16723.5", "Al I 16755.1", "Al I 16767.9"]]


def test_lines_are_of_the_right_ion_and_ordered_by_strength():
    wavelengths, names = element_lines("TiII")
    assert names == [f"Ti II {wavelengths[0]:.1f}"]
    assert all(name.startswith("Ti I ") for name in element_lines("Ti")[1])
    assert element_lines("CI")[1] == element_lines("C")[1]
    assert element_lines("Al")[1][0] == "Al I 16755.1"  # the strongest of the triplet
    assert element_lines(None)[1] == element_lines("Nd")[1] == []


def test_no_more_lines_are_named_than_can_be_read(net, jacobian):
    net.targetname = ["Fe", "Al", "C"]
    for panel in net.jacobian_aspcap(jacobian)["Fe"][1]:
        assert len(panel.texts) <= 14
        centres = [text.get_position()[0] for text in panel.texts]
        assert np.diff(centres).min() >= 0.99 * 0.0135 * np.ptp(panel.get_xlim())


def test_the_axis_says_in_which_units_the_jacobian_is(net, jacobian):
    assert "[normalised units]" in net.jacobian_aspcap(jacobian)["Al"][0].get_supylabel()
    physical = net.jacobian_aspcap(jacobian, denormalized=True)
    assert "[K per unit of normalised flux]" in physical["teff"][0].get_supylabel()


def test_another_data_release_has_its_own_pixels(net, jacobian):
    net.targetname = ["teff", "logg", "M"]
    panels = net.jacobian_aspcap(jacobian[..., :7214], dr=12)["teff"][1]
    assert [len(drawn_jacobian(panel)) for panel in panels] == [2920, 2400, 1894]


def test_jacobians_are_written_only_when_asked_for(net, jacobian, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net.jacobian_aspcap(jacobian)
    assert not list(tmp_path.iterdir())
    net.jacobian_aspcap(jacobian, folder=tmp_path)
    net.jacobian_aspcap(jacobian, folder=tmp_path)  # once more, over the old ones
    written = sorted(path.name for path in (tmp_path / "jacobian").iterdir())
    assert written == sorted(f"{name}_jacobian.png" for name in NAMES)


@pytest.mark.parametrize(
    ("wrong", "dr", "message"),
    [
        (np.zeros((3, 7513)), 14, "7514"),
        (np.zeros((3, 7214)), 14, "7514"),
        (np.zeros((2, 2, 3, 7514)), 14, "7514"),
        (np.zeros(7514), 14, "7514"),
        (np.zeros((2, 7514)), 14, "3 names, but there are 2"),
        (np.full((3, 7514), np.nan), 14, "NaN or infinite"),
        (np.zeros((3, 7514)), 99, "`dr`"),
        (np.zeros((3, 7214)), 12, "`dr` must be one of 14"),  # no windows are known for it
        ("text", 14, "jacobian"),
    ],
)
def test_bad_jacobians_are_refused(net, wrong, dr, message):
    with pytest.raises((ValueError, TypeError), match=message):
        net.jacobian_aspcap(wrong, dr=dr)
