"""Networks whose labels are in tables on disk: the columns that are meant are found, whatever the format."""

import h5py
import numpy as np
import pandas
import pytest
from astropy.table import Table

from astroNN.datasets import simulate_apogee
from astroNN.models import ApogeeBCNN
from astroNN.models._data import checked_sample
from astroNN.models._label_files import table_of

N_STARS = 320


def label_file(kind, folder, stars):
    table = Table(stars.labels.astype("float64"), names=["teff", "flux"])
    table["teff_err"], table["e_flux"] = stars.labels_err.T
    table["teff"][3] = np.nan
    path = folder / f"labels.{kind}"
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is not installed")
        table.to_pandas().set_index(np.arange(N_STARS) + 7).to_parquet(path)
    elif kind == "h5":
        table.write(path, path="stars", serialize_meta=False)
    elif kind == "data sets.h5":
        with h5py.File(path, "w") as file:
            for name in table.colnames:
                file[name] = table[name]
            file["spectra"] = stars.spectra
    else:
        table.write(path)
    return path


def sample_of(spectra, *args, **settings):
    return checked_sample(ApogeeBCNN(), spectra, *args, **settings)


@pytest.mark.parametrize("kind", ["fits", "h5", "data sets.h5", "csv", "ecsv", "parquet"])
def test_labels_and_their_errors_are_read_from_a_table(kind, stars, tmp_path):
    path = label_file(kind, tmp_path, stars)
    sample = sample_of(stars.spectra, path, labels_err=str(path))
    columns = [sample.label_names.index(name) for name in ("teff", "flux")]
    assert sorted(sample.label_names) == ["flux", "teff"]
    expected = stars.labels.copy()
    expected[3, 0] = np.nan
    np.testing.assert_allclose(sample.labels["output"][:, columns], expected, rtol=1e-6)
    np.testing.assert_allclose(sample.labels_err[:, columns], stars.labels_err, rtol=1e-6)


def test_columns_of_labels_are_chosen_by_name_else_all_but_the_errors(stars, tools, tmp_path):
    path = label_file("csv", tmp_path, stars)
    net = tools.linear(max_epochs=1)
    net.fit(stars.spectra, path)
    assert sorted(net.targetname) == ["flux", "teff"]
    one = tools.linear(max_epochs=1, targetname=["flux"])
    one.fit(stars.spectra, {"output": str(path)})
    assert one.targetname == ["flux"] and one.predict(stars.spectra).shape == (N_STARS, 1)
    one.fit(stars.spectra, path)  # the trained network takes its own column again


def test_names_of_labels_may_be_an_array(stars, tmp_path):
    path = label_file("csv", tmp_path, stars)
    assert table_of("labels", path, np.array(["flux"])).colnames == ["flux"]


def test_tables_of_several_files_are_one_behind_the_other(stars, tmp_path):
    table = Table(stars.labels, names=["teff", "flux"])
    for name, rows in (("a.csv", slice(0, 100)), ("b.csv", slice(100, None))):
        table[rows].write(tmp_path / name)
    sample = sample_of(stars.spectra, [tmp_path / "a.csv", str(tmp_path / "b.csv")])
    np.testing.assert_array_equal(sample.labels["output"], stars.labels)
    assert sample.label_names == ["teff", "flux"]
    table[100:]["flux",].write(tmp_path / "b.csv", overwrite=True)
    with pytest.raises(ValueError, match=r"`labels`.*a\.csv.*b\.csv.*teff, flux; flux"):
        sample_of(stars.spectra, [tmp_path / "a.csv", tmp_path / "b.csv"])


def test_labels_are_found_in_a_file_of_the_simulator(tmp_path):
    survey, path = simulate_apogee(7, labels=("teff", "Fe", "C"), missing=0.2, seed=1), tmp_path / "survey.h5"
    survey.to_h5(path)
    sample = sample_of(path, path, labels_err=path)
    assert sample.label_names == ["teff", "Fe", "C"]
    for given, expected in ((sample.labels["output"], survey.labels), (sample.labels_err, survey.labels_err)):
        np.testing.assert_array_equal(given, np.where(expected == -9999, np.nan, expected))
    assert table_of("labels", path, ["Fe"]).colnames == ["Fe"]
    with pytest.raises(ValueError, match=r"`labels`.*survey\.h5.*'teff': 7, 'wavelength': 7514"):
        table_of("labels", path, ["teff", "wavelength"])


def test_labels_are_found_in_a_compiled_file(stars, tmp_path):
    path, names = label_file("data sets.h5", tmp_path, stars), ("APOGEE_ID", "FIELD")
    with h5py.File(path, "r+") as file:
        for name in names:
            file[name] = np.full(N_STARS, b"2M000")
        for name in (
            "SNR",
            "RA",
            "DEC",
            "in_flag",
            "visit",
            "star",
            "catalogue_row",
            "LOCATION_ID",
            "Kmag",
            "AK_TARG",
        ):
            file[name] = np.ones(N_STARS)
    sample = sample_of(stars.spectra, path, labels_err=path)
    assert sorted(sample.label_names) == ["flux", "teff"] and sample.labels_err.shape == (N_STARS, 2)


def test_gaps_of_a_parquet_table_are_missing_labels(stars, tools, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    values = pandas.array([None if k % 3 == 0 else k for k in range(N_STARS)], dtype="Int64")
    pandas.DataFrame({"teff": values}).to_parquet(tmp_path / "labels.parquet")
    net = tools.linear(max_epochs=1)
    with pytest.warns(UserWarning, match="107 of 320 stars have no valid label"):
        net.fit(stars.spectra, tmp_path / "labels.parquet")


@pytest.mark.parametrize("kind", ["fits", "h5", "parquet"])
def test_a_truncated_table_is_named(kind, stars, tools, tmp_path):
    path = label_file(kind, tmp_path, stars)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(ValueError, match=rf"`labels`.*labels\.{kind}.*could not be read"):
        tools.linear().fit(stars.spectra, path)


def test_files_without_a_table_of_numbers_are_refused(stars, tools, tmp_path):
    (tmp_path / "labels.xls").write_text("x")
    with pytest.raises(ValueError, match=r"`labels`.*labels\.xls.*\.csv"):
        tools.linear().fit(stars.spectra, tmp_path / "labels.xls")
    with pytest.raises(FileNotFoundError, match=r"`labels`.*none\.fits"):
        tools.linear().fit(stars.spectra, tmp_path / "none.fits")
    with h5py.File(tmp_path / "empty.h5", "w") as file:
        file["spectra"] = stars.spectra
    with pytest.raises(ValueError, match=r"empty\.h5.*table"):
        tools.linear().fit(stars.spectra, tmp_path / "empty.h5")
    Table({"star": ["a", "b"], "teff": [1.0, 2.0]}).write(tmp_path / "names.csv")
    with pytest.raises(TypeError, match=r"labels\['star'\]"):
        tools.linear().fit(stars.spectra[:2], tmp_path / "names.csv")
