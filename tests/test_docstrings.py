"""Every docstring that users or contributors read says what numpydoc wants: parameters, types, results."""

import importlib.util
import inspect
from pathlib import Path

import pytest

pytestmark = pytest.mark.one_backend

RULES = Path(__file__).resolve().parents[1] / "docs" / "docstring_rules.py"


@pytest.fixture(scope="module")
def rules():
    pytest.importorskip("numpydoc")
    if not RULES.is_file():
        pytest.skip("the documentation is not here: the tests were copied out of the repository")
    spec = importlib.util.spec_from_file_location("docstring_rules", RULES)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def validated(rules):
    return rules.validated()


def test_numpydoc_finds_nothing_missing_in_public_docstrings(rules, validated):
    found = [f"{name}: {problem}" for name, value in validated.items() for problem in rules.problems(value)]
    assert found == []


def test_functions_classes_methods_and_properties_are_looked_at(validated):
    assert {
        "astroNN.citation",
        "astroNN.apogee.chips.gap_delete",
        "astroNN.models.base_bayesian_cnn.BayesianCNNBase",
        "astroNN.models.base_bayesian_cnn.BayesianCNNBase.predict",  # a module and a class have this name
        "astroNN.shared.files.atomic_folder",  # of an inner module
        "astroNN.datasets.h5.H5Loader.h5name_check",  # a static method
        "astroNN.datasets.galaxies.rendering.Profiles.joined",  # a class method
    } <= set(validated)
    assert isinstance(validated["astroNN.neuralode.results.IntegrationError"], type)
    assert isinstance(validated["astroNN.demo.folder.DemoFolder.network"], property)
    assert all(
        inspect.unwrap(value).__module__.startswith("astroNN") for value in validated.values() if callable(value)
    )


def test_only_methods_that_a_base_explains_go_without_a_docstring(validated):
    assert "astroNN.neuralode.layer.NeuralODE.call" not in validated  # of every layer of Keras
    assert [name for name, value in validated.items() if not inspect.getdoc(value)] == []


def undocumented(values, n_rows=3):
    return values[:n_rows]


def half_documented(values, n_rows=3):
    """First rows.

    Parameters
    ----------
    values
        All rows.
    n_rows : int
        how many

    Returns
    -------
    array
    """
    return values[:n_rows]


class Result:
    """What is read by its attributes.

    Attributes
    ----------
    value : float
        Measured.
    """

    def __init__(self, value):
        self.value = value


class NoResult:
    """What users make."""

    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        (undocumented, ["GL08"]),
        (half_documented, ["PR04", "PR08", "PR09", "RT03"]),
        (Result, []),
        (NoResult, ["PR01"]),
    ],
)
def test_the_check_itself_finds_what_is_missing(rules, value, codes):
    assert sorted(problem.partition(" ")[0] for problem in rules.problems(value)) == codes
