"""Batches from files: every star once an epoch, mixed with others, the same again for a seed."""

import threading

import keras
import numpy as np
import pytest

from astroNN.nn.utilities import streamed
from astroNN.nn.utilities.streamed import StreamedBatches, block_rows, errors_of_reading
from astroNN.shared.sources import Rows

N, N_PIXELS, BLOCK = 230, 4, 10  # rows; a window has four blocks


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(streamed, "_BLOCK_BYTES", BLOCK * 4 * N_PIXELS)
    monkeypatch.setattr(streamed, "_WINDOW_BYTES", 4 * BLOCK * 4 * N_PIXELS)
    monkeypatch.setattr("astroNN.shared.sources.rows._SMALL_GAP", 0)


class Numbers(Rows):
    """Row k holds the number k."""

    def __init__(self, n=N, chunk_rows=1):
        super().__init__("numbers", (n, N_PIXELS), "float32", chunk_rows)
        self.n_read = np.zeros(n, int)
        self.threads = set()
        self.n_closed = 0

    def close(self):
        self.n_closed += 1

    def read(self, start, stop):
        self.n_read[start:stop] += 1
        self.threads.add(threading.current_thread().name)
        return np.repeat(np.arange(start, stop, dtype="float32")[:, None], N_PIXELS, axis=1)


def batches_of(source, rows=None, **settings):
    rows = np.arange(len(source)) if rows is None else rows
    every = np.arange(len(source), dtype="float32")[:, None]
    settings = {"batch_size": 16, "seed": [3, 1], "columns": {"labels_err": every + 100}} | settings

    def load(rows):
        block = source[rows]
        return lambda places: {"input": block[places]}

    return StreamedBatches(load, rows, {"output": every * 10}, [source], **settings)


def order(batches):
    return np.concatenate([batches[k][0]["input"][:, 0] for k in range(len(batches))]).astype(int)


def test_every_row_comes_once_an_epoch_and_is_read_once():
    source = Numbers()
    batches = batches_of(source)
    assert [len(batches[k][0]["input"]) for k in range(len(batches))] == [16] * 14 + [6]
    np.testing.assert_array_equal(source.n_read, 1)
    np.testing.assert_array_equal(np.sort(order(batches)), np.arange(N))
    batches.close()


def test_rows_that_take_no_part_are_in_no_batch():
    rows = np.setdiff1d(np.arange(N), np.arange(5, N, 9))
    batches = batches_of(Numbers(), rows)
    np.testing.assert_array_equal(np.sort(order(batches)), rows)
    batches.close()


def test_labels_errors_and_weights_stay_with_their_star():
    batches = batches_of(Numbers(), sample_weight=np.arange(N) + 0.5)
    for k in range(len(batches)):
        x, y, weight = batches[k]
        star = x["input"][:, 0]
        np.testing.assert_array_equal(x["labels_err"][:, 0], star + 100)
        np.testing.assert_array_equal(y["output"][:, 0], star * 10)
        np.testing.assert_array_equal(weight, star + 0.5)
    batches.close()


def test_stars_of_distant_blocks_meet_and_the_next_epoch_is_another():
    batches = batches_of(Numbers())
    first = order(batches)
    window = first[: 4 * BLOCK]
    assert len(np.unique(window // BLOCK)) == 4 and np.ptp(window) > 4 * BLOCK
    assert len(np.unique(first[:16] // BLOCK)) == 4  # 16 of 40: (3/4)^16, 1 percent, for a block to be missed
    batches.on_epoch_end()
    second = order(batches)
    assert (first != second).mean() > 0.9
    np.testing.assert_array_equal(np.sort(second), np.arange(N))
    batches.close()


def test_a_seed_repeats_the_epochs_and_any_epoch_may_be_the_first():
    one, other = batches_of(Numbers()), batches_of(Numbers(), first_epoch=2)
    for _ in range(2):
        order(one)
        one.on_epoch_end()
    np.testing.assert_array_equal(order(one), order(other))
    assert (order(other) != order(batches_of(Numbers(), first_epoch=2, seed=[4, 1]))).any()
    one.close()
    other.close()


def test_without_a_seed_the_order_is_that_of_the_file():
    batches = batches_of(Numbers(), seed=None)
    np.testing.assert_array_equal(order(batches), np.arange(N))
    batches.close()


def test_asking_again_in_any_order_and_after_closing_gives_the_same():
    batches = batches_of(Numbers())
    expected = [batches[k][0]["input"] for k in range(len(batches))]
    for k in (0, 0, 7, 3, 14, 0):
        np.testing.assert_array_equal(batches[k][0]["input"], expected[k])
    batches.close()
    np.testing.assert_array_equal(batches[4][0]["input"], expected[4])
    batches.close()


def test_after_closing_no_thread_is_begun_only_the_batch_is_read_and_the_files_are_closed_again():
    source = Numbers()
    batches = batches_of(source)
    batches.close()
    source.n_closed = 0
    rows = batches.batch_rows(0)
    np.testing.assert_array_equal(batches[0][0]["input"][:, 0], rows)
    np.testing.assert_array_equal(np.flatnonzero(source.n_read), np.sort(rows))
    assert source.threads == {threading.current_thread().name} and source.n_closed == 1


def test_nothing_is_read_for_an_epoch_that_never_comes():
    source = Numbers()
    batches = batches_of(source, n_epochs=2)
    for _ in range(2):
        order(batches)
        batches.on_epoch_end()
    batches.close()
    np.testing.assert_array_equal(source.n_read, 2)


def test_threads_may_ask_at_once():
    batches = batches_of(Numbers())
    expected = [batches[k][0]["input"] for k in range(len(batches))]
    wrong = []

    def ask(seed):
        for k in np.random.default_rng(seed).integers(len(batches), size=60):
            if (batches[int(k)][0]["input"] != expected[k]).any():
                wrong.append(k)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    batches.close()


def test_one_thread_reads_and_not_that_which_trains():
    source = Numbers()
    batches = batches_of(source)
    order(batches)
    assert len(source.threads) == 1 and threading.current_thread().name not in source.threads
    batches.close()


def test_what_was_read_is_not_kept():
    batches = batches_of(Numbers())
    for k in range(len(batches)):
        batches[k]
        # A batch on the border of two windows, and the window behind.
        assert len(batches._reader._kept) <= 3
    batches.close()
    assert not batches._reader._kept


def test_an_error_while_reading_reaches_the_training():
    class Broken(Numbers):
        def read(self, start, stop):
            raise OSError("the disk is gone")

    batches = batches_of(Broken())
    with pytest.raises(OSError, match="numbers: rows .* can't be read.*the disk is gone") as raised:
        batches[0]
    with pytest.raises(OSError, match="the disk is gone"), errors_of_reading(None, batches):
        raise RuntimeError("what the engine makes of it")
    assert batches.failure is raised.value
    with pytest.raises(RuntimeError, match="of its own"), errors_of_reading(batches_of(Numbers())):
        raise RuntimeError("of its own")


def test_parts_of_a_batch_may_be_read_by_themselves():
    batches = batches_of(Numbers())
    rows = batches.batch_rows(2)
    whole = batches[2][0]["input"]
    parts = [batches.read(part)[0]["input"] for part in np.array_split(rows, 3)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    batches.close()


@pytest.mark.parametrize(("chunk", "rows"), [(1, 10), (3, 12), (25, 25), (80, 80), (81, 10)])
def test_blocks_hold_whole_chunks_unless_these_are_huge(chunk, rows, monkeypatch):
    monkeypatch.setattr(streamed, "_LARGEST_BLOCK", 8 * BLOCK * 4 * N_PIXELS)
    assert block_rows([Numbers(chunk_rows=chunk)]) == rows


def test_keras_sees_every_star_once_in_each_epoch():
    seen = []

    class Watching(StreamedBatches):
        def read(self, rows):
            seen.append(rows)
            return super().read(rows)

    source = Numbers()
    load = lambda rows: lambda places, block=source[rows]: {"input": block[places]}  # noqa: E731
    targets = np.arange(N, dtype="float32")[:, None]
    batches = Watching(load, np.arange(N), targets, [source], seed=[1], batch_size=16)
    x = keras.Input((N_PIXELS,), name="input")
    net = keras.Model({"input": x}, keras.layers.Dense(1, kernel_initializer="zeros", trainable=False)(x))
    net.compile("sgd", loss="mse")
    # The network answers 0, so that the loss is the sum of the squared labels over the number of stars.
    history = net.fit(batches, epochs=3, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(history, np.square(np.arange(N, dtype=float)).mean(), rtol=1e-5)
    assert len({tuple(rows) for rows in seen if len(rows) == 16}) >= 3 * 14  # three orders, not one three times
    batches.close()
