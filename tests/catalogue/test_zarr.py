"""Catalogues of spectra in stores of zarr: as of the same spectra in HDF5."""

import warnings

import h5py
import numpy as np
import pytest

from astroNN.catalogue import FLAGS, predict_catalogue
from astroNN.shared.errors import ConfigurationError
from astroNN.shared.tables import read_table
from tests.catalogue.conftest import N_PIXELS, spectra_of

zarr = pytest.importorskip("zarr", reason="zarr is not installed")


def made(*arguments, **settings):
    summary = predict_catalogue(*arguments, verbose=0, **settings)
    return summary, read_table(arguments[2], "test")


@pytest.fixture
def stores(survey):
    """The survey, every file of which has become a store."""
    for path in sorted(survey.glob("*.h5")):
        with h5py.File(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # texts have no standard in zarr
            store = zarr.open_group(path.with_suffix(".zarr"), mode="w")
            for name in file:
                values = file[name].asstr()[:].astype(str) if name == "APOGEE_ID" else file[name][:]
                store.create_array(name, data=values, chunks=(min(len(values), 64), *values.shape[1:]))
        path.rename(path.parent.parent / path.name)
    return survey


@pytest.mark.parametrize("named", ["", "*.zarr", "field2.zarr/"])
def test_the_catalogue_is_that_of_hdf5(network, stores, tmp_path, named):
    files = tmp_path / "field2.h5" if named.startswith("field2") else sorted(tmp_path.glob("field*.h5"))
    _, expected = made(network, files, tmp_path / "hdf5.h5", errors="spectra_err")
    _, found = made(network, f"{stores}/{named}", tmp_path / "zarr.h5", errors="spectra_err")
    assert found.colnames == expected.colnames and "APOGEE_ID" in found.colnames
    for name in set(found.colnames) - {"file"}:
        np.testing.assert_array_equal(found[name], expected[name])


def test_one_array_without_a_name(network, tmp_path):
    x = spectra_of(5, 70)
    zarr.save_array(tmp_path / "x.zarr", x)
    np.save(tmp_path / "x.npy", x)
    summary, found = made(network, [tmp_path / "x.zarr", tmp_path / "x.npy"], tmp_path / "out.h5")
    assert summary.n_rows == 140 and not found["flag"].any()
    np.testing.assert_array_equal(found["teff"][:70], found["teff"][70:])


def test_a_damaged_chunk_costs_its_stars_and_a_damaged_store_one_row(network, stores, tmp_path):
    chunk, header = stores / "field1.zarr/spectra/c/1/0", stores / "field3.zarr/spectra/zarr.json"
    for path in (chunk, header):
        path.write_bytes(path.read_bytes()[:50])
    summary, found = made(network, stores, tmp_path / "out.h5")
    lost = np.flatnonzero(found["flag"] & FLAGS["unreadable"])
    np.testing.assert_array_equal(lost, [*range(64, 128), 330])
    assert np.isnan(found["teff"][lost]).all() and np.isfinite(found["teff"][:3]).all()
    assert found["row"][330] == -1
    (first, reason), (second, _) = summary.broken
    assert (first, second) == tuple(str(stores / f"field{k}.zarr") for k in (1, 3))
    assert reason.startswith("rows 64 to 127 can't be read")


def test_what_is_no_store_is_told(network, tmp_path):
    (tmp_path / "folder.zarr").mkdir()
    (tmp_path / "file.zarr").write_text("no store")
    summary, found = made(network, sorted(tmp_path.glob("*.zarr")), tmp_path / "out.h5")
    assert summary.flags["unreadable"] == len(found) == 2


def test_the_array_of_a_store_is_named_by_the_user(network, tmp_path):
    store = zarr.open_group(tmp_path / "a.zarr", mode="w")
    store.create_array("flux", data=spectra_of(5, 70))
    with pytest.raises(ValueError, match=r"no data set 'spectra' or 'images'; it has flux.*`spectra`"):
        made(network, tmp_path / "a.zarr", tmp_path / "out.h5")
    assert made(network, tmp_path / "a.zarr", tmp_path / "out.h5", spectra="flux")[0].n_rows == 70


def test_a_chunk_that_has_changed_is_predicted_again(network, tmp_path, monkeypatch):
    """The folder itself looks as before."""
    from astroNN.catalogue import predict

    x = spectra_of(5, 130)
    for name in ("a", "b"):
        zarr.save_array(tmp_path / f"{name}.zarr", x)

    def stops(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(predict, "join_parts", stops)
        with pytest.raises(OSError, match="No space left"):
            made(network, tmp_path, tmp_path / "out.h5")
    zarr.open(tmp_path / "b.zarr", mode="r+")[100] = x[0]
    with pytest.raises(ConfigurationError, match="answering"):
        made(network, tmp_path, tmp_path / "out.h5", sampling="fast")
    summary, found = made(network, tmp_path, tmp_path / "out.h5")
    assert summary.n_resumed == 130
    assert N_PIXELS == x.shape[1] and found["teff"][100] != found["teff"][230]
