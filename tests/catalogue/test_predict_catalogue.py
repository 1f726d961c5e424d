"""The catalogue against `predict` of the same spectra, also where files are odd or broken."""

import warnings

import h5py
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from astroNN.catalogue import FLAGS, _parts, predict_catalogue
from astroNN.models import ApogeeCNN, load_folder
from astroNN.nn.calibration import OutOfDistribution
from astroNN.shared import blocks
from tests.catalogue.conftest import N_PIXELS, N_STARS, made, predicted, read, rows_of, spectra_of

LABEL_COLUMNS = [
    f"{name}{end}" for name in ("teff", "other") for end in ("", "_err", "_err_model", "_err_predictive")
]


@pytest.mark.parametrize("end", [".fits", ".h5", ".parquet"])
def test_holds_what_predict_gives_for_each_file(network, survey, tmp_path, end):
    if end == ".parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    summary = made(network, survey, tmp_path / f"out{end}")
    columns, table = read(tmp_path / f"out{end}")
    assert table.colnames == ["file", "row", "APOGEE_ID", "RA", "visit", *LABEL_COLUMNS, "missing_fraction", "flag"]
    assert str(table["teff"].unit) == "K" == str(table["teff_err"].unit)
    assert summary.n_rows == len(table) == sum(N_STARS) and summary.n_files == len(N_STARS)
    for number, n_stars in enumerate(N_STARS, 1):
        path = survey / f"field{number}.h5"
        rows = rows_of(columns, path)
        pred, pred_std = predicted(network, path)
        assert np.array_equal(columns["row"][rows], np.arange(n_stars))
        for k, name in enumerate(["teff", "other"]):
            np.testing.assert_array_equal(columns[name][rows], pred[:, k])
            np.testing.assert_array_equal(columns[f"{name}_err"][rows], pred_std["total"][:, k])
            np.testing.assert_array_equal(columns[f"{name}_err_model"][rows], pred_std["model"][:, k])
        with h5py.File(path) as file:
            identifiers = [str(np.asarray(one).astype(str)) for one in columns["APOGEE_ID"][rows]]
            assert identifiers == list(file["APOGEE_ID"].asstr()[:])
            np.testing.assert_array_equal(columns["RA"][rows], file["RA"][:])
            np.testing.assert_array_equal(columns["visit"][rows], file["visit"][:])
            np.testing.assert_allclose(columns["missing_fraction"][rows], file["mask"][:].mean(axis=1), rtol=1e-6)
            bad = file["mask"][:].mean(axis=1)
        expected = np.where(bad == 1, FLAGS["no_good_pixel"], np.where(bad > 0.2, FLAGS["many_missing_pixels"], 0))
        np.testing.assert_array_equal(columns["flag"][rows], expected)
    assert list(tmp_path.glob(".out*")) == []  # nothing is left of the parts


def test_header_tells_where_it_comes_from(network, survey, tmp_path):
    made(network, survey, tmp_path / "out.fits", sampling="fast")
    with fits.open(tmp_path / "out.fits") as hdus:
        hdus.verify("exception")
        header = hdus["CATALOGUE"].header
        assert header["NETWORK"] == "ApogeeBCNN" and header["SAMPLING"] == "fast" and header["MC_NUM"] == 20
        assert not hdus["CATALOGUE"].data["teff"].dtype.hasobject


def test_parts_of_a_file_have_the_numbers_of_the_whole(network, survey, tmp_path, monkeypatch):
    made(network, survey, tmp_path / "whole.fits")
    monkeypatch.setattr(blocks, "_MOST_BYTES", 64 * 4 * N_PIXELS)  # 64 spectra
    made(network, survey, tmp_path / "parts.fits")
    assert (tmp_path / "whole.fits").read_bytes() == (tmp_path / "parts.fits").read_bytes()


def test_without_masks_and_with_errors(network, survey, tmp_path):
    path = survey / "field2.h5"
    made(network, path, tmp_path / "out.fits", mask=None, errors="spectra_err", keep=["visit"])
    columns, table = read(tmp_path / "out.fits")
    assert "RA" not in table.colnames and "visit" in table.colnames
    net = load_folder(network)
    net.verbose = 0
    pred, pred_std = net.predict(spectra_of(2, 130), np.full((130, N_PIXELS), 0.01, "float32"))
    np.testing.assert_array_equal(columns["teff"], pred[:, 0])
    np.testing.assert_array_equal(columns["teff_err_propagated"], pred_std["propagated"][:, 0])
    assert not columns["flag"].any()


def test_broken_files_are_told_and_flagged(network, survey, tmp_path):
    whole = (survey / "field1.h5").read_bytes()
    (survey / "broken.h5").write_bytes(whole[:3000])
    (survey / "array.npy").write_bytes(b"\x93NUMPY\x01\x00 no header")
    summary = made(network, survey, tmp_path / "out.fits")
    columns, _ = read(tmp_path / "out.fits")
    assert summary.n_rows == sum(N_STARS) + 2 and summary.flags["unreadable"] == 2
    assert {path for path, _ in summary.broken} == {str(survey / "broken.h5"), str(survey / "array.npy")}
    unread = np.flatnonzero(columns["row"] == -1)
    assert all(columns["flag"][unread] & FLAGS["unreadable"])
    assert np.isnan(columns["teff"][unread]).all() and np.isnan(columns["teff_err"][unread]).all()
    assert "broken.h5" in str(summary)


def test_a_file_that_breaks_while_it_is_read(network, survey, tmp_path, monkeypatch):
    """Its chunks, not its header, are damaged: it is found out in the middle of the work."""
    path = survey / "field9.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("spectra", data=spectra_of(9, 640), chunks=(64, N_PIXELS), compression="gzip")
        place = data.id.get_chunk_info(3).byte_offset
    content = bytearray(path.read_bytes())
    content[place : place + 200] = b"\xff" * 200
    path.write_bytes(content)
    summary = made(network, survey, tmp_path / "out.fits")
    assert summary.flags["unreadable"] == 64 and summary.broken[0][0] == str(path)
    columns, _ = read(tmp_path / "out.fits")
    rows = rows_of(columns, path)
    np.testing.assert_array_equal(columns["row"][rows], np.arange(640))
    lost = columns["flag"][rows] & FLAGS["unreadable"] > 0
    np.testing.assert_array_equal(np.flatnonzero(lost), np.arange(192, 256))
    assert np.isnan(columns["teff"][rows][lost]).all() and np.isfinite(columns["teff"][rows][~lost]).all()


def test_infinite_pixels_are_missing(network, tmp_path):
    x = spectra_of(5, 70)
    x[7, 10:12] = np.inf
    np.save(tmp_path / "x.npy", x)
    made(network, tmp_path / "x.npy", tmp_path / "out.fits")
    columns, _ = read(tmp_path / "out.fits")
    net = load_folder(network)
    net.verbose = 0
    pred, _ = net.predict(np.where(np.isinf(x), np.nan, x))
    np.testing.assert_array_equal(columns["teff"], pred[:, 0])
    assert columns["missing_fraction"][7] == np.float32(2 / N_PIXELS)


def test_outliers_are_flagged(network, tmp_path):
    detector = OutOfDistribution(n_components=3).fit(spectra_of(0, 2000))
    detector.save(tmp_path / "usual.npz")
    x = spectra_of(5, 300)
    x[5] += 0.5
    np.save(tmp_path / "x.npy", x)
    summary = made(network, tmp_path / "x.npy", tmp_path / "out.fits", outliers=tmp_path / "usual.npz")
    columns, _ = read(tmp_path / "out.fits")
    assert columns["flag"][5] == FLAGS["out_of_distribution"]
    np.testing.assert_allclose(columns["outlier_p"], detector.p_value(detector.score(x)), rtol=1e-6)
    flagged = detector.is_outlier(x, false_alarm=0.01)
    assert summary.flags["out_of_distribution"] == flagged.sum() < 20


def test_detector_with_errors_needs_their_name(network, survey, tmp_path):
    errors = np.full((2000, N_PIXELS), 0.01)
    OutOfDistribution(n_components=3).fit(spectra_of(0, 2000), errors).save(tmp_path / "usual.npz")
    with pytest.raises(ValueError, match="errors='spectra_err'"):
        made(network, survey, tmp_path / "out.fits", outliers=tmp_path / "usual.npz")
    with pytest.raises(ValueError, match="false_alarm"):
        made(
            network,
            survey,
            tmp_path / "out.fits",
            outliers=tmp_path / "usual.npz",
            errors="spectra_err",
            false_alarm=0,
        )
    made(network, survey, tmp_path / "out.fits", outliers=tmp_path / "usual.npz", errors="spectra_err")
    assert "outlier_p" in read(tmp_path / "out.fits")[0]


def from_text(path):
    """Reads a spectrum as a user would; at module level, so that other processes find it."""
    return np.loadtxt(path)


def test_files_of_one_spectrum_and_a_table_of_them(network, tmp_path, monkeypatch):
    monkeypatch.setattr(_parts, "FILES_TOGETHER", 64)
    x = spectra_of(5, 100)
    for k, one in enumerate(x):
        np.savetxt(tmp_path / f"s{k:03d}.fits", one)
    (tmp_path / "s050.fits").write_text("no numbers")
    paths = [f"s{k:03d}.fits" for k in range(100)]
    listed = Table({"path": paths, "source_id": 10_000 + np.arange(100), "other_thing": np.arange(100)})
    listed.write(tmp_path / "list.csv")
    summary = made(network, tmp_path / "list.csv", tmp_path / "out.fits", reader=from_text)
    columns, table = read(tmp_path / "out.fits")
    assert "other_thing" not in table.colnames
    np.testing.assert_array_equal(columns["source_id"], 10_000 + np.arange(100))
    net = load_folder(network)
    net.verbose = 0
    x[50] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        pred, _ = net.predict(x)
    # Numbers that were printed and read again: the last digit may be another one.
    np.testing.assert_allclose(columns["teff"], pred[:, 0], rtol=1e-5)
    assert summary.broken[0][0].endswith("s050.fits") and "ValueError" in summary.broken[0][1]
    assert columns["row"][50] == -1 and columns["flag"][50] & FLAGS["unreadable"]
    of_objects = predict_catalogue(
        network, Table({"path": [str(tmp_path / p) for p in paths]}), tmp_path / "b.fits", reader=from_text, verbose=0
    )
    assert of_objects.n_rows == 100


def test_network_without_uncertainties(survey, tmp_path):
    x = spectra_of(0, 300)
    net = ApogeeCNN(lr=0.01)
    net.seed, net.verbose, net.max_epochs, net.num_hidden, net.targetname = 1, 0, 1, [16, 8], ["sum"]
    net.fit(x, x[:, :6].sum(axis=1, keepdims=True))
    folder = net.save(tmp_path / "plain")
    made(folder, survey / "field1.h5", tmp_path / "out.fits", mask=None)
    columns, table = read(tmp_path / "out.fits")
    assert [name for name in table.colnames if name.startswith("sum")] == ["sum"]
    np.testing.assert_array_equal(columns["sum"], net.predict(spectra_of(1, 200))[:, 0])


def test_identifiers_keep_their_numbers(network, survey, tmp_path):
    """Nineteen digits are more than a float has; where nothing is known there is a filler."""
    for number, values in ((1, np.array([4295806720000000123] * 200)), (3, np.full(65, 40000, "uint16"))):
        with h5py.File(survey / f"field{number}.h5", "a") as file:
            file["source_id"] = values
    (survey / "zz_broken.h5").write_bytes(b"no HDF5")
    made(network, survey, tmp_path / "out.h5", keep=["source_id", "visit"])
    columns, _ = read(tmp_path / "out.h5")
    assert columns["source_id"].dtype == np.int64 and columns["visit"].dtype.kind == "i"
    assert set(columns["source_id"][rows_of(columns, survey / "field1.h5")]) == {4295806720000000123}
    assert set(columns["source_id"][rows_of(columns, survey / "field3.h5")]) == {40000}
    assert set(columns["source_id"][rows_of(columns, survey / "field2.h5")]) == {-1}
    assert columns["visit"][-1] == columns["row"][-1] == -1


def test_half_precision_has_no_magic_number(network, tmp_path):
    x = spectra_of(5, 70).astype("float16")
    x[2, :30] = -9999.0
    np.save(tmp_path / "x.npy", x)
    made(network, tmp_path / "x.npy", tmp_path / "out.fits")
    columns, _ = read(tmp_path / "out.fits")
    assert columns["missing_fraction"][2] == 0.5 and columns["flag"][2] == FLAGS["many_missing_pixels"]


def test_errors_beside_a_broken_file(network, survey, tmp_path):
    (survey / "broken.h5").write_bytes(b"no HDF5")
    with h5py.File(survey / "field2.h5", "a") as file:
        file["spectra_err"][5, 3], file["spectra_err"][6, 3] = np.inf, -1.0
    made(network, survey, tmp_path / "out.fits", errors="spectra_err")
    columns, _ = read(tmp_path / "out.fits")
    assert np.isfinite(columns["teff_err_propagated"]).sum() == np.isfinite(columns["teff"]).sum()


def test_paths_hold_from_another_folder(network, survey, tmp_path, monkeypatch):
    """A worker may stand elsewhere."""
    from astroNN.catalogue import _work

    monkeypatch.chdir(tmp_path)
    read_here = _work.Work.read

    def read_elsewhere(self, part):
        with monkeypatch.context() as patched:
            patched.chdir("/")
            return read_here(self, part)

    monkeypatch.setattr(_work.Work, "read", read_elsewhere)
    summary = made(network, "survey", "out.fits")
    assert summary.flags["unreadable"] == 0
    assert len(rows_of(read(tmp_path / "out.fits")[0], "survey/field1.h5")) == N_STARS[0]


def test_a_fault_of_the_machine_is_no_broken_file(network, survey, tmp_path, monkeypatch):
    def too_many(*arguments):
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(h5py, "File", too_many)
        with pytest.raises(OSError, match="Too many open files"):
            made(network, survey, tmp_path / "out.fits")
    assert made(network, survey, tmp_path / "out.fits").flags["unreadable"] == 0
