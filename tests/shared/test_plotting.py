import numpy as np
import pytest
from PIL import Image

from astroNN.shared.label_names import element_of, label_style, target_name_conversion
from astroNN.shared.line_names import name_lines
from astroNN.shared.plotting import figure_style, file_stem, new_figure, note, save_figure


def drawn():
    figure = new_figure(3, 2)
    figure.subplots().plot([0, 1], [0, 1])
    return figure


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.pdf", b"%PDF"), ("a.SVG", b"<?xml")])
def test_the_ending_says_the_format(tmp_path, name, start):
    save_figure(drawn(), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_png_has_110_dots_an_inch(tmp_path):
    save_figure(drawn(), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (330, 220)


def test_a_figure_that_can_not_be_drawn_leaves_the_old_file(tmp_path):
    (tmp_path / "a.png").write_bytes(b"old")
    figure = drawn()
    figure.axes[0].set_title(r"$\nosuchsymbol$")
    with pytest.raises(ValueError, match="nosuchsymbol"):
        save_figure(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_unknown_endings_and_missing_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must end in .png, .pdf, .svg"):
        save_figure(drawn(), tmp_path / "a.bmp")
    with pytest.raises(FileNotFoundError, match="make it first"):
        save_figure(drawn(), tmp_path / "missing" / "a.png")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/b", "..", "a\\b", "a\nb", "[C/H]"])
def test_names_of_files_never_lead_out_of_the_folder(name, tmp_path):
    stem = file_stem(name)
    assert (tmp_path / f"{stem}.png").resolve().parent == tmp_path.resolve()
    assert stem and not set(stem) & set('/\\:*?"<>|\n[]')


def test_notes_stand_in_their_corners_with_a_proper_minus():
    with figure_style():
        axes = new_figure(3, 2).subplots()
        text = note(axes, "-1", "lower right")
    assert text.get_text() == "\u22121"
    assert text.get_position() == (0.97, 0.04)


def test_names_of_close_lines_do_not_overlap():
    axes = new_figure(11, 2).subplots()
    axes.set_xlim(0, 1000)
    name_lines(axes, [500, 501, 502], ["a", "b", "c"], foot=1.0, turn=1.1)
    places = [text.get_position()[0] for text in axes.texts]
    assert np.diff(places).min() >= 0.0135 * 1000 * (1 - 1e-9)
    assert np.mean(places) == pytest.approx(501)


@pytest.mark.parametrize(
    ("name", "axis"),
    [
        ("C1", "[CI/H] [dex]"),
        ("[C1/H]", "[CI/H] [dex]"),
        ("[CI/H]", "[CI/H] [dex]"),
        ("[Ti2/H]", "[TiII/H] [dex]"),
        ("alpha", r"[$\alpha$/M] [dex]"),
        ("Ks-band fakemag", "fakemag [mas]"),
        ("cost in $", r"cost in \$"),
    ],
)
def test_labels_have_the_names_and_units_of_the_field(name, axis):
    assert label_style(name).axis == axis


@pytest.mark.parametrize(
    ("name", "element"),
    [("Fe", "Fe"), ("C1", "CI"), ("[CI/H]", "CI"), ("[Mg/Fe]", "Mg"), ("logg", None), ("M", None), ("[M/H]", None)],
)
def test_abundances_are_told_from_other_labels(name, element):
    assert element_of(name) == element


def test_titles_are_those_of_the_established_figures():
    names = ["C1", "Ti2", "Al", "N", "teff", "alpha", "logg", "fakemag"]
    assert [target_name_conversion(name) for name in names] == [
        "[CI/H]", "[TiII/H]", "[Al/H]", "[N/H]", r"$T_{\mathrm{eff}}$", "[Alpha/M]", "[Log(g)]", "fakemag",
    ]  # fmt: skip


def test_a_notebook_shows_a_figure_without_pyplot():
    from io import BytesIO

    from matplotlib.image import imread

    figure = new_figure(3, 2)
    figure.subplots().plot([0, 1])
    picture = imread(BytesIO(figure._repr_png_()))
    assert picture.shape[2] == 4 and 100 < picture.shape[1] < 300
    assert picture[..., :3].min() < 0.9  # something is drawn
