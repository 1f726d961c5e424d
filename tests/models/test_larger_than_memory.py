"""Networks whose spectra, masks, errors and labels are in files: they learn and answer as from arrays."""

import pickle
import threading

import h5py
import keras
import numpy as np
import pytest

from astroNN.models import ApogeeBCNN, ApogeeCNN, ApogeeCVAE, DeepEnsemble, load_folder
from astroNN.models._data import checked_sample
from astroNN.models.training.calibrate import calibrate_on_validation_stars
from astroNN.nn.utilities import streamed
from astroNN.nn.utilities.streamed import StreamedBatches
from astroNN.shared.errors import ConfigurationError
from astroNN.shared.sources import FileRows, Rows

N_STARS, N_PIXELS = 320, 60
ROW = 4 * N_PIXELS


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 16 stars, windows of 64, and answers by 128."""
    monkeypatch.setattr(streamed, "_BLOCK_BYTES", 16 * ROW)
    monkeypatch.setattr(streamed, "_WINDOW_BYTES", 64 * ROW)
    monkeypatch.setattr("astroNN.shared.blocks._MOST_BYTES", 128 * ROW)
    monkeypatch.setattr("astroNN.shared.sources.rows._SMALL_GAP", 0)


@pytest.fixture(scope="module")
def paths(stars, tmp_path_factory):
    """The spectra in one file, and in three."""
    folder = tmp_path_factory.mktemp("spectra")
    with h5py.File(folder / "all.h5", "w") as file:
        file["spectra"] = stars.spectra
        file["spectra_err"] = np.full(stars.spectra.shape, 0.01, "float32")
        file["mask"] = np.random.default_rng(4).random(stars.spectra.shape) < 0.1
    with h5py.File(folder / "chunks.h5", "w") as file:
        file.create_dataset("spectra", data=stars.spectra, chunks=(7, N_PIXELS), compression="gzip")
    for number, rows in enumerate((slice(0, 100), slice(100, 101), slice(101, None))):
        with h5py.File(folder / f"part_{number}.h5", "w") as file:
            file["spectra"] = stars.spectra[rows]
    np.save(folder / "all.npy", stars.spectra)
    return folder


def parts(paths):
    return [str(paths / f"part_{number}.h5") for number in range(3)]


def zarr_array(paths):
    zarr = pytest.importorskip("zarr", reason="zarr is not installed")
    stored = zarr.create_array({}, shape=(N_STARS, N_PIXELS), chunks=(50, N_PIXELS), dtype="float32")
    stored[:] = np.load(paths / "all.npy")
    return stored


def dask_array(paths):
    dask = pytest.importorskip("dask.array", reason="dask is not installed")
    return dask.from_array(np.load(paths / "all.npy"), chunks=(90, 25))


SOURCES = {
    "path": lambda paths: paths / "all.h5",
    "list of files": parts,
    "files by name": lambda paths: FileRows(paths / "all.h5", "spectra"),
    "compressed": lambda paths: FileRows(paths / "chunks.h5"),
    "HDF5 data set": lambda paths: h5py.File(paths / "all.h5")["spectra"],
    "memory map": lambda paths: np.load(paths / "all.npy", mmap_mode="r"),
    "zarr": zarr_array,
    "dask": dask_array,
}


@pytest.mark.parametrize("kind", SOURCES)
def test_answers_are_those_from_memory(kind, stars, paths, cnn, bcnn):
    source = SOURCES[kind](paths)
    np.testing.assert_array_equal(cnn.predict(source), cnn.predict(stars.spectra))
    for given, expected in zip(bcnn.predict(source), bcnn.predict(stars.spectra), strict=True):
        for name in expected if isinstance(expected, dict) else [slice(None)]:
            np.testing.assert_array_equal(given[name], expected[name])
    assert cnn.evaluate(source, stars.labels) == pytest.approx(cnn.evaluate(stars.spectra, stars.labels), rel=1e-5)


@pytest.mark.parametrize("kind", SOURCES)
def test_every_kind_of_source_trains_the_same_network(kind, stars, paths, tools):
    trained = []
    for source in (SOURCES[kind](paths), parts(paths)):
        net = tools.linear(max_epochs=2)
        net.fit(source, stars.labels)
        trained.append(net)
    if kind not in ("compressed", "zarr", "dask"):  # these are read by whole chunks, and so mixed in other blocks
        tools.same_history(*(net.history for net in trained))
        np.testing.assert_allclose(trained[0].predict(stars.spectra), trained[1].predict(stars.spectra), rtol=1e-5)
    # As from memory: the same split, and the same mean of the same training stars.
    net = tools.linear(max_epochs=2)
    net.fit(stars.spectra, stars.labels)
    np.testing.assert_array_equal(net.train_idx, trained[0].train_idx)
    rows = stars.spectra[net.train_idx].astype("float64")
    np.testing.assert_allclose(trained[0].input_mean["input"], rows.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(trained[0].input_std["input"], rows.std(axis=0), rtol=1e-5)
    # A shuffle of another kind, but the same stars: the loss of the first epoch is much the same.
    assert trained[0].history.history["loss"][-1] == pytest.approx(net.history.history["loss"][-1], rel=0.3)


def test_a_sample_in_memory_is_trained_on_as_before(stars, tools):
    net = tools.linear(max_epochs=1)
    net.fit(stars.spectra, stars.labels)
    assert not isinstance(net.training_generator, StreamedBatches)


def test_masks_and_errors_may_be_in_files_too(stars, paths, tools):
    with h5py.File(paths / "all.h5") as file:
        mask, errors = file["mask"][:], file["spectra_err"][:]
        net = tools.small(ApogeeBCNN(), max_epochs=1, mc_num=4)
        net.fit(file["spectra"], stars.labels, file["spectra_err"], stars.labels_err, mask=file["mask"])
        assert net.calibration is not None and net.calibration_propagated is not None
        good = np.ma.array(stars.spectra, mask=mask)[net.train_idx]
        np.testing.assert_allclose(net.input_mean["input"], good.mean(axis=0), rtol=1e-5)
        from_file = net.predict(file["spectra"], file["spectra_err"], mask=file["mask"])
    from_memory = net.predict(stars.spectra, errors, mask=mask)
    np.testing.assert_array_equal(from_file[0], from_memory[0])
    np.testing.assert_array_equal(from_file[1]["total"], from_memory[1]["total"])


def test_an_interrupted_training_goes_on_with_the_same_batches(stars, paths, tools):
    whole = tools.linear()
    whole.fit(parts(paths), stars.labels)
    cut = tools.linear(callbacks=tools.Interrupt(2))
    with pytest.raises(KeyboardInterrupt):
        cut.fit(parts(paths), stars.labels)
    cut.callbacks = None
    cut.fit(parts(paths), stars.labels, resume=True)
    tools.same_history(whole.history, cut.history)


def test_a_training_does_not_go_on_with_batches_of_another_kind(stars, paths, tools, tmp_path):
    given = {"arrays": stars.spectra, "blocks of 16": parts(paths), "blocks of 21": paths / "chunks.h5"}
    for begun, other in (("arrays", "blocks of 16"), ("blocks of 16", "arrays"), ("blocks of 16", "blocks of 21")):
        net = tools.linear(callbacks=tools.Interrupt(2))
        with pytest.raises(KeyboardInterrupt):
            net.fit(given[begun], stars.labels)
        net.callbacks, before = None, net.get_weights()
        loaded = load_folder(net.save(tmp_path / f"{begun} {other}"), custom_models=tools.Linear)
        loaded.verbose = 0
        for one in (net, loaded):
            with pytest.raises(ConfigurationError, match=rf"drew its batches from .*{begun}.* gives .*{other}"):
                one.fit(given[other], stars.labels, resume=True)
            assert all(map(np.array_equal, one.get_weights(), before))
            assert one.fit(given[begun], stars.labels, resume=True).epoch == [0, 1, 2, 3]


def test_an_ensemble_trains_from_files(stars, paths, tools):
    ensemble = DeepEnsemble(tools.small(ApogeeCNN(), max_epochs=1), n_members=2)
    ensemble.verbose = 0
    ensemble.fit(parts(paths), stars.labels)
    np.testing.assert_array_equal(ensemble.predict(parts(paths))[0], ensemble.predict(stars.spectra)[0])


def test_a_trained_network_holds_no_spectra(stars, paths, tools):
    net = tools.linear(max_epochs=1)
    net.fit(parts(paths), stars.labels)
    assert not net.training_generator._reader._kept and not net.validation_generator._reader._kept
    assert len(pickle.dumps(net)) < stars.spectra.nbytes / 2


def test_files_are_closed_when_the_work_is_done(stars, tools, tmp_path):
    for name in ("a.h5", "b.h5"):
        with h5py.File(tmp_path / name, "w") as file:
            file["spectra"] = stars.spectra
    net = tools.linear(max_epochs=1)
    net.fit(tmp_path / "a.h5", stars.labels)
    net.predict(tmp_path / "b.h5")
    net.evaluate(tmp_path / "b.h5", stars.labels)
    for name in ("a.h5", "b.h5"):
        h5py.File(tmp_path / name, "r+").close()  # HDF5 refuses while they are open for reading


def test_files_are_closed_whatever_was_asked_for_and_however_it_ended(stars, paths, cnn, bcnn, tools, tmp_path):
    np.save(tmp_path / "empty_star.npy", tools.changed(stars.spectra, 5, np.nan))
    np.save(tmp_path / "infinite.npy", tools.changed(stars.spectra, 213, np.inf))
    source, errors = FileRows(parts(paths)), FileRows(paths / "all.h5", "spectra_err")
    empty_star, infinite = (FileRows(tmp_path / f"{name}.npy") for name in ("empty_star", "infinite"))
    bcnn.predict(source, errors)
    ensemble = DeepEnsemble(tools.small(ApogeeCNN(), max_epochs=1), n_members=2)
    ensemble.verbose = 0
    ensemble.fit(source, stars.labels)
    with pytest.raises(ValueError, match="no good pixel"):
        checked_sample(cnn, empty_star, stars.labels)
    with pytest.raises(ValueError, match="infinite"):
        cnn.evaluate(infinite, stars.labels)
    assert not source._open and not errors._open and not empty_star._open and not infinite._open


def test_derivatives_close_their_files(stars, paths, tools):
    source, mask, broken = FileRows(parts(paths)), FileRows(paths / "all.h5", "mask"), Breaking(stars.spectra)
    broken.is_broken, known = True, mask[:]
    mask.close()
    net = tools.small(ApogeeBCNN(), max_epochs=1, activation="tanh")  # ramps have no curvature
    net.fit(stars.spectra, stars.labels)
    for derivative, settings in ((net.jacobian, {}), (net.hessian, {"pixels": [3, 7]})):
        from_files = derivative(source, mask=mask, **settings)
        np.testing.assert_array_equal(from_files, derivative(stars.spectra, mask=known, **settings))
        assert not source._open and not mask._open
        with pytest.raises(OSError, match="the disk is gone"):
            derivative(broken, mask=mask, **settings)
        assert from_files.any() and not mask._open
    assert net.integrated_gradients(source, mask=mask, steps=4, max_steps=4).attributions.any()
    assert not source._open and not mask._open
    vae = tools.small(ApogeeCVAE(), max_epochs=1, num_hidden=[8, 4], latent_dim=2)
    vae.fit(stars.spectra)
    assert vae.jacobian_latent(source).any() and not source._open


def test_ctrl_c_leaves_no_thread_and_no_open_file(stars, paths, tools):
    source = FileRows(parts(paths))
    net = tools.linear(callbacks=tools.Interrupt(1))
    with pytest.raises(KeyboardInterrupt):
        net.fit(source, stars.labels)
    net.training_generator[3]  # as a thread of Keras may that was about to ask for another batch
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("astroNN-reader")]
    assert not source._open


class Counting(Rows):
    """Spectra that count how often each row is read, and never give more than a block of them."""

    def __init__(self, spectra):
        super().__init__("counting", spectra.shape, spectra.dtype)
        self.spectra, self.n_read, self.most = spectra, np.zeros(len(spectra), int), 0

    def read(self, start, stop):
        self.n_read[start:stop] += 1
        self.most = max(self.most, stop - start)
        return self.spectra[start:stop]


def test_a_prediction_reads_every_row_once(stars, bcnn):
    source = Counting(stars.spectra)
    bcnn.predict(source)
    np.testing.assert_array_equal(source.n_read, 1)
    assert source.most <= 128


def test_a_training_reads_every_row_once_an_epoch_and_once_before(stars, tools):
    stars = tools.make_stars(640)
    source = Counting(stars.spectra)
    net = tools.linear(max_epochs=3, batch_size=16)
    net.fit(source, stars.labels)
    # Normaliser (with the checks) and epochs; Keras looks at the first batches beforehand.
    assert source.n_read[net.train_idx].min() == 4
    assert np.median(source.n_read[net.train_idx]) == 4
    # Checks and validations, but not the training.
    assert source.n_read[net.val_idx].min() == 4
    assert source.n_read[net.val_idx].mean() < 5


def test_a_calibration_reads_the_validation_stars_once(stars, bcnn):
    source = Counting(stars.spectra)
    sample = checked_sample(bcnn, source, stars.labels, for_training=False)
    without, _ = calibrate_on_validation_stars(bcnn, sample)
    assert without is not None
    np.testing.assert_array_equal(source.n_read[bcnn.val_idx], 1)


class ListsAlone:
    """What `predict_dataset` asks for, with a shape and a dtype besides."""

    def __init__(self, spectra):
        self.spectra, self.shape, self.dtype = spectra, spectra.shape, spectra.dtype

    def __len__(self):
        return len(self.spectra)

    def __getitem__(self, rows):
        assert isinstance(rows, list)
        return self.spectra[rows]


def test_a_data_set_need_know_lists_of_rows_alone(stars, cnn):
    answer = cnn.predict_dataset(ListsAlone(stars.spectra))
    np.testing.assert_array_equal(answer, cnn.predict(stars.spectra))


def test_a_masked_array_keeps_its_mask(stars, paths, cnn, tools):
    dask = pytest.importorskip("dask.array", reason="dask is not installed")
    masked = np.ma.array(np.where(stars.spectra > 1.05, 1e20, stars.spectra), mask=stars.spectra > 1.05)
    source = dask.from_array(masked, chunks=(90, 25))
    np.testing.assert_array_equal(cnn.predict(source), cnn.predict(masked))
    np.testing.assert_array_equal(cnn.predict_dataset(source), cnn.predict(masked))
    net = tools.linear(max_epochs=1)
    net.fit(source, stars.labels)
    np.testing.assert_allclose(net.input_mean["input"], masked[net.train_idx].mean(axis=0), rtol=1e-5)


def test_the_mask_of_a_single_star_needs_no_axis_for_it(stars, cnn, tmp_path):
    mask = np.arange(N_PIXELS) < 9
    np.save(tmp_path / "star.npy", stars.spectra[0])
    np.save(tmp_path / "mask.npy", mask)
    answer = cnn.predict(tmp_path / "star.npy", mask=tmp_path / "mask.npy")
    np.testing.assert_array_equal(answer, cnn.predict(stars.spectra[0], mask=mask))
    assert (answer != cnn.predict(stars.spectra[0])).any()


def test_what_an_autoencoder_reconstructs_may_be_in_a_file(stars, paths):
    with h5py.File(paths / "all.h5") as file:
        mask, errors = file["mask"][:], FileRows(paths / "all.h5", "spectra_err")
    sample = ApogeeCVAE()._sample(parts(paths), paths / "all.npy", None)
    np.testing.assert_array_equal(sample.labels["output"], stars.spectra)
    sample = ApogeeCVAE()._sample(parts(paths), {"output": errors}, None)
    np.testing.assert_array_equal(sample.labels["output"], errors[:])
    sample = ApogeeCVAE()._sample(parts(paths), None, FileRows(paths / "all.h5", "mask"))
    np.testing.assert_array_equal(sample.labels["output"], np.where(mask, np.nan, stars.spectra))


# What is wrong with the data ------------------------------------------------------------------------------------


def test_an_infinite_value_is_found_before_the_training_and_told_with_its_row(stars, paths, tools, tmp_path):
    spectra = tools.changed(stars.spectra, (213, 4), np.inf)
    np.save(tmp_path / "a.npy", spectra)
    net = tools.linear()
    with pytest.raises(ValueError, match=r"`input_data` holds infinite values .*row 213.*a\.npy"):
        net.fit(tmp_path / "a.npy", stars.labels)
    assert not net.has_model
    net.fit(stars.spectra, stars.labels)
    with pytest.raises(ValueError, match="row 213"):
        net.predict(tmp_path / "a.npy")


class Breaking(Counting):
    """A disk that may fail."""

    is_broken = False

    def read(self, start, stop):
        if self.is_broken:
            raise OSError("the disk is gone")
        return super().read(start, stop)


def test_what_is_wrong_with_a_file_reaches_the_user_as_it_is(stars, cnn, tools):
    with pytest.raises(ValueError, match="`input_data` holds infinite values .*row 213") as raised:
        cnn.evaluate(Counting(tools.changed(stars.spectra, (213, 4), np.inf)), stars.labels)
    assert type(raised.value) is ValueError
    source = Breaking(stars.spectra)
    fails = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: setattr(source, "is_broken", epoch > 0))
    net = tools.linear(callbacks=fails)
    with pytest.raises(OSError, match=r"counting: rows .* can't be read \(the disk is gone\)"):
        net.fit(source, stars.labels)
    assert len(net.history.epoch) == 1 and not net.training_generator._reader._kept


def test_wrong_errors_of_validation_stars_are_found_before_the_training(stars, paths, tools, tmp_path):
    np.save(tmp_path / "negative.npy", np.full(stars.spectra.shape, -1.0))
    net = tools.small(ApogeeBCNN())
    with pytest.raises(ValueError, match="`inputs_err` holds negative errors"):
        net.fit(parts(paths), stars.labels, tmp_path / "negative.npy", stars.labels_err)
    assert not net.has_model and net.val_idx is None


def test_empty_stars_are_found_without_reading_twice(stars, cnn, tools):
    source = Counting(tools.changed(stars.spectra, [5, 200], np.nan))
    with pytest.warns(UserWarning, match="2 of 320 stars have no good pixel"):
        prediction = cnn.predict(source)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(prediction).any(axis=1)), [5, 200])
    np.testing.assert_array_equal(source.n_read, 1)
    with pytest.raises(ValueError, match="2 of 320 stars have no good pixel"):
        tools.linear().fit(source, stars.labels)


def test_wrong_masks_and_errors_in_files_are_refused(stars, paths, bcnn, tmp_path):
    np.save(tmp_path / "bits.npy", np.full(stars.spectra.shape, 4))
    np.save(tmp_path / "negative.npy", np.full(stars.spectra.shape, -1.0))
    np.save(tmp_path / "short.npy", np.ones((N_STARS, 3)))
    with pytest.raises(ValueError, match="`mask`.*bits.npy.*bitmask_boolean"):
        bcnn.predict(parts(paths), mask=tmp_path / "bits.npy")
    with pytest.raises(ValueError, match="`inputs_err` holds negative errors"):
        bcnn.predict(parts(paths), tmp_path / "negative.npy")
    with pytest.raises(ValueError, match=r"`mask`.*\(320, 3\).*\(320, 60\)"):
        bcnn.predict(parts(paths), mask=tmp_path / "short.npy")
    with pytest.raises(ValueError, match=r"`inputs_err`.*\(320, 60\).*\(320, 3\)"):
        bcnn.predict(parts(paths), tmp_path / "short.npy")


def test_the_wrong_number_of_rows_or_pixels_is_told(stars, paths, cnn, tools, tmp_path):
    with pytest.raises(ValueError, match="`input_data` 219, `labels` 320"):
        tools.linear().fit(parts(paths)[2], stars.labels)
    np.save(tmp_path / "a.npy", stars.spectra[:, :50])
    with pytest.raises(ValueError, match="built for 60"):
        cnn.predict(tmp_path / "a.npy")
    with pytest.raises(ValueError, match="different grids"):
        cnn.predict([paths / "all.h5", tmp_path / "a.npy"])


def test_files_that_are_none_are_told_before_anything_else(stars, paths, tools):
    for given, error in (("none.h5", FileNotFoundError), ("stars.txt", ValueError), ([], TypeError)):
        with pytest.raises((error, ValueError), match=r"none\.h5|\.txt|input_data"):
            tools.linear().fit(given, stars.labels)
