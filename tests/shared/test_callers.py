"""Warnings point to the line of the user, however deep in astroNN they arise."""

import pytest

pytestmark = pytest.mark.one_backend

OURS = """
import warnings
from astroNN.shared.callers import users_level

def outer():
    inner()

def inner():
    warnings.warn("deep", stacklevel=users_level())
"""


def line_of_warning(function):
    with pytest.warns(UserWarning) as told:
        function()
    return told[0].filename, told[0].lineno


def test_a_warning_of_astronn_points_to_the_first_line_outside_it():
    module = {"__name__": "astroNN.room.module"}
    exec(compile(OURS, "module.py", "exec"), module)

    def user():
        module["outer"]()

    def user_of_another_depth():
        module["inner"]()

    for function in (user, user_of_another_depth):
        assert line_of_warning(function) == (__file__, function.__code__.co_firstlineno + 1)


def test_a_package_of_a_name_that_begins_alike_is_not_ours():
    module = {"__name__": "astroNNtools"}
    exec(compile(OURS, "tools.py", "exec"), module)
    assert line_of_warning(module["outer"]) == ("tools.py", 9)
