"""Code that the documentation shows and does not run fits the package: every name, attribute and argument exists.

Examples with ``>>>`` run as doctests. The others need an archive, several machines, or a large survey.
"""

from pathlib import Path

import pytest

from astroNN.models import ApogeeBCNN, DeepEnsemble, load_folder
from tests.docs.code_blocks import UNKNOWN, Checker, Instance, blocks_of

pytestmark = pytest.mark.one_backend

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.rst", ROOT / "CONTRIBUTING.rst", *sorted((ROOT / "docs" / "source").rglob("*.rst"))]
PAGES = [page for page in PAGES if "generated" not in page.parts]
# Not every reader has these, nor do the tests.
ELSEWHERE = {"google", "dask_jobqueue", "torch", "jax", "zero_point", "astroquery"}
# What stands for the reader's own data.
DATA = """
spectra spectra_err labels labels_err mask new_spectra new_spectra_err new_mask images catalogue ra dec kmag ids
other_net
training_imgs training_labels validation_imgs validation_labels
""".split()
RETURNS = {load_folder: ApogeeBCNN}


def unrun_code(page):
    return [block for block in blocks_of(page.read_text(encoding="utf-8")) if not block.runs]


def check(text):
    """What is wrong in the code of a page that doesn't run."""
    known = dict.fromkeys(DATA, UNKNOWN) | {
        "net": Instance(ApogeeBCNN),
        "ensemble": Instance(lambda: DeepEnsemble(ApogeeBCNN)),
    }
    checker = Checker(known, ELSEWHERE, RETURNS)
    wrong = []
    for block in blocks_of(text):
        try:
            checker.check(block.code, told=not block.runs)
        except SyntaxError as error:
            if not block.runs:
                wrong.append(f"line {block.line}: {error}")
        wrong += [f"line {block.line}: {each}" for each in checker.wrong]
        checker.wrong.clear()
    return wrong


@pytest.mark.parametrize("page", [page for page in PAGES if unrun_code(page)], ids=lambda page: page.stem)
def test_names_and_arguments_in_code_that_is_not_run_exist(page):
    assert check(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("net.fit(spectra, labels, label_errors=labels_err)", "label_errors"),
        ("net.max_epoch = 3", "max_epoch"),
        ("net.fit_all(spectra)", "fit_all"),
        ("from astroNN.models import ApogeeNN", "ApogeeNN"),
        ("import astroNN.modles", "modles"),
        ("net.predict(spektra)", "spektra"),
        ("from astroNN.apogee import allstar\n\n   allstar(release=17)", "release"),
        ("net.fit(spectra, labels", "was never closed"),
        ("load_folder('run')", "load_folder"),
        ("from astroNN.models import load_folder\n\n   load_folder('run').forecast(spectra)", "forecast"),
    ],
)
def test_the_check_finds_what_does_not_exist(code, wrong):
    told = check(f"Text\n\n.. code-block:: python\n\n   {code}\n\nText\n")
    assert len(told) == 1 and wrong in told[0]


GOOD = """
Text::

   from astroNN.models import load_folder

   net = load_folder("run")
   pred, pred_std = net.predict(spectra, mask=mask)

.. code-block:: python
   :caption: c

   net.max_epochs = 3

>>> w = 4

B::

    pip install .
"""


def test_the_check_passes_what_exists():
    assert check(GOOD) == []


def test_blocks_are_found():
    found = [(block.line, block.code.strip().splitlines()[-1], block.runs) for block in blocks_of(GOOD)]
    assert found == [
        (3, "pred, pred_std = net.predict(spectra, mask=mask)", False),
        (10, "net.max_epochs = 3", False),
        (14, "w = 4", True),
    ]
