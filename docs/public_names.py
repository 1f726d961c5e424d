"""The public names of the package, and which pages of the documentation list their modules.

Public is what `__all__` names in modules whose path has no leading underscore. Those of the modules listed in
docs/source/api.rst are promised (see versioning.rst); docs/source/internals.rst lists the inner ones.
"""

import functools
import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path

import astroNN

SOURCE = Path(__file__).parent / "source"
#: values longer than this are not shown
LONGEST_VALUE = 100
#: values that are not the same for everybody
SETTINGS = ("astroNN.config",)


@functools.cache
def modules():
    """All modules without a leading underscore in their path, by name."""
    found = {"astroNN": astroNN}
    for module in pkgutil.walk_packages(astroNN.__path__, "astroNN."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            found[module.name] = importlib.import_module(module.name)
    return found


@functools.cache
def listed(page):
    """Modules listed in a page of the documentation, "api" or "internals"."""
    text = (SOURCE / f"{page}.rst").read_text(encoding="utf-8")
    return tuple(re.findall(r"^   (astroNN[\w.]*)$", text, re.MULTILINE))


def names(module):
    """Public names of a module: those of `__all__`, or, where it has none, those that it defines."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    defined = (name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__)
    return sorted(name for name in defined if not name.startswith("_"))


def objects(module):
    """The same with what they name; the version is there without its underscores, too."""
    return {name: getattr(module, name) for name in names(module) if not name.startswith("_")}


def members(cls):
    """Public methods and properties that a class has from the package, as (class that defines it, name, function)."""
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] != "astroNN":
            continue
        for name, value in vars(base).items():
            value = getattr(value, "__func__", value)  # of a class method or a static one
            if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                yield base, name, value


def kind(value):
    """What autodoc calls a value: "function", "class", "exception" or "data"."""
    if inspect.isclass(value):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if inspect.isroutine(value) else "data"


def pages():
    """What the page of each listed module shows.

    Returns
    -------
    dict of str to dict
        By name of the module. "here" : kind and name of functions and classes that have their page, or their place
        on the page of the module. "data" : name, value (or None, if it is too long to be shown) and description of
        constants. "elsewhere" : full names, in other modules, of what this one only hands on.
    """
    homes = _homes()
    found = {}
    for module_name in listed("api") + listed("internals"):
        page = found[module_name] = {"here": [], "data": [], "elsewhere": []}
        for name, value in objects(modules()[module_name]).items():
            home = homes[id(value), name]
            if module_name in listed("internals") and home != f"{module_name}.{name}":
                page["elsewhere"].append(home)
            elif kind(value) == "data":
                shown = len(repr(value)) <= LONGEST_VALUE and " at 0x" not in repr(value)
                shown = shown and module_name not in SETTINGS
                page["data"].append((name, repr(value) if shown else None, _comment(name, value)))
            else:
                page["here"].append((kind(value), name))
    return found


def stop_at():
    """Bases whose members are not shown again with a class, as autodoc's ``inherited-members`` takes them.

    Those that have a page of their own, with all that these inherit, and those from other packages. What a class has
    from private bases is shown with it.

    Returns
    -------
    dict of str
        Names of classes, parted by commas, by the full name of each class.
    """
    classes = {
        f"{module_name}.{name}": value
        for module_name in listed("api") + listed("internals")
        for name, value in objects(modules()[module_name]).items()
        if inspect.isclass(value)
    }
    stops = {}
    for full_name, cls in classes.items():
        behind = cls.__mro__[1:]
        shown = [base for base in behind if base in set(classes.values())]
        stop = [
            base.__name__
            for base in behind
            if base.__module__.partition(".")[0] != "astroNN" or any(base in other.__mro__ for other in shown)
        ]
        stops[full_name] = ", ".join(stop)
    return stops


def _homes():
    """The name under which an object is documented, by its id and the last part of that name."""
    homes = {}
    # A module of the first list documents all its names; of the second, that which defines a name.
    for module_name in sorted(listed("internals"), key=lambda name: -name.count(".")):
        for name, value in objects(modules()[module_name]).items():
            if getattr(value, "__module__", module_name) == module_name or (id(value), name) not in homes:
                homes[id(value), name] = f"{module_name}.{name}"
    for module_name in reversed(listed("api")):
        homes |= {
            (id(value), name): f"{module_name}.{name}" for name, value in objects(modules()[module_name]).items()
        }
    return homes


def _comment(name, value):
    """The comment (``#:``) at the definition of a constant, wherever in the package that is."""
    from sphinx.pycode import ModuleAnalyzer

    for module_name, module in sorted(sys.modules.items()):
        if module_name.startswith("astroNN") and hasattr(module, "__file__") and vars(module).get(name) is value:
            lines = ModuleAnalyzer.for_module(module_name).find_attr_docs().get(("", name))
            if lines:
                text = " ".join(line.strip() for line in lines).strip()
                return f"{text[0].upper()}{text[1:].rstrip('.')}."
    return ""
