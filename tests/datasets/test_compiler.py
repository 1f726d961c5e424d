"""The compiler: what is in the file, what is left out and told, and what a crash costs."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings

import h5py
import numpy as np
import pytest
from astropy import units as u
from astropy.table import MaskedColumn, Table
from astropy.utils.masked import Masked

from astroNN.apogee import network_input, read_apstar, read_aspcapstar
from astroNN.datasets import H5Compiler, H5Loader, simulate_apogee
from astroNN.datasets import compiler as compiler_module
from tests.helpers.apogee_files import ELEMENTS, allstar_hdus, apstar_hdus, aspcapstar_hdus

pytestmark = pytest.mark.one_backend

M = -9999.0
STARS = [f"2M0000000{k}+1234567" for k in range(8)]
N_VISITS = [3, 1, 2, 1, 4, 1, 2, 1]


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """A folder of apStar files, of which one is broken and one is not there, and the simulated spectra."""
    folder = tmp_path_factory.mktemp("spectra")
    spectra = simulate_apogee(sum(n + 2 if n > 1 else 1 for n in N_VISITS), seed=1)
    start = 0
    for star, n_visits in zip(STARS, N_VISITS, strict=True):
        rows = slice(start, start + (n_visits + 2 if n_visits > 1 else 1))
        start = rows.stop
        place = folder / "F1" / ("a" if star[9] < "4" else "b")
        place.mkdir(parents=True, exist_ok=True)
        flux, err = 300 * spectra.spectra[rows], 300 * spectra.spectra_err[rows]
        apstar_hdus(star, flux, err, spectra.mask[rows].astype("i2")).writeto(place / f"apStar-r8-{star}.fits")
    broken = folder / "F1" / "b" / f"apStar-r8-{STARS[5]}.fits"
    broken.write_bytes(broken.read_bytes()[:20_000])
    (folder / "F1" / "b" / f"apStar-r8-{STARS[6]}.fits").unlink()
    allstar_hdus(STARS).writeto(folder / "allStar.fits")
    return folder


@pytest.fixture
def compiler(survey, tmp_path):
    made = H5Compiler(tmp_path / "train", survey / "allStar.fits", survey)
    made.verbose, made.labels = 0, ["teff", "logg", "M", "alpha", "Fe", "Al", "C1", "Ti2"]
    return made


def run(compiler, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return compiler.compile(**settings)


def beside(path):
    return sorted(entry.name for entry in path.parent.iterdir() if entry != path)


# What is in the file --------------------------------------------------------------------------------------------


def test_combined_spectra_are_those_of_the_files_and_labels_those_of_the_catalogue(compiler, survey):
    report = run(compiler)
    good = [0, 1, 2, 3, 4, 7]
    assert (report.n_stars, report.n_spectra) == (8, 6) and report.path == compiler.path
    loader = H5Loader(report.path, target="all")
    loader.load_err = True
    spectra, labels, spectra_err, labels_err = loader.load()
    assert set(loader.target) == set(compiler.labels)
    catalogue = Table.read(survey / "allStar.fits", hdu=1)
    for column, name in enumerate(loader.target):
        expected = {
            "teff": catalogue["TEFF"],
            "logg": catalogue["LOGG"],
            "M": catalogue["M_H"],
            "alpha": catalogue["ALPHA_M"],
        }
        element = {"C1": "CI", "Ti2": "TiII"}.get(name, name)
        values = expected[name] if name in expected else catalogue["X_H"][:, ELEMENTS.index(element)]
        np.testing.assert_array_equal(labels[:, column], np.float32(values)[good])
    of_parameters = {"teff": 80, "logg": 0.05, "M": 0.02, "alpha": 0.01}
    np.testing.assert_array_equal(
        labels_err, np.float32([[of_parameters.get(name, 0.03) for name in loader.target]] * 6)
    )
    for row, number in enumerate(good):
        path = next(survey.rglob(f"apStar-r8-{STARS[number]}.fits"))
        flux, err, mask = network_input(read_apstar(path))
        np.testing.assert_allclose(spectra[row], flux[0], rtol=1e-6)
        np.testing.assert_allclose(spectra_err[row], err[0], rtol=1e-6)
        np.testing.assert_array_equal(loader.load_entry("mask")[row], mask[0])
    np.testing.assert_array_equal(loader.load_entry("catalogue_row"), good)
    assert [star.decode() for star in loader.load_entry("APOGEE_ID")] == [STARS[k] for k in good]
    np.testing.assert_array_equal(loader.load_entry("RA"), catalogue["RA"][good])
    np.testing.assert_array_equal(loader.load_entry("Kmag"), catalogue["K"][good])
    np.testing.assert_array_equal(loader.load_entry("SNR"), np.full(6, 250))
    assert beside(compiler.path) == []


def test_combined_spectra_and_visits_are_told_apart(compiler, survey):
    compiler.kind = "both"
    report = run(compiler)
    n_visits = [N_VISITS[k] for k in (0, 1, 2, 3, 4, 7)]
    assert report.n_spectra == 6 + sum(n_visits)
    loader = H5Loader(report.path, target="teff")
    assert loader.load()[0].shape == (6, 7514)
    loader.load_combined = False
    spectra, teff = loader.load()
    assert spectra.shape == (sum(n_visits), 7514)
    np.testing.assert_array_equal(loader.load_entry("visit"), np.concatenate([np.arange(n) + 1 for n in n_visits]))
    # All visits of a star have its labels and its row, for `fit(groups=...)`.
    np.testing.assert_array_equal(loader.load_entry("catalogue_row"), np.repeat([0, 1, 2, 3, 4, 7], n_visits))
    np.testing.assert_array_equal(loader.load_entry("star"), np.repeat([0, 1, 2, 3, 4, 7], n_visits))
    assert len(np.unique(teff)) == 6
    np.testing.assert_array_equal(loader.load_entry("SNR")[:3], [51, 52, 53])
    path = next(survey.rglob(f"apStar-r8-{STARS[0]}.fits"))
    np.testing.assert_allclose(spectra[1], network_input(read_apstar(path, visit=2))[0][0], rtol=1e-6)
    compiler.kind = "visits"
    assert run(compiler, if_exists="replace").n_spectra == sum(n_visits)


def test_spectra_of_aspcapstar_files(tmp_path):
    stars = simulate_apogee(2, seed=3)
    for k in range(2):
        aspcapstar_hdus(STARS[k], stars.spectra[k], stars.spectra_err[k]).writeto(
            tmp_path / f"aspcapStar-r8-l31c.2-{STARS[k]}.fits"
        )
    allstar_hdus(STARS[:2]).writeto(tmp_path / "allStar.fits")
    compiler = H5Compiler(tmp_path / "out.h5", tmp_path / "allStar.fits", tmp_path)
    compiler.labels, compiler.verbose = ["teff"], 0
    assert compiler.compile().n_spectra == 2
    compiler.kind = "visits"  # they have none
    with pytest.raises(ValueError, match="no spectrum to compile: 2 stars have no file"):
        compiler.compile(if_exists="replace")
    assert H5Loader(tmp_path / "out.h5", target="teff").load()[0].shape == (2, 7514)


def test_a_network_can_be_trained_on_it(compiler):
    from astroNN.models import ApogeeCNN

    loader = H5Loader(run(compiler).path, target=["teff", "logg"])
    x, y = loader.load()
    net = ApogeeCNN()
    net.max_epochs, net.verbose, net.batch_size, net.num_hidden = 1, 0, 4, [4, 4]
    net.fit(x, y, mask=loader.load_entry("mask"))
    assert net.predict(x[:2]).shape == (2, 2)


# Labels -----------------------------------------------------------------------------------------------------------


def compiled_labels(tmp_path, survey, names, parallax=None, **columns):
    allstar_hdus(STARS, **columns).writeto(tmp_path / "allStar.fits")
    compiler = H5Compiler(tmp_path / "labels.h5", tmp_path / "allStar.fits", survey)
    compiler.labels, compiler.verbose = names, 0
    if parallax is not None:
        compiler.parallax, compiler.parallax_err = parallax
    loader = H5Loader(run(compiler).path, target=names)
    loader.load_err = True
    _, labels, _, errors = loader.load()
    return labels, errors, compiler


def test_what_the_survey_flags_or_lacks_is_missing(tmp_path, survey):
    paramflag, elemflag = np.zeros((8, 7), "i4"), np.zeros((8, 26), "i4")
    paramflag[0, 0], paramflag[1, 0], paramflag[2, 1] = 1 << 1, 1 << 8, 1 << 0  # bad, a warning, bad log g
    elemflag[3, ELEMENTS.index("Al")] = 1 << 2
    x_h = np.full((8, 26), 0.1, "f4")
    x_h[4, ELEMENTS.index("Al")], x_h[7, ELEMENTS.index("Al")] = np.nan, -9999.99
    labels, errors, _ = compiled_labels(
        tmp_path, survey, ["teff", "logg", "Al"], PARAMFLAG=paramflag, ELEMFLAG=elemflag, X_H=x_h
    )
    missing = labels == M
    # Rows are stars 0, 1, 2, 3, 4, 7.
    np.testing.assert_array_equal(missing[:, 0], [1, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(missing[:, 1], [0, 0, 1, 0, 0, 0])
    np.testing.assert_array_equal(missing[:, 2], [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(errors == M, missing)


def test_elements_by_name_where_the_release_has_them(tmp_path, survey):
    catalogue = Table.read(survey / "allStar.fits", hdu=1)
    catalogue["AL_FE"], catalogue["AL_FE_ERR"] = np.full(8, 0.25), np.full(8, 0.04)
    catalogue["AL_FE_FLAG"] = np.array([0, 0, 0, 1, 0, 0, 0, 0])
    compiler = H5Compiler(tmp_path / "out.h5", catalogue, survey)  # a table has no list of elements
    compiler.labels, compiler.verbose = ["Fe", "Al"], 0
    loader = H5Loader(run(compiler).path, target=["Fe", "Al"])
    loader.load_err = True
    _, labels, _, errors = loader.load()
    iron = np.asarray(catalogue["FE_H"])[[0, 1, 2, 3, 4, 7]]
    np.testing.assert_allclose(labels[:, 0], iron)
    np.testing.assert_allclose(labels[:, 1], np.where(np.arange(6) == 3, M, iron + 0.25), rtol=1e-6)
    np.testing.assert_allclose(errors[0], [0.02, np.hypot(0.02, 0.04)], rtol=1e-6)


@pytest.mark.parametrize("name", ["[Mg/Fe]", "[Mg/M]", "Xx"])
def test_labels_that_no_column_gives_are_refused(tmp_path, survey, name):
    with pytest.raises(ValueError, match="labels.*" + re.escape(name)):
        compiled_labels(tmp_path, survey, [name])


def test_fakemags_of_parallaxes(tmp_path, survey):
    parallax = np.array([1.0, -0.1, np.nan, 2, 2, 2, 2, 2]), np.full(8, 0.1)
    labels, errors, _ = compiled_labels(
        tmp_path, survey, ["fakemag", "teff"], parallax, K=np.full(8, 10.1, "f4"), AK_TARG=np.full(8, 0.1, "f4")
    )
    np.testing.assert_allclose(labels[:3, 0], [100, -10, M], rtol=1e-5)
    np.testing.assert_allclose(errors[:3, 0], [10, 10, M], rtol=1e-5)


def test_parallaxes_have_units_and_gaps(tmp_path, survey):
    parallax = np.ma.array([1000.0, 2000, 3000, 1, 1, 1, 1, 1], mask=[0, 1, 0, 0, 0, 0, 0, 0])
    parallax = Masked(parallax.data, mask=parallax.mask) * u.uas
    labels, errors, _ = compiled_labels(
        tmp_path,
        survey,
        ["fakemag"],
        (parallax, np.full(8, 0.1)),
        K=np.full(8, 10.1, "f4"),
        AK_TARG=np.full(8, 0.1, "f4"),
    )
    np.testing.assert_allclose(labels[:3, 0], [100, M, 300], rtol=1e-5)
    np.testing.assert_allclose(errors[:3, 0], [10, M, 10], rtol=1e-5)


@pytest.mark.parametrize("form", ["Table", "DataFrame"])
def test_what_a_table_hides_is_missing(tmp_path, survey, form):
    catalogue = Table.read(survey / "allStar.fits", hdu=1)
    hidden = np.arange(8) == 1
    for name in ("TEFF", "RA"):
        catalogue[name] = MaskedColumn(catalogue[name], mask=hidden)
    catalogue["SNR"] = MaskedColumn(catalogue["SNR"], mask=np.arange(8) == 2)
    if form == "DataFrame":
        catalogue = catalogue[[name for name in catalogue.colnames if catalogue[name].ndim == 1]].to_pandas()
    compiler = H5Compiler(tmp_path / "out.h5", catalogue, survey)
    compiler.labels, compiler.verbose, compiler.teff = ["teff", "logg"], 0, None
    columns = columns_of(run(compiler).path)
    np.testing.assert_array_equal(columns["catalogue_row"], [0, 1, 3, 4, 7])
    np.testing.assert_array_equal(columns["teff"] == M, [0, 1, 0, 0, 0])
    np.testing.assert_array_equal(columns["RA"] == M, [0, 1, 0, 0, 0])
    assert (columns["logg"] > 0).all()


# Cuts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "values", "kept"),
    [
        ("SNR", [250, 199, 250, 1e4, 250], [0, 2, 3, 4]),
        ("TEFF", [4500, 3900, 5600, 4500, -9999], [0, 3]),
        ("VSCATTER", [0.5, 1.5, 0, np.nan, 1], [0, 2, 4]),
        ("FE_H", [-1, -3.5, 0.2, -9999, 0], [0, 2, 4]),
        ("STARFLAG", [0, 1, 0, 512, 0], [0, 2, 4]),
        ("ASPCAPFLAG", [0, 1, 0, 0, 1 << 23], [0, 2, 3]),
    ],
)
def test_cuts_in_quality(tmp_path, survey, column, values, kept):
    values = np.array([*values, 0, 0, 0]).astype("i4" if "FLAG" in column else "f4")
    *_, compiler = compiled_labels(tmp_path, survey, ["logg"], **{column: values})
    rows = H5Loader(compiler.path, target="logg").load_entry("catalogue_row")
    np.testing.assert_array_equal(rows[rows < 5], kept)
    setattr(compiler, column.lower(), False if "FLAG" in column else None)
    run(compiler, if_exists="replace")
    np.testing.assert_array_equal(
        H5Loader(compiler.path, target="logg").load_entry("catalogue_row"), [0, 1, 2, 3, 4, 7]
    )


def test_no_star_left(compiler):
    compiler.snr = (1e6, None)
    with pytest.raises(ValueError, match="no star of the catalogue passes the cuts"):
        compiler.compile()
    assert not compiler.path.exists()


# What is left out ---------------------------------------------------------------------------------------------------


def test_files_that_are_broken_or_not_there_are_told_by_name(compiler):
    with pytest.warns(UserWarning) as told:
        report = compiler.compile()
    messages = " ".join(str(warning.message) for warning in told)
    assert f"1 files could not be read and were left out: apStar-r8-{STARS[5]}.fits" in messages
    assert f"1 of 8 stars have no file in {compiler.folder}: {STARS[6]}" in messages
    assert report.without_file == [STARS[6]]
    assert [os.path.basename(name) for name in report.broken] == [f"apStar-r8-{STARS[5]}.fits"]
    with h5py.File(report.path) as file:
        assert STARS[5] in json.loads(file.attrs["broken_files"])[0][0]


def test_of_several_files_that_of_the_field(survey, tmp_path):
    path = next(survey.rglob(f"apStar-r8-{STARS[1]}.fits"))
    wrong, right = tmp_path / "A0", tmp_path / "F1"
    for folder in (wrong, right):
        folder.mkdir()
        (folder / path.name).write_bytes(path.read_bytes() if folder is right else b"broken")
    allstar_hdus([STARS[1]]).writeto(tmp_path / "allStar.fits")
    compiler = H5Compiler(tmp_path / "out.h5", tmp_path / "allStar.fits", tmp_path)
    compiler.labels, compiler.verbose = ["teff"], 0
    assert compiler.compile().n_spectra == 1


def copies(survey, tmp_path, rows, folders):
    """A compiler of catalogue rows given as (star, field), with files of stars copied to folders."""
    for star, folder in folders:
        path = next(survey.rglob(f"apStar-r8-{STARS[star]}.fits"))
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / path.name).write_bytes(path.read_bytes())
    catalogue = allstar_hdus([STARS[star] for star, _ in rows], FIELD=np.array([f.encode() for _, f in rows], "S8"))
    catalogue.writeto(tmp_path / "allStar.fits")
    compiler = H5Compiler(tmp_path / "out.h5", tmp_path / "allStar.fits", tmp_path)
    compiler.labels, compiler.verbose = ["teff"], 0
    return compiler


def test_rows_of_one_star_in_two_fields(survey, tmp_path):
    compiler = copies(survey, tmp_path, [(1, "F1"), (0, "F1"), (1, "F2")], [(1, "F1"), (1, "F2"), (0, "F1")])
    columns = columns_of(run(compiler).path)
    np.testing.assert_array_equal(columns["catalogue_row"], [0, 1, 2])
    assert columns["star"][0] == columns["star"][2] != columns["star"][1]


@pytest.mark.parametrize("folder", ["F1", "F2", "elsewhere"])
def test_a_file_is_of_one_row_only(survey, tmp_path, folder):
    compiler = copies(survey, tmp_path, [(1, "F1"), (1, "F2")], [(1, folder)])
    report = run(compiler)
    assert (report.n_spectra, report.without_file) == (1, [STARS[1]])
    assert columns_of(report.path)["catalogue_row"] == [folder == "F2"]


def test_a_file_of_the_right_field_comes_before_one_of_the_wrong(survey, tmp_path):
    compiler = copies(survey, tmp_path, [(0, "F1")], [(0, "F2")])
    (tmp_path / "F1").mkdir()
    stars = simulate_apogee(1, seed=9)
    name = f"aspcapStar-r8-l31c.2-{STARS[0]}.fits"
    aspcapstar_hdus(STARS[0], stars.spectra[0], stars.spectra_err[0]).writeto(tmp_path / "F1" / name)
    columns = columns_of(run(compiler).path)
    np.testing.assert_allclose(
        columns["spectra"][0][:200], network_input(read_aspcapstar(tmp_path / "F1" / name))[0][0][:200], rtol=1e-5
    )


def test_a_damaged_header_is_told_and_the_rest_compiled(survey, tmp_path):
    compiler = copies(survey, tmp_path, [(0, "F1"), (1, "F1")], [(0, "F1"), (1, "F1")])
    path = tmp_path / "F1" / f"apStar-r8-{STARS[0]}.fits"
    good = path.read_bytes()
    assert good.count(b"SNR     =") == 1
    at = good.index(b"SNR     =")
    path.write_bytes(good[:at] + b"SNR     = '12.5 ~ not closed".ljust(80) + good[at + 80 :])
    report = run(compiler)
    assert report.n_spectra == 1
    assert [os.path.basename(name) for name in report.broken] == [path.name]
    assert "damaged header" in report.broken[str(path)]


# Crashes --------------------------------------------------------------------------------------------------------


def columns_of(path):
    with h5py.File(path) as file:
        return {name: file[name][()] for name in file}


def assert_same_files(one, other):
    one, other = columns_of(one), columns_of(other)
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("rows_per_part", [1, 3])
def test_after_an_error_it_goes_on_where_it_was(compiler, survey, monkeypatch, tmp_path, rows_per_part):
    whole = H5Compiler(tmp_path / "whole.h5", survey / "allStar.fits", survey)
    whole.verbose, whole.labels, whole.kind = 0, compiler.labels, "both"
    expected = run(whole)
    monkeypatch.setattr(compiler_module, "ROWS_PER_PART", rows_per_part)
    compiler.kind, read, seen = "both", compiler_module._spectra, []

    def interrupted(path, kind, dr):
        seen.append(path.name[10:-5])
        if len(seen) == 5:
            raise KeyboardInterrupt
        return read(path, kind, dr)

    monkeypatch.setattr(compiler_module, "_spectra", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(compiler)
    assert not compiler.path.exists() and beside(compiler.path)[0] == ".train.h5.parts"
    seen_before, seen[:] = list(seen), [""] * 5
    report = run(compiler)
    again = [star for star in seen[5:] if star in seen_before[:4]]
    assert len(again) <= (0 if rows_per_part == 1 else 2)  # finished parts are not read again
    assert (report.n_spectra, report.without_file) == (expected.n_spectra, expected.without_file)
    assert list(report.broken) == list(expected.broken)
    assert_same_files(report.path, whole.path)
    assert ".train.h5.parts" not in beside(compiler.path)


def test_parts_of_other_settings_are_not_mixed(compiler, monkeypatch):
    monkeypatch.setattr(compiler_module, "ROWS_PER_PART", 1)
    monkeypatch.setattr("astroNN.datasets._compiled_parts.CompiledParts.assemble", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(compiler)
    monkeypatch.undo()
    compiler.labels = ["teff"]
    with pytest.raises(ValueError, match=r"made with other settings \(labels, stars\). Say restart=True"):
        compiler.compile()
    run(compiler, restart=True)
    assert "logg" not in columns_of(compiler.path)


def unfinished(compiler, monkeypatch):
    """Leave the parts of a compilation behind, one a star."""
    with monkeypatch.context() as patch:
        patch.setattr(compiler_module, "ROWS_PER_PART", 1)
        patch.setattr("astroNN.datasets._compiled_parts.CompiledParts.assemble", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(compiler)
    return compiler.path.with_name(".train.h5.parts")


def test_parts_without_their_settings_are_not_taken(compiler, survey, tmp_path, monkeypatch):
    parts = unfinished(compiler, monkeypatch)
    (parts / "settings.json").unlink()  # what a kill while the folder is deleted might leave
    compiler.labels = ["logg"]
    run(compiler)
    assert_compiled_at_once(compiler, survey, tmp_path)


def test_a_part_without_its_notes_is_made_again(compiler, survey, tmp_path, monkeypatch):
    parts = unfinished(compiler, monkeypatch)
    max(parts.glob("0*.json")).unlink()
    report = run(compiler)
    assert report.without_file == [STARS[6]] and len(report.broken) == 1
    assert_compiled_at_once(compiler, survey, tmp_path)


def assert_compiled_at_once(compiler, survey, tmp_path):
    whole = H5Compiler(tmp_path / "at_once.h5", survey / "allStar.fits", survey)
    whole.verbose, whole.labels = 0, compiler.labels
    run(whole)
    assert_same_files(compiler.path, whole.path)


@pytest.mark.parametrize("labels", [("teff", "logg"), np.array(["teff", "logg"])], ids=["tuple", "array"])
def test_any_sequence_of_labels_can_be_gone_on_with(compiler, monkeypatch, labels):
    compiler.labels = labels
    unfinished(compiler, monkeypatch)
    assert run(compiler).n_spectra == 6


def test_after_files_were_put_where_they_belong(compiler, survey, tmp_path):
    right, compiler.folder = compiler.folder, tmp_path / "empty"
    compiler.folder.mkdir()
    with pytest.raises(ValueError, match="no spectrum to compile: 8 stars have no file"):
        run(compiler)
    for path in right.rglob("apStar*.fits"):
        (compiler.folder / path.name).write_bytes(path.read_bytes())
    assert run(compiler).n_spectra == 6


def test_a_file_that_appears_while_the_catalogue_is_read_is_kept(compiler, monkeypatch):
    read = compiler_module.read_catalogue

    def slowly(*arguments):
        compiler.path.write_text("of another process")
        return read(*arguments)

    monkeypatch.setattr(compiler_module, "read_catalogue", slowly)
    with pytest.raises(FileExistsError):
        compiler.compile()
    assert compiler.path.read_text() == "of another process"


def test_a_file_that_exists_is_kept_unless_told(compiler):
    compiler.path.write_text("mine")
    with pytest.raises(FileExistsError, match="exists already; nothing was done"):
        compiler.compile()
    assert compiler.path.read_text() == "mine"
    run(compiler, if_exists="replace")
    assert H5Loader(compiler.path, target="teff").load()[0].shape == (6, 7514)


KILLED = """
import sys, time
from astroNN.datasets import H5Compiler, compiler
compiler.ROWS_PER_PART = 1
read = compiler._spectra
def slowly(*arguments):
    time.sleep(0.3)
    return read(*arguments)
compiler._spectra = slowly
made = H5Compiler(sys.argv[1], sys.argv[2] + "/allStar.fits", sys.argv[2])
made.verbose, made.labels = 0, ["teff"]
made.compile()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_after_a_kill_it_goes_on_where_it_was(compiler, survey, tmp_path):
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(compiler.path), str(survey)])
    parts, end = tmp_path / ".train.h5.parts", time.monotonic() + 60
    while len(list(parts.glob("0*.npz"))) < 3:
        assert time.monotonic() < end and child.poll() is None
        time.sleep(0.01)
    with pytest.raises(ValueError, match="another process is at work on"):
        compiler.compile()
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not compiler.path.exists()
    compiler.labels = ["teff"]
    run(compiler)
    whole = H5Compiler(tmp_path / "whole.h5", survey / "allStar.fits", survey)
    whole.verbose, whole.labels = 0, ["teff"]
    run(whole)
    assert_same_files(compiler.path, whole.path)


# What can't be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "single"}, "`kind` must be one of 'combined', 'visits', 'both'"),
        ({"snr": 200}, r"`snr` must be \(lowest, highest\)"),
        ({"teff": ("hot", None)}, r"`teff` must be \(lowest, highest\)"),
        ({"labels": ["teff", "Xx"]}, "`labels` has 'Xx'"),
        ({"labels": ["fakemag"]}, "'fakemag' needs `parallax`"),
        ({"labels": "teff"}, "`labels` must be a list of labels, got 'teff'"),
        ({"labels": []}, "`labels` must be a list of labels"),
        ({"bad_label_bits": 3}, "`bad_label_bits` must be a list of bits"),
        ({"bad_label_bits": [0, 70]}, "`bad_label_bits` must be a list of bits"),
        ({"dr": 12}, "`dr`"),
        ({"dr": "14"}, "`dr`"),
        ({"parallax": np.ones(8)}, "`parallax_err` is None; give both"),
        (
            {"parallax": np.ones(9), "parallax_err": np.ones(9)},
            r"`parallax` must hold a number for each of the 8 rows",
        ),
        ({"parallax": np.ones(8) * u.K, "parallax_err": np.ones(8)}, "`parallax` has the unit 'K'"),
    ],
)
def test_settings_that_can_not_be_used(compiler, settings, message):
    for name, value in settings.items():
        setattr(compiler, name, value)
    with pytest.raises(ValueError, match=message) as caught:
        compiler.compile()
    assert "can't be read as the catalogue" not in str(caught.value)
    assert not compiler.path.exists() and not list(compiler.path.parent.glob(".train*"))


def test_catalogues_and_folders_that_can_not_be_used(compiler, survey, tmp_path):
    compiler.folder = tmp_path / "none"
    with pytest.raises(FileNotFoundError, match="`folder`: there is no folder"):
        compiler.compile()
    for catalogue, error, message in [
        (tmp_path / "none.fits", FileNotFoundError, "`catalogue`: there is no file"),
        (next(survey.rglob("apStar*7*.fits")), ValueError, "can't be read as the catalogue allStar"),
        (Table({"APOGEE_ID": STARS}), ValueError, "the catalogue has no column SNR"),
        (Table({"SNR": np.ones(8)}), ValueError, "the catalogue has no column APOGEE_ID"),
        (False, TypeError, "`catalogue` must be the path of the file allStar, or a table, got False"),
    ]:
        compiler.catalogue = catalogue
        with pytest.raises(error, match=message):
            compiler.compile()
