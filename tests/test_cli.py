"""The command line as users meet it: in a process of its own, started in another folder."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import astroNN
from astroNN.cli import main

TINY = ["--size", "300", "--test-size", "64", "--epochs", "2"]
LABELS = ["teff", "logg", "Fe", "C", "Mg", "Al"]
FIGURES = {
    "predicted_vs_true.png",
    "residuals.png",
    "pulls.png",
    "training_history.png",
    "spectrum.png",
    "sensitivity.png",
}


def environment():
    """The child finds this very package, installed or not, from any folder."""
    paths = [str(Path(astroNN.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    variables.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return variables


def run(*arguments, cwd):
    command = [sys.executable, "-m", "astroNN", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A tiny demo, run once: its folder and what it printed."""
    cwd = tmp_path_factory.mktemp("elsewhere")
    done = run("demo", *TINY, "--out", "out", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return cwd / "out", done


def results(folder):
    with open(folder / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


def check_files(folder):
    """All that a demo writes, and nothing else beside its folder."""
    assert {path.name for path in (folder / "figures").iterdir()} == FIGURES
    for name in FIGURES:
        content = (folder / "figures" / name).read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(content) < 200_000
    assert (folder / "network" / "astroNN_model_parameter.json").is_file()
    assert [path.name for path in folder.parent.iterdir()] == ["out"]


@pytest.mark.slow
def test_the_demo_writes_network_table_and_figures(demo):
    folder, _ = demo
    check_files(folder)


@pytest.mark.slow
def test_the_table_of_the_demo_holds_sensible_numbers_for_every_label(demo):
    rows = results(demo[0])
    assert [row["label"] for row in rows] == LABELS
    for row in rows:
        assert int(row["n_stars"]) == 64
        assert 0 < float(row["scatter"]) < 3 * float(row["spread"])
        assert float(row["predicted_std"]) > 0
        assert 0 <= float(row["within_1sigma"]) <= float(row["within_2sigma"]) <= 1


@pytest.mark.slow
def test_the_demo_tells_its_steps_the_table_and_the_files_and_nothing_of_the_backend(demo):
    folder, done = demo
    for step in "12345":
        assert f"\n{step}. " in done.stdout
    for row in results(folder):
        digits = 1 if row["unit"] == "K" else 3
        assert f"{float(row['scatter']):.{digits}f}" in done.stdout
    for name in FIGURES:
        assert str(Path("out", "figures", name)) in done.stdout
    for noise in ("oneDNN", "cuda", "absl", "Warning", "Traceback"):
        assert noise not in done.stderr + done.stdout


@pytest.mark.slow
def test_the_network_of_the_demo_loads_in_this_other_process(demo):
    from astroNN.models import load_folder

    net = load_folder(demo[0] / "network")
    assert net.targetname == LABELS
    assert net.calibration is not None


@pytest.mark.slow
def test_a_second_demo_refuses_the_folder_at_once_and_changes_nothing(demo):
    folder, _ = demo
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    again = run("demo", *TINY, "--out", "out", cwd=folder.parent)
    assert again.returncode == 2
    assert "--force" in again.stderr and "out" in again.stderr
    assert again.stdout == ""
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


def test_neither_help_nor_version_nor_a_refusal_load_numpy_or_keras(tmp_path):
    (tmp_path / "file").write_text("")
    code = (
        "import sys\nfrom astroNN.cli import main\n"
        "try: code = main(sys.argv[1:])\nexcept SystemExit as stop: code = stop.code\n"
        "print({'numpy', 'keras', 'tensorflow', 'matplotlib'} & set(sys.modules), code)"
    )
    for arguments, expected in ((["--help"], 0), (["--version"], 0), (["demo", "--out", "."], 2), ([], 2)):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=tmp_path, env=environment(), capture_output=True, text=True
        )
        assert done.stdout.splitlines()[-1] == f"set() {expected}", done.stderr


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"astroNN {astroNN.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--size", "20"], "at least 200"),
        (["--epochs", "0"], "at least 1"),
        (["--epochs", "many"], "'many' is not a whole number"),
        (["--test-size", "1"], "at least 10"),
        (["--seed", "-1"], "at least 0"),
    ],
)
def test_a_number_that_cant_be_is_refused_with_the_least_that_can(arguments, said, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["demo", "--out", str(tmp_path / "out"), *arguments])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cant_be_written_is_refused_before_any_work(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["demo", "--out", str(tmp_path / "file" / "out")]) == 2
    assert "--out" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C can't be sent to one process there")
def test_ctrl_c_stops_the_demo_with_one_clear_line(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "astroNN", "demo", "--size", "300", "--epochs", "1000", "--out", "out"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A parent that ignores Ctrl-C (as a shell's background jobs do) hands this on; a user's terminal doesn't.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        while not process.stdout.readline().startswith("2. "):
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert errors.splitlines()[-1].startswith("astronn demo: stopped")
    assert "Traceback" not in errors
    assert not (tmp_path / "out" / "network").exists()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_table_and_force_replaces_the_old_results(demo, tmp_path):
    folder, _ = demo
    for _ in range(2):
        assert run("demo", *TINY, "--out", "out", "--force", cwd=tmp_path).returncode == 0
        assert results(tmp_path / "out") == results(folder)
    assert run("demo", *TINY, "--out", "other", "--seed", "1", cwd=tmp_path).returncode == 0
    assert results(tmp_path / "other") != results(folder)


@pytest.mark.slow
def test_the_quick_demo_is_accurate_and_its_uncertainties_hold(tmp_path):
    assert run("demo", "--quick", "--out", "out", cwd=tmp_path).returncode == 0
    check_files(tmp_path / "out")
    assert [row["label"] for row in results(tmp_path / "out")] == LABELS
    for row in results(tmp_path / "out"):
        assert float(row["scatter"]) < 0.6 * float(row["spread"])
        assert 0.55 < float(row["within_1sigma"]) < 0.85
        assert float(row["within_2sigma"]) > 0.88
