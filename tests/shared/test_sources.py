"""Sources of rows: whatever stores them, they give what an array would, and say what is wrong with a file."""

import importlib.util
import pickle
import threading
import time

import h5py
import numpy as np
import pytest
from astropy.io import fits

from astroNN.shared.sources import ArrayRows, FileRows, ReadAhead, Rows, as_sources, read_ahead, take_rows

N, N_PIXELS = 50, 6
SPECTRA = np.random.default_rng(0).normal(size=(N, N_PIXELS)).astype("float32")

pytestmark = pytest.mark.one_backend


def stored(kind, folder, array=SPECTRA, name="spectra"):
    """A path of an array, stored in a format."""
    path = folder / f"{name}.{kind}"
    if kind == "h5":
        with h5py.File(path, "w") as file:
            chunks = (min(7, len(array)), *array.shape[1:])
            file.create_dataset("spectra", data=array, chunks=chunks, compression="gzip")
            file["teff"] = np.arange(len(array))
    elif kind == "npy":
        np.save(path, array)
    elif kind == "fits":
        fits.PrimaryHDU(array).writeto(path)
    elif kind == "zarr":
        pytest.importorskip("zarr", reason="zarr is not installed").save_array(str(path), array)
    return str(path)


def from_dask(path):
    return pytest.importorskip("dask.array", reason="dask is not installed").from_array(np.load(path), chunks=(9, 4))


SOURCES = {
    "HDF5 data set": lambda folder: h5py.File(stored("h5", folder))["spectra"],
    "memory map": lambda folder: np.load(stored("npy", folder), mmap_mode="r"),
    "dask": lambda folder: from_dask(stored("npy", folder)),
    "HDF5 file": lambda folder: stored("h5", folder),
    "path object": lambda folder: folder.__class__(stored("h5", folder)),
    "numpy file": lambda folder: stored("npy", folder),
    "FITS image": lambda folder: stored("fits", folder),
    "zarr store": lambda folder: stored("zarr", folder),
    "list of files": lambda folder: [
        stored("h5", folder, SPECTRA[:20], "a"), stored("npy", folder, SPECTRA[20:21], "b"),
        stored("fits", folder, SPECTRA[21:], "c"),
    ],
}  # fmt: skip


@pytest.fixture(params=SOURCES)
def source(request, tmp_path):
    given = SOURCES[request.param](tmp_path)
    yield as_sources("input_data", given)
    if isinstance(given, h5py.Dataset):
        given.file.close()


@pytest.mark.parametrize(
    "rows",
    [slice(None), slice(3, 30), slice(-5, None), slice(0, 50, 7), slice(4, 4), 7, -1, [3], [0, 49], np.arange(N),
     np.array([5, 6, 7, 30]), [9, 2, 2, -1], np.array([], int), np.arange(N) % 3 == 0],
    ids=str,
)  # fmt: skip
def test_rows_are_those_of_an_array(source, rows):
    assert isinstance(source, Rows) and source.shape == SPECTRA.shape and source.ndim == 2
    np.testing.assert_array_equal(source[rows], SPECTRA[rows])
    assert source[rows].dtype == "float32"


def test_all_of_it_as_an_array(source):
    assert len(source) == N and source.size == SPECTRA.size and source.row_bytes == 4 * N_PIXELS
    np.testing.assert_array_equal(np.asarray(source), SPECTRA)
    np.testing.assert_array_equal(list(source), SPECTRA)
    np.testing.assert_array_equal(take_rows(source, np.array([2, 8, 9]))[1:], SPECTRA[[8, 9]])


@pytest.mark.parametrize("rows", [N, -N - 1, [0, N]])
def test_there_are_no_rows_beyond_the_last_one(source, rows):
    with pytest.raises(IndexError, match="50 rows"):
        source[rows]


def test_what_is_in_memory_stays_as_it_is():
    for data in (SPECTRA, SPECTRA[0], [[1.0, 2.0]], None, np.ma.array(SPECTRA), np.float32(1), iter("x")):
        assert as_sources("input_data", data) is data
    named = as_sources("input_data", {"input": SPECTRA, "aux": np.memmap})
    assert named["input"] is SPECTRA


class Counting(Rows):
    """Notes which rows were read in one go."""

    def __init__(self, n, row_bytes, chunk_rows=1):
        super().__init__("counting", (n, row_bytes), "uint8", chunk_rows)
        self.reads = []

    def read(self, start, stop):
        self.reads.append((start, stop))
        return np.repeat(np.arange(start, stop)[:, None] % 256, self.shape[1], axis=1).astype("uint8")


def test_narrow_gaps_are_read_and_wide_ones_jumped_over():
    source = Counting(1000, row_bytes=2**14)  # eight rows are the widest gap that is read
    rows = np.array([0, 3, 11, 12, 300, 301])
    np.testing.assert_array_equal(source[rows][:, 0], rows % 256)
    assert source.reads == [(0, 13), (300, 302)]


def test_one_read_takes_32_megabytes_at_most():
    source = Counting(10_000, row_bytes=2**14)
    rows = np.arange(0, 10_000, 2)
    np.testing.assert_array_equal(source[rows][:, 0], rows % 256)
    assert max(stop - start for start, stop in source.reads) * 2**14 <= 2**25
    assert sum(stop - start for start, stop in source.reads) <= 10_000


def test_a_chunk_is_never_read_for_each_of_its_rows():
    source = Counting(1000, row_bytes=2**18, chunk_rows=30)  # four chunks are 32 MB
    source[np.array([0, 29, 58, 87, 116, 119, 120, 200])]
    assert source.reads == [(0, 120), (120, 121), (200, 201)]


# Other numbers than are stored ----------------------------------------------------------------------------------

HIDDEN = np.arange(N * N_PIXELS).reshape(N, N_PIXELS) % 7 == 3


class Slices:
    """Gives rows of an array by slices, and knows of threads that read at once."""

    at_once = most_at_once = 0

    def __init__(self, array, dtype=None, wait=0.0):
        self.array, self.shape, self.dtype, self.wait = array, array.shape, np.dtype(dtype or array.dtype), wait

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        Slices.at_once += 1
        Slices.most_at_once = max(Slices.at_once, Slices.most_at_once)
        time.sleep(self.wait)
        Slices.at_once -= 1
        return self.array[rows]


def masked_in_dask(array):
    return pytest.importorskip("dask.array", reason="dask is not installed").from_array(array, chunks=(9, 4))


@pytest.mark.parametrize("form", [Slices, masked_in_dask])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "uint8"])
def test_hidden_elements_become_nan(form, dtype):
    numbers = np.arange(N * N_PIXELS).reshape(N, N_PIXELS).astype(dtype)
    source = as_sources("input_data", form(np.ma.array(numbers, mask=HIDDEN)))
    expected = np.where(HIDDEN, np.nan, numbers)
    for rows in (slice(0, 2), [0, 20, 49], [9, 2, 2], 7, slice(None)):
        np.testing.assert_array_equal(source[rows], expected[rows])
        np.testing.assert_array_equal(take_rows(source, np.arange(N))[rows], expected[rows])


def test_numbers_may_be_scaled_as_they_are_read():
    source = as_sources("input_data", Slices(SPECTRA, dtype="int16"))  # as netCDF4 tells what it stores
    np.testing.assert_array_equal(source[[0, 30]], SPECTRA[[0, 30]])


def test_objects_of_unknown_kind_are_read_by_one_thread_at_a_time():
    sources = [as_sources("input_data", Slices(SPECTRA, wait=0.01)) for _ in range(2)]
    threads = [threading.Thread(target=lambda rows=rows: [rows[k] for k in range(10)]) for rows in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Slices.most_at_once == 1


# Files ----------------------------------------------------------------------------------------------------------


def test_no_more_than_eight_files_are_open(tmp_path):
    paths = [stored("h5", tmp_path, SPECTRA[k : k + 2], f"part_{k}") for k in range(0, N, 2)]
    source = FileRows(paths)
    for rows in (slice(None), [49, 0, 20], slice(7, 31)):
        np.testing.assert_array_equal(source[rows], SPECTRA[rows])
        assert len(source._open) <= 8
    source.close()
    assert not source._open
    np.testing.assert_array_equal(source[3], SPECTRA[3])


def test_files_survive_pickling(tmp_path):
    source = pickle.loads(pickle.dumps(FileRows(stored("h5", tmp_path))))
    np.testing.assert_array_equal(source[:], SPECTRA)


def test_threads_read_the_same_file(tmp_path):
    source = FileRows([stored("h5", tmp_path, SPECTRA[k : k + 5], f"part_{k}") for k in range(0, N, 5)])
    wrong = []

    def read(seed):
        rng = np.random.default_rng(seed)
        for _ in range(50):
            rows = np.sort(rng.choice(N, 9, replace=False))
            if (source[rows] != SPECTRA[rows]).any():
                wrong.append(rows)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_data_set_by_its_name(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["visits/flux"], file["first"], file["second"] = SPECTRA, SPECTRA[:, :2], SPECTRA[:, :3]
    np.testing.assert_array_equal(FileRows(tmp_path / "a.h5", "visits/flux")[:], SPECTRA)
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(SPECTRA, name="FLUX")]).writeto(tmp_path / "a.fits")
    np.testing.assert_array_equal(FileRows(tmp_path / "a.fits", "flux")[:], SPECTRA)
    for paths, dataset in ((["a.h5"], None), (["a.h5"], "flux"), (["a.h5"], "visits"), (["a.fits"], "err")):
        with pytest.raises(KeyError, match=r"a\.(h5|fits)"):
            FileRows([tmp_path / path for path in paths], dataset)


def test_of_several_images_the_spectra_are_taken_or_a_name_is_asked_for(tmp_path):
    weights = fits.ImageHDU(np.zeros((N, 4)), name="WEIGHTS")
    fits.HDUList([fits.PrimaryHDU(SPECTRA[:, :2]), weights]).writeto(tmp_path / "a.fits")
    with pytest.raises(KeyError, match=r"a\.fits.*no image 'SPECTRA'.*PRIMARY.*WEIGHTS.*FileRows"):
        FileRows(tmp_path / "a.fits")
    spectra = fits.ImageHDU(SPECTRA, name="spectra")
    fits.HDUList([fits.PrimaryHDU(SPECTRA[:, :2]), weights, spectra]).writeto(tmp_path / "b.fits")
    np.testing.assert_array_equal(FileRows(tmp_path / "b.fits")[:], SPECTRA)


def test_scaled_and_big_endian_images_come_as_numbers(tmp_path):
    hdu = fits.PrimaryHDU(np.arange(N * 2, dtype="uint16").reshape(N, 2))  # stored as int16 with an offset
    hdu.writeto(tmp_path / "a.fits")
    source = FileRows(tmp_path / "a.fits")
    np.testing.assert_array_equal(source[10:12], [[20, 21], [22, 23]])


def test_files_with_different_grids_are_named(tmp_path):
    paths = [stored("h5", tmp_path), stored("npy", tmp_path, SPECTRA[:, :4], "short")]
    with pytest.raises(ValueError, match=r"different grids.*short\.npy.*\(4,\).*spectra\.h5.*\(6,\)"):
        FileRows(paths)
    with pytest.raises(ValueError, match="different kinds of numbers.*double.npy"):
        FileRows([paths[0], stored("npy", tmp_path, SPECTRA.astype("float64"), "double")])


@pytest.mark.parametrize("kind", ["h5", "npy", "fits"])
def test_a_truncated_file_is_named(kind, tmp_path):
    path = stored(kind, tmp_path, np.zeros((400, 60), "float32"))
    content = open(path, "rb").read()
    open(path, "wb").write(content[: len(content) // 2])
    with pytest.raises(OSError, match=rf"spectra\.{kind}.*not whole"):
        FileRows(path)[:]


def test_a_chunk_that_is_damaged_is_told_with_its_rows(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("spectra", data=SPECTRA, chunks=(10, N_PIXELS), fletcher32=True)
        place = data.id.get_chunk_info(2).byte_offset
    with open(tmp_path / "a.h5", "r+b") as file:
        file.seek(place)
        file.write(b"damaged")
    source = take_rows(FileRows([stored("npy", tmp_path), tmp_path / "a.h5"]), np.arange(2 * N))
    np.testing.assert_array_equal(source[:70], np.concatenate([SPECTRA, SPECTRA[:20]]))
    with pytest.raises(OSError, match=r"^\S*a\.h5: rows 18 to 24 can't be read.*damaged") as raised:
        source[68:75]
    assert str(raised.value).count("can't be read") == 1


def test_a_file_that_is_gone_or_forbidden_is_told_as_such(tmp_path, monkeypatch):
    source = FileRows(stored("h5", tmp_path))
    (tmp_path / "spectra.h5").rename(tmp_path / "elsewhere.h5")
    with pytest.raises(FileNotFoundError, match=r"no file.*spectra\.h5"):
        source[:]

    def refuse(*args, **settings):
        raise PermissionError(13, "Permission denied")  # the administrator, who may run this, may read everything

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(PermissionError, match="denied"):
        FileRows(tmp_path / "elsewhere.h5")


@pytest.mark.parametrize(
    ("name", "error", "match"),
    [
        ("none.h5", FileNotFoundError, "no file.*none.h5"),
        ("stars.xls", ValueError, "extension '.xls'.*.h5"),
        ("stars", ValueError, "extension ''"),
    ],
)
def test_a_file_that_is_none_is_refused(name, error, match, tmp_path):
    (tmp_path / "stars.xls").write_text("x")
    with pytest.raises(error, match=match):
        FileRows(tmp_path / name)
    with pytest.raises(error, match=match):
        as_sources("input_data", [str(tmp_path / name)])


def test_empty_things_are_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one file"):
        FileRows([])
    with pytest.raises(ValueError, match="no rows"):
        FileRows(stored("npy", tmp_path, SPECTRA[:0]))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["nothing"], file["spectra"] = h5py.Empty("float32"), SPECTRA
    np.testing.assert_array_equal(FileRows(tmp_path / "a.h5")[:], SPECTRA)
    with pytest.raises(ValueError, match=r"a\.h5.*no rows"):
        FileRows(tmp_path / "a.h5", "nothing")


def test_an_empty_file_among_others_is_left_out_with_a_warning(tmp_path):
    paths = [stored("npy", tmp_path, SPECTRA[rows], name) for name, rows in
             {"a": slice(0, 0), "b": slice(0, 20), "c": slice(0, 0), "d": slice(20, N)}.items()]  # fmt: skip
    with pytest.warns(UserWarning, match=r"2 of 4 files have no rows.*a\.npy"):
        source = FileRows(paths)
    np.testing.assert_array_equal(source[:], SPECTRA)


def test_a_data_set_of_a_closed_file_is_refused(tmp_path):
    with h5py.File(stored("h5", tmp_path)) as file:
        data = file["spectra"]
    with pytest.raises(ValueError, match="`input_data`: the HDF5 file is closed"):
        as_sources("input_data", data)


@pytest.mark.skipif(importlib.util.find_spec("dask") is None, reason="dask is not installed")
def test_a_dask_array_must_know_its_rows():
    import dask.array

    unknown = dask.array.from_array(SPECTRA)
    unknown = unknown[unknown[:, 0] > 0]
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        as_sources("input_data", unknown)


# Reading ahead --------------------------------------------------------------------------------------------------


def test_blocks_come_in_order_and_each_is_read_once():
    asked = []

    def read(rows):
        asked.append(list(rows))
        return SPECTRA[rows]

    blocks = [np.arange(k, k + 10) for k in range(0, N, 10)]
    for (rows, block), expected in zip(read_ahead(read, blocks), blocks, strict=True):
        np.testing.assert_array_equal(rows, expected)
        np.testing.assert_array_equal(block, SPECTRA[rows])
    assert asked == [list(rows) for rows in blocks]


def test_the_next_block_is_read_while_the_first_is_worked_on():
    started = {0: threading.Event(), 1: threading.Event(), 2: threading.Event()}
    blocks = read_ahead(lambda key: started[key].set(), [0, 1, 2])
    next(blocks)
    assert started[1].wait(10)
    assert not started[2].is_set()  # one ahead, no more: memory is bounded
    blocks.close()


def test_an_error_of_the_reader_reaches_the_caller_and_the_next_call_tries_again():
    failures = [OSError("the network is down")]

    def read(key):
        if failures:
            raise failures.pop()
        return key

    reader = ReadAhead(read)
    with pytest.raises(OSError, match="network"):
        reader.get([1])
    assert reader.get([1], [2]) == [1]
    reader.close()
    assert reader.get([5]) == [5]
    reader.close()


def test_after_closing_nothing_is_begun_that_nobody_would_end():
    asked = []

    def read(key):
        asked.append((key, threading.current_thread()))
        return key

    reader = ReadAhead(read)
    reader.close()
    assert reader.is_closed and reader.get([1, 2], [3]) == [1, 2]
    assert asked == [(1, threading.current_thread()), (2, threading.current_thread())]


def test_slices_are_all_that_an_array_must_know():
    rows = as_sources("input_data", Slices(SPECTRA))
    assert isinstance(rows, ArrayRows)
    np.testing.assert_array_equal(rows[[4, 1]], SPECTRA[[4, 1]])
