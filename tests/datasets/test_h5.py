import h5py
import numpy as np
import pytest

from astroNN.datasets import H5Loader


@pytest.fixture
def path(tmp_path):
    """Six stars, 5 pixels; rows 0, 2, 3, 5 combined; teff missing in row 2 (magic) and logg in row 3 (NaN)."""
    path = tmp_path / "stars.h5"
    with h5py.File(path, "w") as f:
        f["spectra"] = np.arange(30.0).reshape(6, 5)
        f["spectra_err"] = np.full((6, 5), 0.1)
        f["mask"] = np.arange(30).reshape(6, 5) % 2 == 0
        f["in_flag"] = [0, 1, 0, 0, 1, 0]
        f["teff"] = [4000.0, 4100.0, -9999.0, 4300.0, 4400.0, 4500.0]
        f["teff_err"] = [40.0, 41.0, -9999.0, 43.0, 44.0, 45.0]
        f["logg"] = [1.0, 1.1, 1.2, np.nan, 1.4, 1.5]
        f["logg_err"] = [0.1, 0.1, 0.1, np.nan, 0.1, 0.1]
        f["Fe"] = np.zeros(6)
        f["SNR"] = np.arange(6) + 100.0
    return path


def test_load_gives_combined_spectra_and_a_matrix_of_labels(path):
    spectra, labels = H5Loader(path, target=["logg", "teff"]).load()
    np.testing.assert_array_equal(spectra[:, 0], [0.0, 10.0, 15.0, 25.0])
    np.testing.assert_array_equal(labels, [[1.0, 4000.0], [1.2, -9999.0], [np.nan, 4300.0], [1.5, 4500.0]])


def test_single_visits_are_the_other_rows(path):
    loader = H5Loader(path, target="teff")
    loader.load_combined = False
    np.testing.assert_array_equal(loader.load_allowed_index(), [1, 4])
    np.testing.assert_array_equal(loader.load()[1], [4100.0, 4400.0])


def test_one_target_gives_a_vector(path):
    assert H5Loader(path, target="teff").load()[1].shape == (4,)
    assert H5Loader(path, target=["teff"]).load()[1].shape == (4, 1)


def test_exclude9999_leaves_out_magic_and_nan(path):
    loader = H5Loader(path, target=["teff", "logg"])
    loader.exclude9999 = True
    np.testing.assert_array_equal(loader.load_allowed_index(), [0, 5])
    np.testing.assert_array_equal(loader.load_entry("SNR"), [100.0, 105.0])


def test_load_err_gives_four_arrays(path):
    loader = H5Loader(path, target="teff")
    loader.load_err = True
    _, _, spectra_err, labels_err = loader.load()
    assert spectra_err.shape == (4, 5)
    np.testing.assert_array_equal(labels_err, [40.0, -9999.0, 43.0, 45.0])


def test_all_takes_the_documented_labels_of_the_file_in_the_documented_order(path):
    loader = H5Loader(path)
    assert loader.target == ["teff", "logg", "Fe"]
    assert loader.load()[1].shape == (4, 3)


def test_load_entry_reads_the_mask_of_the_same_rows(path):
    mask = H5Loader(path, target="teff").load_entry("mask")
    np.testing.assert_array_equal(mask, (np.arange(30).reshape(6, 5) % 2 == 0)[[0, 2, 3, 5]])


def test_the_suffix_may_be_left_out_and_attributes_are_documented(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    loader = H5Loader("stars", target="teff")
    assert (loader.filename, loader.h5path, loader.currentdir) == ("stars", str(path), str(path.parent))
    assert (loader.load_combined, loader.load_err, loader.exclude9999) == (True, False, False)


def test_no_selected_row_gives_empty_arrays(path):
    with h5py.File(path, "a") as f:
        f["in_flag"][...] = 1
    spectra, labels = H5Loader(path, target=["teff"]).load()
    assert spectra.shape == (0, 5) and labels.shape == (0, 1)


def test_without_in_flag_all_spectra_are_combined(path):
    with h5py.File(path, "a") as f:
        del f["in_flag"]
    assert len(H5Loader(path, target="teff").load()[0]) == 6


def test_the_file_can_be_deleted_after_loading(path):
    H5Loader(path, target="teff").load()
    with h5py.File(path, "r+") as f:  # fails while another handle is open for reading
        f["SNR"][0] = 1.0


def test_the_target_can_be_changed(path):
    loader = H5Loader(path, target="teff")
    loader.target = "all"
    assert loader.target == H5Loader(path).target
    assert loader.load()[1].shape[1] == len(loader.target)
    with pytest.raises(KeyError, match="no dataset 'Xx'"):
        loader.target = ["teff", "Xx"]
    with pytest.raises(ValueError, match="`target` must be a name, a list of names or 'all', got 5"):
        loader.target = 5


def test_a_wrong_target_names_what_the_file_has(path):
    with pytest.raises(KeyError, match="'Mg'.*teff"):
        H5Loader(path, target=["teff", "Mg"])
    with pytest.raises(KeyError, match="'nothing'.*SNR"):
        H5Loader(path, target="teff").load_entry("nothing")


@pytest.mark.parametrize("target", [[], [3], "mask", "APOGEE_ID"])
def test_a_target_must_be_a_column_of_numbers(path, target):
    with h5py.File(path, "a") as f:
        f["APOGEE_ID"] = np.array([b"2M"] * 6)
    with pytest.raises(ValueError, match="target"):
        H5Loader(path, target=target)


def test_none_is_not_a_name(path):
    with pytest.raises(ValueError, match="None"):
        H5Loader(path, target="teff").load_entry(None)
    with pytest.raises(ValueError, match="None"):
        H5Loader(None)


def test_missing_errors_are_named(path):
    with h5py.File(path, "a") as f:
        del f["teff_err"]
    loader = H5Loader(path, target="teff")
    loader.load_err = True
    with pytest.raises(KeyError, match="teff_err"):
        loader.load()


def test_a_truncated_file_is_said_to_be_so(path):
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(OSError, match="truncated"):
        H5Loader(path)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        H5Loader(tmp_path / "nowhere")


def test_a_column_of_another_length_is_an_error(path):
    with h5py.File(path, "a") as f:
        f["Ni"] = np.zeros(4)
    with pytest.raises(ValueError, match="shape"):
        H5Loader(path, target="Ni").load()


def test_all_in_a_file_without_known_labels_is_an_error(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as f:
        f["spectra"] = np.zeros((2, 3))
    with pytest.raises(KeyError, match="spectra"):
        H5Loader(tmp_path / "x.h5")
