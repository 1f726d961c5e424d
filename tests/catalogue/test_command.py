"""``astronn predict`` as users meet it: in a process of its own, in another folder."""

import pytest

from astroNN.catalogue import predict_catalogue
from astroNN.cli import main
from tests.test_cli import run


def test_makes_the_table_of_the_function(network, survey, tmp_path):
    broken = survey / "broken.h5"
    broken.write_bytes(b"no HDF5")
    done = run("predict", str(network), "survey", "--out", "labels.fits", "--sampling", "fast", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "397 rows from 5 files are in labels.fits" in done.stdout
    assert "1 unreadable" in done.stdout and "broken.h5" in done.stdout
    assert "star/s" in done.stderr  # progress, with its rate
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.fits", "survey"]
    predict_catalogue(network, survey, tmp_path / "same.h5", sampling="fast", verbose=0)
    from astropy.table import Table

    found, expected = Table.read(tmp_path / "labels.fits"), Table.read(tmp_path / "same.h5")
    assert list(found["teff"].filled(-1)) == [value if value == value else -1 for value in expected["teff"]]


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["nowhere", "survey", "--out", "a.fits"], 2, "`folder` 'nowhere'"),
        (["NETWORK", "nothing", "--out", "a.fits"], 2, "no file 'nothing'"),
        (["NETWORK", "survey", "--out", "a.txt"], 2, "must end in"),
        (["NETWORK", "survey", "--out", "there.fits"], 2, "exists"),
    ],
)
def test_refusals_are_one_line(network, survey, tmp_path, monkeypatch, capsys, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.fits").write_text("mine")
    assert main(["predict", *[str(network) if word == "NETWORK" else word for word in arguments]]) == code
    told = capsys.readouterr().err.strip()
    assert told.startswith("astronn predict: ") and words in told and "\n" not in told
    assert (tmp_path / "there.fits").read_text() == "mine"


def test_out_is_needed(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["predict", "run", "survey"])
    assert ended.value.code == 2 and "--out" in capsys.readouterr().err
