"""Ensembles are saved, loaded and copied as one."""

import copy
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from astroNN.models import (
    ApogeeCNN,
    DeepEnsemble,
    load_folder,
)

from ...helpers.ensembles import (
    PARAMETERS,
    of_nets,
    same,
)

pytestmark = pytest.mark.one_backend


def test_a_loaded_ensemble_predicts_the_same(hardly_trained, tmp_path, data):
    saved = hardly_trained.save(tmp_path / "run")
    loaded = load_folder(saved)
    loaded.verbose = 0
    errors = np.full_like(data[0][:6], 0.1)
    assert same(loaded.predict(data[0][:6], errors), hardly_trained.predict(data[0][:6], errors))
    assert same(loaded.predict(data[0][:6]), hardly_trained.predict(data[0][:6]))
    assert isinstance(loaded, DeepEnsemble)
    assert str(loaded) == str(hardly_trained)
    assert loaded.folder_name == "run"
    assert sorted(path.name for path in saved.iterdir()) == [
        PARAMETERS, "member_001", "member_002", "member_003", "model_card.md",
    ]  # fmt: skip


def test_a_member_can_be_loaded_by_itself(plain, saved, data):
    member = load_folder(saved / "member_002")
    member.verbose = 0
    assert same(member.predict(data[0][:6]), plain[1].predict(data[0][:6]))


PREDICT = """
import numpy as np
from astroNN.models import load_folder
ensemble = load_folder("elsewhere/run")
ensemble.verbose = 0
pred, pred_std = ensemble.predict(np.load("spectra.npy"))
np.savez("answer.npz", pred=pred, **pred_std)
"""


def test_a_fresh_process_predicts_the_same_from_another_folder(untrained, stars, run_python, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ensemble = of_nets([untrained(ApogeeCNN(), seed=seed) for seed in (1, 2)])
    folder = ensemble.save("run")
    np.save("spectra.npy", stars.spectra[:5])
    (tmp_path / "elsewhere").mkdir()
    shutil.move(folder, tmp_path / "elsewhere" / "run")
    run_python(PREDICT, tmp_path)
    pred, pred_std = ensemble.predict(stars.spectra[:5])
    answer = np.load("answer.npz")
    np.testing.assert_array_equal(answer["pred"], pred)
    np.testing.assert_array_equal(answer["total"], pred_std["total"])


def test_an_existing_folder_is_never_overwritten_unless_asked(plain, saved, tmp_path):
    ensemble = copy.deepcopy(plain)
    folder = Path(shutil.copytree(saved, tmp_path / "run"))
    with pytest.warns(UserWarning, match="the ensemble was saved in"):
        assert ensemble.save(folder) == tmp_path / "run_2"
    with pytest.raises(FileExistsError):
        ensemble.save(folder, if_exists="error")
    assert ensemble.save(folder, if_exists="replace") == folder
    assert len(load_folder(folder)) == 3
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("...")
    with pytest.raises(FileExistsError, match="no network"):
        ensemble.save(tmp_path / "thesis", if_exists="replace")


def test_a_disk_that_is_full_leaves_nothing_behind(plain, tmp_path, monkeypatch):
    from astroNN.models.persistence import ensemble as module

    def full(net, folder, **keywords):
        if folder.name == "member_002":
            raise OSError("No space left on device")
        (folder / PARAMETERS).write_text("{}")

    monkeypatch.setattr(module, "fill_folder", full)
    with pytest.raises(OSError, match="No space"):
        copy.deepcopy(plain).save(tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "make_twin",
    [copy.deepcopy, pytest.param(copy.copy, marks=pytest.mark.slow), lambda e: pickle.loads(pickle.dumps(e))],
)
def test_an_ensemble_is_copied_and_pickled(plain, data, make_twin):
    twin = make_twin(plain)
    assert same(twin.predict(data[0][:6]), plain.predict(data[0][:6]))
    before = plain[0].get_weights()
    twin.max_epochs = 1
    twin.fit(*data)
    assert same(plain[0].get_weights(), before)
    assert plain.max_epochs == 2
