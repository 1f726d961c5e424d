"""A catalogue that was stopped goes on where it was, and nowhere else."""

import os
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest

from astroNN.catalogue._parts import parts_of
from astroNN.shared.errors import ConfigurationError
from tests.catalogue.conftest import N_PIXELS, N_STARS, made, predicted, read, write_h5


def stopped_after(n_parts, monkeypatch):
    """Make the work end with an error once some parts are written."""
    from astroNN.catalogue import _work

    write = _work.Work.write

    def write_some(self, part, answer):
        if part.number >= n_parts:
            raise OSError(28, "No space left on device")
        write(self, part, answer)

    monkeypatch.setattr(_work.Work, "write", write_some)


def test_goes_on_after_an_error(network, survey, tmp_path, monkeypatch):
    made(network, survey, tmp_path / "whole.fits")
    with monkeypatch.context() as patched:
        stopped_after(2, patched)
        with pytest.raises(OSError, match="No space left"):
            made(network, survey, tmp_path / "out.fits")
    assert not (tmp_path / "out.fits").exists()
    summary = made(network, survey, tmp_path / "out.fits")
    assert summary.n_resumed == N_STARS[0] + N_STARS[1]
    assert (tmp_path / "out.fits").read_bytes() == (tmp_path / "whole.fits").read_bytes()


def test_other_settings_do_not_go_on_and_changed_files_are_done_again(network, survey, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        stopped_after(2, patched)
        with pytest.raises(OSError):
            made(network, survey, tmp_path / "out.fits")
    with pytest.raises(ConfigurationError, match="answering"):
        made(network, survey, tmp_path / "out.fits", sampling="per_star")
    write_h5(survey / "field1.h5", 11, 200)
    summary = made(network, survey, tmp_path / "out.fits")
    assert summary.n_resumed == N_STARS[1]  # the first file is another one now, and done again
    np.testing.assert_array_equal(
        read(tmp_path / "out.fits")[0]["teff"][:200], predicted(network, survey / "field1.h5")[0][:, 0]
    )


def test_only_what_is_left_is_done(network, survey, tmp_path, monkeypatch):
    from astroNN.catalogue import _work

    with monkeypatch.context() as patched:
        stopped_after(2, patched)
        with pytest.raises(OSError):
            made(network, survey, tmp_path / "out.fits")
    answered, answer = [], _work.Work.answer

    def noted(self, part, rows):
        answered.append(part.number)
        return answer(self, part, rows)

    monkeypatch.setattr(_work.Work, "answer", noted)
    made(network, survey, tmp_path / "out.fits")
    assert answered == [2, 3]


def test_stopped_when_the_table_stands_already(network, survey, tmp_path, monkeypatch):
    from astroNN.catalogue import predict

    with monkeypatch.context() as patched:
        patched.setattr(predict, "discard", lambda folder: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            made(network, survey, tmp_path / "out.fits")
    written = os.stat(tmp_path / "out.fits").st_mtime_ns
    assert made(network, survey, tmp_path / "out.fits").n_rows == sum(N_STARS)
    assert os.stat(tmp_path / "out.fits").st_mtime_ns == written
    assert not list(tmp_path.glob(".out*"))


def test_two_at_once_are_refused(network, survey, tmp_path):
    from filelock import FileLock

    with FileLock(tmp_path / ".out.fits.lock"):
        with pytest.raises(ConfigurationError, match="another process"):
            made(network, survey, tmp_path / "out.fits")


def test_the_unit_of_work_can_be_pickled(network, survey, tmp_path):
    """So that any engine can run it: what it writes is a part of the catalogue."""
    from astroNN.catalogue._answering import Answering
    from astroNN.catalogue._inputs import input_files
    from astroNN.catalogue._reading import Reading
    from astroNN.catalogue._work import Work, read_columns
    from astroNN.models.persistence.schema import PARAMETER_FILE
    from astroNN.shared.files import filehash

    reading, target = Reading((N_PIXELS,)), tmp_path / "part.npz"
    part = replace(parts_of(input_files(survey, "out.fits"), reading)[1], target=str(target))
    work = Work(str(network), filehash(network / PARAMETER_FILE), reading, Answering())
    work, part = pickle.loads(pickle.dumps((work, part)))
    assert work(part) == part.number == 1
    columns = read_columns(target)
    np.testing.assert_array_equal(columns["teff"], predicted(network, survey / "field2.h5")[0][:, 0])


def test_a_changed_network_is_told(network, survey, tmp_path):
    from astroNN.catalogue._work import loaded_network

    copy = tmp_path / "copy"
    shutil.copytree(network, copy)
    with pytest.raises(ValueError, match="has changed"):
        loaded_network(str(copy), "0" * 64, ())
