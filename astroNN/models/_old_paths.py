"""Module paths of older documentation that can have no file, as a class has their name."""

import sys
from types import ModuleType

__all__ = ["offer_modules_named_as_classes"]


def offer_modules_named_as_classes(package, *classes):
    """Let ``from astroNN.models.CNNBase import CNNBase`` work, and leave ``astroNN.models.CNNBase`` the class.

    A file of that name would hide the class: importing it puts the module in the class's place in the package. A
    module that is known before it is asked for is only looked up.

    Parameters
    ----------
    package : str
        Name of the package that holds the classes.
    *classes : type
    """
    for cls in classes:
        name = f"{package}.{cls.__name__}"
        module = ModuleType(name, f"Where older documentation looks for `{package}.{cls.__name__}`.")
        setattr(module, cls.__name__, cls)
        module.__all__ = [cls.__name__]
        sys.modules.setdefault(name, module)
