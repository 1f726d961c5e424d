"""Pieces of the workflow of the paper, on small archives of simulated stars."""

import importlib
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable.ucd import parse_ucd
from astropy.table import Table

from astroNN.apogee import read_apstar, read_aspcapstar
from tests.demo.paper_scripts import FOLDER, MISSING, NEEDS_SCRIPTS, run

pytestmark = NEEDS_SCRIPTS


@pytest.fixture(scope="module")
def paper():
    """Modules of the workflow by their names, as its scripts see them."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(FOLDER))
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(str(FOLDER)):
                del sys.modules[name]


@pytest.fixture(scope="module")
def archives(paper, tmp_path_factory):
    """Small archives by release: 24 stars of the field, 3 members of each of 4 clusters."""
    make = paper("make_simulated_sas").make_archive
    made = {}

    def archive(dr):
        if dr not in made:
            made[dr] = tmp_path_factory.mktemp("archive") / f"sas{dr}"
            make(made[dr], n_stars=24, n_members=3, dr=dr, seed=3, verbose=False)
        return made[dr]

    return archive


@pytest.fixture(scope="module")
def compiled(archives, tmp_path_factory):
    """Work folders after the first two steps, by release."""
    made = {}

    def work(dr):
        if dr not in made:
            made[dr] = tmp_path_factory.mktemp("work")
            sas = archives(dr)
            clusters = sas / "simulated_clusters.txt"
            run("1_choose_stars.py", "--work", made[dr], "--sas", sas, "--dr", dr, "--clusters", clusters,
                "--test-fraction", 0.3)  # fmt: skip
            run("2_compile_files.py", "--work", made[dr])
        return made[dr]

    return work


@pytest.mark.one_backend
class TestSimulatedArchive:
    def test_an_existing_folder_is_left_alone(self, tmp_path):
        (tmp_path / "mine.txt").write_text("keep")
        done = run("make_simulated_sas.py", tmp_path, "--stars", 20, "--members", 2, check=False)
        assert done.returncode == 2
        assert "exists" in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    def test_the_combination_is_the_weighted_mean_of_the_visits(self, archives):
        paths = sorted(archives(14).rglob("apStar-*.fits"), key=lambda path: -path.stat().st_size)
        with fits.open(paths[0]) as hdus:
            flux, err, bits = (hdus[number].data for number in (1, 2, 3))
            assert flux.shape == (2 + hdus[0].header["NVISITS"], 8575)
        good = (bits == 0).all(axis=0)
        weight = 1.0 / np.float64(err[2:, good]) ** 2
        np.testing.assert_allclose(flux[0, good], (weight * flux[2:, good]).sum(0) / weight.sum(0), rtol=1e-5)
        np.testing.assert_allclose(err[0, good], weight.sum(0) ** -0.5, rtol=1e-5)
        visit = read_apstar(paths[0], visit=1)
        assert visit.snr < read_apstar(paths[0]).snr

    def test_a_star_of_one_visit_has_arrays_of_one_dimension(self, archives):
        shapes = set()
        for path in archives(14).rglob("apStar-*.fits"):
            if fits.getval(path, "NVISITS") == 1 and path.stat().st_size > 70_000:  # not the one that is cut off
                shapes |= {fits.getdata(path, number).shape for number in (1, 2, 3)}
        assert shapes == {(8575,)}

    def test_files_lie_where_the_archive_has_them(self, archives):
        root = archives(17) / "dr17/apogee/spectro"
        allstar = Table.read(root / "aspcap/dr17/synspec_rev1/allStar-dr17-synspec_rev1.fits", hdu=1)
        southern = allstar[[str(name).strip() == "lco25m" for name in allstar["TELESCOPE"]]]
        assert len(southern)
        for row in southern:
            field, star = str(row["FIELD"]).strip(), str(row["APOGEE_ID"]).strip()
            name = f"redux/dr17/stars/lco25m/{field}/asStar-dr17-{star}.fits"
            aspcap = f"aspcap/dr17/synspec_rev1/lco25m/{field}/aspcapStar-dr17-{star}.fits"
            if (root / name).exists():
                assert read_aspcapstar(root / aspcap).apogee_id == star

    def test_members_share_their_iron_and_trade_magnesium_for_aluminium(self, archives):
        truth = Table.read(archives(14) / "simulated_truth.fits")
        members = truth[[str(name).strip() == "SimGC2" for name in truth["CLUSTER"]]]
        np.testing.assert_allclose(members["Fe"], -1.5)
        slope = np.polyfit(members["Mg"], members["Al"], 1)[0]
        assert slope == pytest.approx(-2.0)

    def test_some_files_are_missing_and_one_is_cut_off(self, archives, paper):
        settings = paper("paper.settings").Settings(Path(), str(archives(14)), 14, 0)
        path = paper("paper.archive").allstar_path(settings)
        paths = paper("paper.archive").spectrum_paths(settings, fits.getdata(path, 1))
        assert sum(one is None for one in paths) == 2
        names = fits.getdata(path, 1)["APOGEE_ID"]
        assert all(str(name).strip() in one.name for name, one in zip(names, paths, strict=True) if one)


@pytest.mark.one_backend
class TestChoice:
    def test_each_cut_is_that_of_the_paper(self, paper):
        good = {"SNR": 250.0, "TEFF": 4500.0, "LOGG": 2.0, "FE_H": -0.5, "VSCATTER": 0.1, "STARFLAG": 0,
                "ASPCAPFLAG": 0}  # fmt: skip
        bad = [("SNR", 199.0), ("TEFF", 3990.0), ("TEFF", 5510.0), ("LOGG", -0.1), ("LOGG", 4.1), ("FE_H", -3.1),
               ("VSCATTER", 1.1), ("STARFLAG", 512), ("ASPCAPFLAG", 1 << 23), ("TEFF", MISSING), ("LOGG", np.nan),
               ("VSCATTER", MISSING)]  # fmt: skip
        table = {name: np.array([value, *(bad_value if bad_name == name else value for bad_name, bad_value in bad)])
                 for name, value in good.items()}  # fmt: skip
        passed = np.all(list(paper("paper.cuts").PAPER.each(table).values()), axis=0)
        assert passed.tolist() == [True] + [False] * len(bad)

    def test_lists_share_no_star(self, compiled, archives):
        names = {name: _names(compiled(14) / "stars" / f"{name}.fits") for name in ("training", "test", "low_snr")}
        benchmark = {line.split()[0] for line in (archives(14) / "simulated_clusters.txt").read_text().splitlines()}
        assert len(names["training"]) > len(names["test"]) > 0
        assert not names["training"] & names["test"]
        assert not names["training"] & names["low_snr"]
        assert not set.union(*names.values()) & benchmark

    def test_a_star_with_two_rows_is_on_one_side(self, paper):
        split = paper("1_choose_stars").split
        stars = np.array([f"2M{number // 2}" for number in range(200)])
        is_test = split(stars, 0.3, seed=1)
        assert is_test.sum() == 60
        assert (is_test[::2] == is_test[1::2]).all()

    def test_another_archive_needs_another_folder(self, compiled, archives):
        done = run("1_choose_stars.py", "--work", compiled(14), "--sas", archives(17), "--dr", 17, check=False)
        assert done.returncode != 0
        assert "Name another folder" in done.stderr

    def test_a_folder_that_was_not_begun_is_told(self, tmp_path):
        done = run("2_compile_files.py", "--work", tmp_path, check=False)
        assert "run 1_choose_stars.py" in done.stderr


def _names(path):
    return {str(name).strip() for name in fits.getdata(path, 1)["APOGEE_ID"]}


@pytest.mark.one_backend
class TestCompiledFiles:
    @pytest.mark.parametrize("dr", [14, 17])
    def test_labels_are_those_of_the_catalogue_but_for_flagged_ones(self, compiled, dr):
        work = compiled(dr)
        with fits.open(work / "stars" / "training.fits") as hdus:
            table, symbols = hdus[1].data, [str(name).strip() for name in hdus[3].data["ELEM_SYMBOL"][0]]
        with h5py.File(work / "spectra" / "training.h5") as file:
            rows = file["catalogue_row"][()]
            for label, symbol in (("Mg", "Mg"), ("C1", "CI"), ("Ti2", "TiII")):
                place = symbols.index(symbol)
                values, flags = (np.array(table[name][rows, place]) for name in ("X_H", "ELEMFLAG"))
                expected = np.where(flags & 255, MISSING, values)
                np.testing.assert_array_equal(file[label][()], expected.astype("float32"))
            assert ("P" in file) == (dr == 14)

    def test_the_test_file_holds_the_visits(self, compiled):
        work = compiled(14)
        visits = {str(row["APOGEE_ID"]).strip(): row["NVISITS"] for row in fits.getdata(work / "stars/test.fits", 1)}
        with h5py.File(work / "spectra/test.h5") as file:
            names, number = file["APOGEE_ID"][()].astype(str), file["visit"][()]
        for name in set(names):
            assert sorted(number[names == name]) == list(range(visits[name] + 1))

    def test_garbage_in_bad_pixels_is_masked(self, compiled):
        with h5py.File(compiled(14) / "spectra/training.h5") as file:
            spectra, mask = file["spectra"][()], file["mask"][()].astype(bool)
        assert 0.0 < mask.mean() < 0.1
        assert (spectra[mask] == 1).all()
        assert np.abs(spectra[~mask] - 1).max() < 1.0

    def test_only_missing_spectra_are_fetched(self, archives, paper, monkeypatch):
        archive = paper("paper.archive")
        settings = paper("paper.settings").Settings(Path(), str(archives(17)), 17, 0)
        table = fits.getdata(archive.allstar_path(settings), 1)
        asked = []
        monkeypatch.setattr(archive, "visit_spectra", lambda dr, **place: asked.append((dr, place)))
        assert archive.fetch_spectra(settings, table) == len(table) - 2
        missing = [row for row, path in enumerate(archive.spectrum_paths(settings, table)) if path is None]
        names = [str(table["APOGEE_ID"][row]).strip() for row in missing]
        assert [place["apogee"] for _, place in asked] == names
        assert {dr for dr, _ in asked} == {17}
        assert {"field", "telescope"} <= set(asked[0][1])


@pytest.mark.one_backend
class TestBenchmark:
    def test_the_table_of_meszaros_is_read(self, paper, shared_data):
        table = paper("paper.clusters").read_benchmark(shared_data / "cluster_stars_meszaros2013.txt")
        assert (len(table), len(set(table["cluster"]))) == (559, 20)
        m92 = table[table["cluster"] == "M92"]
        # [Fe/H] of M92 in the literature: -2.3 (Harris 1996, 2010 edition).
        assert np.median(m92["M_H_cal"]) == pytest.approx(-2.3, abs=0.1)

    def test_a_simulated_table_is_read_alike(self, paper, archives):
        table = paper("paper.clusters").read_benchmark(archives(14) / "simulated_clusters.txt")
        assert list(np.unique(table["cluster"], return_counts=True)[1]) == [3, 3, 3, 3]

    @pytest.mark.parametrize("line", ["2M17162228+4258036 M92 -118.06", "17162228 M92" + " 1.0" * 16])
    def test_another_format_is_told(self, paper, tmp_path, line):
        (tmp_path / "table.txt").write_text(line + "\n")
        with pytest.raises(SystemExit, match="line 1 of"):
            paper("paper.clusters").read_benchmark(tmp_path / "table.txt")


class TestTraining:
    def test_a_label_that_no_star_has_is_not_learned(self, paper):
        training, samples = paper("paper.training"), paper("paper.samples")
        labels = np.random.default_rng(0).normal(size=(40, 22)).astype("float32")
        column, iron = training.LABELS.index("P"), training.LABELS.index("Fe")
        labels[:, column] = np.nan
        labels[5, iron] = np.nan
        sample = samples.Sample(None, None, None, labels, np.ones_like(labels), np.arange(40))
        assert np.flatnonzero(~samples.learned(labels)).tolist() == [column]
        kept, err, names = training._labels_to_learn("bayesian", sample)
        assert kept.shape == err.shape == (40, 21)
        assert "P" not in names
        filled, err, names = training._labels_to_learn("censored", sample)
        assert names == list(training.LABELS)
        np.testing.assert_array_equal(filled[:, column], labels[:, iron])
        assert (err[:, column] == 10).all()
        np.testing.assert_array_equal(np.delete(filled, column, 1), np.delete(labels, column, 1))

    def test_few_stars_are_trained_otherwise_than_many(self, paper):
        recipe_for = paper("paper.training").recipe_for
        assert recipe_for("bayesian", 30_000) == paper("paper.training").Recipe()
        assert recipe_for("bayesian", 300).falls
        epochs = {
            n: tuple(recipe_for(name, n).epochs for name in ("bayesian", "censored")) for n in (235, 1000, 4999)
        }
        assert epochs == {235: (300, 150), 1000: (110, 60), 4999: (60, 60)}
        assert recipe_for("censored", 300, epochs=7).epochs == 7

    def test_the_rate_of_a_short_training_grows_stays_and_falls(self, paper):
        rates = np.array([paper("paper.training")._rate((epoch + 0.5) / 100) for epoch in range(100)])
        np.testing.assert_allclose(rates[:5], [0.1, 0.3, 0.5, 0.7, 0.9])
        assert (rates[5:30] == 1).all()
        assert (np.diff(rates[30:]) < 0).all()
        # Half way down in the middle of the fall: cos(pi / 4) ** 2.
        assert rates[64:66].mean() == pytest.approx(0.5)
        assert 0 < rates[-1] < 1e-3


def small_catalogue(catalogue, names=("teff", "logg", "Fe")):
    stars = {
        "APOGEE_ID": np.array(["2M00000000+0000000", "2M00000001+0000000"]),
        "LOCATION_ID": np.array([4424, -9999]),
        "RA": np.array([10.0, np.nan]),
        "DEC": np.array([-5.0, 5.0]),
    }
    labels = np.array([[4500.0, 2.0, np.nan], [np.nan] * 3])
    cards = {"NETWORK": ("ApogeeBCNN", "class"), "WEIGHSHA": ("0" * 64, ""), "MISSING": (MISSING, "not known")}
    return catalogue.catalogue_hdus(stars, labels, labels / 100, names, cards)


@pytest.mark.one_backend
class TestCatalogue:
    def test_astropy_reads_columns_units_and_gaps(self, paper, tmp_path):
        catalogue = paper("paper.catalogue")
        catalogue.write_catalogue(tmp_path / "c.fits", small_catalogue(catalogue))
        table = Table.read(tmp_path / "c.fits", hdu=1)
        assert table.colnames == ["APOGEE_ID", "LOCATION_ID", "RA", "DEC", "astroNN", "astroNN_error"]
        assert not any(table[name].dtype.kind == "O" for name in table.colnames)
        assert table["RA"].unit == table["DEC"].unit == "deg"
        assert table["LOCATION_ID"].mask.tolist() == [False, True]
        raw = fits.getdata(tmp_path / "c.fits", 1)
        np.testing.assert_array_equal(raw["astroNN"], np.float32([[4500, 2, MISSING], [MISSING] * 3]))
        np.testing.assert_array_equal(raw["astroNN_error"], np.float32([[45, 0.02, MISSING], [MISSING] * 3]))
        assert raw["RA"].tolist() == [10.0, MISSING]

    def test_every_column_has_a_ucd_of_the_vocabulary(self, paper):
        hdus = small_catalogue(paper("paper.catalogue"))
        hdus.verify("exception")
        n_columns = hdus[1].header["TFIELDS"]
        ucds = [hdus[1].header[f"TUCD{number}"] for number in range(1, n_columns + 1)]
        for ucd in [*ucds, *(str(ucd).strip() for ucd in hdus["LABELS"].data["UCD"])]:
            parse_ucd(ucd, check_controlled_vocabulary=True)

    def test_the_labels_are_named_with_units(self, paper):
        hdus = small_catalogue(paper("paper.catalogue"))
        assert list(hdus["LABELS"].data["UNIT"]) == ["K", "dex", "dex"]
        assert [hdus[1].header[f"LUNIT{number}"] for number in (1, 2, 3)] == ["K", "dex", "dex"]
        assert [hdus[1].header[f"LABEL{number}"] for number in (1, 2, 3)] == ["teff", "logg", "Fe"]

    def test_the_same_numbers_give_the_same_file(self, paper, tmp_path):
        catalogue = paper("paper.catalogue")
        for name in ("a.fits", "b.fits"):
            catalogue.write_catalogue(tmp_path / name, small_catalogue(catalogue))
        assert (tmp_path / "a.fits").read_bytes() == (tmp_path / "b.fits").read_bytes()
