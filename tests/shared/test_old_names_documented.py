"""Every old name of the code stands in the documentation, with what replaces it and the version that removes it."""

import ast
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import astroNN
from astroNN.models._old_interface import OldInterface
from astroNN.shared.deprecation import REMOVAL_VERSION

pytestmark = pytest.mark.one_backend

PACKAGE = Path(astroNN.__file__).parent
PAGE = Path(__file__).parents[2] / "docs/source/versioning.rst"
#: functions of one factory, all with its name
NO_ALIASES = {"astroNN.shared.logging"}


@pytest.fixture(scope="module")
def page():
    if not PAGE.is_file():
        pytest.skip("the documentation is not here: the tests were copied out of the repository")
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def documented(page):
    """Old name to what replaces it and the version that removes it, from the table of names that warn."""
    table = page.partition("Old names that warn\n")[2].partition("Second names that stay\n")[0]
    rows = re.findall(r"^   \* - ``(\w+)``\n     - (.+)\n     - (.+)$", table, re.MULTILINE)
    assert len(rows) == table.count("   * - ") - 1  # the head
    assert len({name for name, _, _ in rows}) == len(rows)
    return {name: (new, version) for name, new, version in rows}


def warning_functions(tree):
    """Names of the functions in a module whose body names the category of the warnings of old names."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    names = {
        function.name: {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        for function in functions
    }
    warning = {name for name, used in names.items() if "DeprecationWarning" in used}
    helpers = {name for name in warning if name.startswith("_")}
    return (warning - helpers) | {name for name, used in names.items() if used & helpers}


def old_names(tree):
    """Old names that a module keeps, whichever way."""
    found = warning_functions(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "deprecated_alias":
            found.add(ast.literal_eval(node.args[1]))
        for decorator in getattr(node, "decorator_list", []):
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if getattr(called, "id", "") in ("deprecated", "deprecated_copy_signature"):
                found.add(node.name)
    return found


def in_the_code():
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.name != "deprecation.py":
            for name in old_names(ast.parse(file.read_text(encoding="utf-8"))):
                found[name] = file.relative_to(PACKAGE).as_posix()
    return found


def test_the_search_finds_each_way_of_keeping_an_old_name():
    source = """
class Net:
    a = deprecated_alias("new", "old_method")
@deprecated
def old_function(): pass
@deprecated_copy_signature(new)
def old_signature(): pass
def old_by_hand():
    warnings.warn("", DeprecationWarning)
def _helper():
    warnings.warn("", DeprecationWarning)
def old_by_helper():
    _helper()
def today(): pass
"""
    expected = {"old_method", "old_function", "old_signature", "old_by_hand", "old_by_helper"}
    assert old_names(ast.parse(source)) == expected


def test_every_old_name_that_warns_is_documented_and_no_other(documented):
    assert set(documented) == set(in_the_code())


def test_every_old_name_has_the_version_of_removal_that_the_warnings_name(documented):
    assert {version for _, version in documented.values()} == {REMOVAL_VERSION}


def test_no_old_name_has_outlived_its_version(documented):
    today = int(astroNN.__version__.split(".")[0])
    for name, (_, version) in documented.items():
        assert re.fullmatch(r"\d+\.0", version), f"{name} goes between major versions"
        assert today < int(version.split(".")[0]), f"{name} was to be removed in {version}"


def test_what_replaces_an_old_name_exists_and_does_not_warn_itself(documented):
    for name, (new, _) in documented.items():
        path = re.search(r"astroNN\.[\w.]+", new)[0].split(".")
        thing = astroNN
        for part in path[1:]:
            thing = getattr(thing, part)
        assert callable(thing) and path[-1] not in documented, name


def test_warnings_take_the_version_from_one_place():
    for file in sorted(PACKAGE.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if "DeprecationWarning" in text and file.name != "deprecation.py":
            assert "REMOVAL_VERSION" in text, file.name


def aliases():
    """Public names of classes and functions that are called otherwise, with the module that has them."""
    for found in pkgutil.walk_packages(astroNN.__path__, "astroNN."):
        is_private = any(part.startswith("_") for part in found.name.split("."))
        if is_private or found.name in NO_ALIASES:
            continue
        module = importlib.import_module(found.name)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            is_ours = getattr(thing, "__module__", "").startswith("astroNN")
            if is_ours and (inspect.isclass(thing) or inspect.isfunction(thing)) and thing.__name__ != name:
                yield name, thing.__name__, found.name


def test_every_second_name_is_documented(page):
    words = set(re.findall(r"\w+", page.partition("Second names that stay\n")[2]))
    found = list(aliases())
    assert len({name for name, _, _ in found}) > 10  # else the search is broken
    for name, _, module in found:
        assert name in words, f"{module}.{name}"
    for name in vars(OldInterface):
        assert name.startswith("_") or name in words or name == "hyper_txt", name


def test_second_names_that_the_documentation_gives_exist(page):
    table = page.partition("Second names that stay\n")[2]
    paths = re.findall(r"^   \* - ``(astroNN\.[\w.]+)``", table, re.MULTILINE)
    assert len(paths) > 8
    for path in paths:
        module, _, name = path.rpartition(".")
        try:
            assert hasattr(importlib.import_module(module), name), path
        except ModuleNotFoundError:
            pytest.fail(f"there is no module {module}")
