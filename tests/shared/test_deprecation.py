"""Old names warn, and call what the new name is today."""

import pytest

from astroNN.shared.deprecation import deprecated, deprecated_alias
from astroNN.shared.nn_tools import folder_runnum


class Net:
    train = deprecated_alias("fit", "train")

    def fit(self, x, scale=1):
        return x * scale


class Special(Net):
    def fit(self, x, scale=1):
        return -x * scale


def test_the_old_name_warns_names_the_new_one_and_gives_its_result():
    with pytest.warns(DeprecationWarning, match=r"train\(\) is deprecated.*version 3.0; use fit\(\)") as caught:
        assert Net().train(2, scale=3) == 6
    assert caught[0].filename == __file__  # the caller's line, not ours
    assert Net.train.__name__ == "train"


def test_the_override_of_a_subclass_is_called():
    with pytest.warns(DeprecationWarning):
        assert Special().train(2) == -2


def test_a_function_that_will_go_says_when():
    @deprecated
    def old():
        return 1

    with pytest.warns(DeprecationWarning, match=r"old\(\), which will go in version 3\.0") as caught:
        assert old() == 1
    assert caught[0].filename == __file__


def test_runs_are_numbered_from_1_and_skip_what_exists(tmp_path):
    first = folder_runnum(tmp_path)
    assert first.startswith("astroNN_") and first.endswith("_run001")
    (tmp_path / first).mkdir()
    assert folder_runnum(tmp_path) == first.replace("001", "002")
