"""The history in memory and on disk, and the stop at an invalid loss."""

import csv
import math

import keras
import numpy as np
import pytest

from astroNN.nn.callbacks import ErrorOnNaN, VirtualCSVLogger, VirutalCSVLogger


def logger_after(epochs, **settings):
    """Logger that has seen a list of (epoch, logs)."""
    logger = VirutalCSVLogger(**settings)
    for epoch, logs in epochs:
        logger.on_epoch_end(epoch, logs)
    return logger


def read(path, separator=","):
    with open(path, newline="") as stream:
        return list(csv.reader(stream, delimiter=separator))


TWO_EPOCHS = [(0, {"val_loss": 3.0, "loss": 2.0}), (1, {"val_loss": 1.5, "loss": 1.0})]


def test_both_spellings_name_one_class():
    assert VirtualCSVLogger is VirutalCSVLogger


def test_columns_are_the_epoch_and_the_sorted_names(tmp_path):
    path = logger_after(TWO_EPOCHS).savefile(tmp_path)
    assert path == tmp_path / "training_history.csv"
    assert read(path) == [["epoch", "loss", "val_loss"], ["0", "2.0", "3.0"], ["1", "1.0", "1.5"]]
    assert path.read_bytes().count(b"\n") == 3 and b"\r\r" not in path.read_bytes()


def test_nothing_is_written_until_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    logger = logger_after(TWO_EPOCHS)
    assert not list(tmp_path.iterdir())
    assert logger.savefile().read_text() and logger.epoch == [0, 1]
    assert logger.history == {"loss": [2.0, 1.0], "val_loss": [3.0, 1.5]}


def test_a_folder_is_made_and_saving_twice_writes_the_same_place(tmp_path):
    logger = logger_after(TWO_EPOCHS, filename="history.csv", separator=";")
    first, second = logger.savefile(tmp_path / "a" / "b"), logger.savefile(tmp_path / "a" / "b")
    assert first == second == tmp_path / "a" / "b" / "history.csv"
    assert read(first, ";")[0] == ["epoch", "loss", "val_loss"] and len(read(first, ";")) == 3


def test_folders_in_the_filename_stay_inside_the_folder(tmp_path):
    logger = logger_after(TWO_EPOCHS, filename="sub/history.csv")
    first, second = (logger.savefile(tmp_path / "run") for _ in range(2))
    assert first == second == tmp_path / "run" / "sub" / "history.csv"
    assert logger.savefile(tmp_path / "other") == tmp_path / "other" / "sub" / "history.csv"
    assert logger.savefile() == tmp_path / "other" / "sub" / "history.csv"
    logger.filename = "late.csv"
    assert logger.savefile(tmp_path / "run") == tmp_path / "run" / "late.csv"


@pytest.mark.parametrize("filename", ["../history.csv", "/elsewhere/history.csv"])
def test_a_filename_that_leads_out_of_the_folder_does_not(tmp_path, filename):
    path = logger_after(TWO_EPOCHS, filename=filename).savefile(tmp_path / "run")
    assert path == tmp_path / "run" / "history.csv" and path.exists()


def test_epochs_may_start_anywhere_and_values_may_appear_late_or_be_left_out(tmp_path):
    logger = logger_after([(5, {"loss": 2.0}), (6, {"loss": 1.0, "val_loss": 3.0}), (7, {"val_loss": 2.5})])
    rows = read(logger.savefile(tmp_path))
    assert rows[1:] == [["5", "2.0", "nan"], ["6", "1.0", "3.0"], ["7", "nan", "2.5"]]


def test_an_epoch_without_logs_still_has_its_row(tmp_path):
    logger = logger_after([(0, None), (1, {"loss": np.float32(0.5)})])
    assert read(logger.savefile(tmp_path)) == [["epoch", "loss"], ["0", "nan"], ["1", "0.5"]]


def test_appending_keeps_the_header_and_its_order(tmp_path):
    (tmp_path / "training_history.csv").write_text("epoch,val_loss,loss\r\n0,9.0,8.0")
    path = logger_after(TWO_EPOCHS, append=True).savefile(tmp_path)
    assert read(path) == [
        ["epoch", "val_loss", "loss"],
        ["0", "9.0", "8.0"],
        ["0", "3.0", "2.0"],
        ["1", "1.5", "1.0"],
    ]


def test_attributes_tell_the_settings_and_what_was_written(tmp_path):
    logger = logger_after(TWO_EPOCHS, separator=";", append=True)
    assert (logger.filename, logger.sep, logger.append, logger.keys) == (
        "training_history.csv",
        ";",
        True,
        ["loss", "val_loss"],
    )
    logger.savefile(tmp_path)
    assert logger.filename == str(tmp_path / "training_history.csv") and logger.append_header
    logger.savefile()  # the same place: it has a header now
    assert not logger.append_header and [row[0] for row in read(logger.filename, ";")] == [
        "epoch",
        "0",
        "1",
        "0",
        "1",
    ]


def test_what_another_callback_logs_is_kept_as_it_is(tmp_path):
    logs = {"loss": keras.ops.convert_to_tensor(0.5), "note": "warm-up", "rates": [0.1, 0.2]}
    logger = logger_after([(0, logs)])
    assert logger.history == {"loss": [0.5], "note": ["warm-up"], "rates": [[0.1, 0.2]]}
    assert read(logger.savefile(tmp_path))[1] == ["0", "0.5", "warm-up", "[0.1, 0.2]"]


@pytest.mark.parametrize("before", [None, ""])
def test_appending_to_nothing_writes_a_header(tmp_path, before):
    if before is not None:
        (tmp_path / "training_history.csv").write_text(before)
    assert read(logger_after(TWO_EPOCHS, append=True).savefile(tmp_path))[0] == ["epoch", "loss", "val_loss"]


def test_appending_to_other_columns_is_refused_and_leaves_the_file(tmp_path):
    path = tmp_path / "training_history.csv"
    path.write_text("epoch,loss,mae\n0,1,2\n")
    with pytest.raises(ValueError, match=r"columns \['loss', 'mae'\].*append=False"):
        logger_after(TWO_EPOCHS, append=True).savefile(tmp_path)
    assert path.read_text() == "epoch,loss,mae\n0,1,2\n"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_an_invalid_loss_stops_the_training_with_its_batch(value):
    callback = ErrorOnNaN()
    callback.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    with pytest.raises(ValueError, match="Batch 7: Invalid loss, terminating training"):
        callback.on_batch_end(7, {"loss": value})
    assert callback.model.stop_training


def test_a_valid_or_missing_value_does_not_stop_anything():
    callback = ErrorOnNaN(monitor="val_loss")
    for logs in (None, {}, {"loss": math.nan}, {"val_loss": 1e30}):
        callback.on_batch_end(0, logs)


def test_in_a_training_the_history_is_kept_and_nan_stops_it():
    net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    net.compile("sgd", loss="mse", metrics=["mae"])
    x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    logger = VirutalCSVLogger()
    history = net.fit(x, y, epochs=2, validation_data=(x, y), verbose=0, callbacks=[logger, ErrorOnNaN()]).history
    assert logger.epoch == [0, 1]
    assert {name: logger.history[name] for name in history} == history
    y[3] = np.nan
    with pytest.raises(ValueError, match="Batch 0: Invalid loss"):
        net.fit(x, y, epochs=2, verbose=0, callbacks=[ErrorOnNaN()])


def test_a_value_known_only_after_the_epoch_stops_the_training_there():
    net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    net.compile("sgd", loss="mse")
    x, y = np.ones((8, 2), "float32"), np.ones((8, 1), "float32")
    with pytest.raises(ValueError, match="Epoch 0: Invalid loss.*`val_loss` is nan"):
        net.fit(x, y, epochs=2, validation_data=(x, y * np.nan), verbose=0, callbacks=[ErrorOnNaN("val_loss")])
    assert net.stop_training
