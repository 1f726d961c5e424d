"""What numpydoc must find in docstrings; used by source/conf.py and by tests/test_docstrings.py."""

import inspect
import re
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # which Python leaves out where PYTHONSAFEPATH is set

from public_names import listed, members, modules, objects

#: All checks but these.
NOT_CHECKED = {
    "ES01",  # an extended summary stands where it is needed,
    "EX01",  # and so do examples
    "SA01",  # and See Also
    "SS05",  # takes every word that ends in s for a verb: "Statistics of ...", "Errors of ..."
}
#: Results with named fields, which users read and never make, have Attributes and no Parameters.
PATTERN_OF_RESULTS = r"(?m)^(?![\s\S]*^Parameters\n-)[\s\S]*^Attributes\n-"


def validated():
    """Public functions, classes, and methods and properties of these, each once, by the name of their definition.

    Inner modules, too: contributors read their docstrings as users read those of the others.
    """
    found = {}
    for module_name in listed("api") + listed("internals"):
        for value in objects(modules()[module_name]).values():
            if inspect.isroutine(value) or inspect.isclass(value):
                found.setdefault(f"{value.__module__}.{value.__qualname__}", value)
            if inspect.isclass(value):
                for base, name, member in members(value):
                    if member.__doc__ or not _is_explained_by_a_base(value, base, name):
                        found[f"{base.__module__}.{base.__qualname__}.{name}"] = member
    return found


def _is_explained_by_a_base(cls, definer, name):
    """Whether a method without a docstring overrides one of Keras, whose guides explain it, or one that has one."""
    behind = [base for base in cls.__mro__[cls.__mro__.index(definer) + 1 :] if name in vars(base)]
    return any(vars(base)[name].__doc__ or base.__module__.partition(".")[0] != "astroNN" for base in behind)


def problems(value):
    """What numpydoc finds missing in the docstring of an object: code and message of each."""
    from numpydoc.docscrape import get_doc_object
    from numpydoc.validate import validate

    report = validate(get_doc_object(value))
    waived = set(NOT_CHECKED)
    if re.search(PATTERN_OF_RESULTS, report["docstring"]):
        waived.add("PR01")
    return [f"{code} {text}" for code, text in report["errors"] if code not in waived]
