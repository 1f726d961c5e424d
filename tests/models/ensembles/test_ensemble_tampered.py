"""Folders of ensembles that somebody has changed are refused."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from astroNN.models import (
    load_folder,
)

from ...helpers.ensembles import LINE, PARAMETERS, WEIGHTS

pytestmark = pytest.mark.one_backend


@pytest.fixture
def spoilt(saved, tmp_path):
    """A saved ensemble to be spoilt."""
    return Path(shutil.copytree(saved, tmp_path / "run"))


def edited(folder, **changes):
    parameters = json.loads((folder / PARAMETERS).read_text())
    parameters.update(changes)
    (folder / PARAMETERS).write_text(json.dumps(parameters))


def signed(folder, member):
    """Make the ensemble's file agree with the member's, as a forger would."""
    members = json.loads((folder / PARAMETERS).read_text())["members"]
    for entry in members:
        if entry["folder"] == member:
            entry["sha256"] = hashlib.sha256((folder / member / PARAMETERS).read_bytes()).hexdigest()
    edited(folder, members=members)


def refused(folder, match, kind=ValueError):
    with pytest.raises(kind, match=match):
        load_folder(folder)


@pytest.mark.parametrize("place", ["../outside", "/etc", "member_001/../../outside", "member_003", "", None, 3])
def test_a_member_never_lies_outside_the_folder(spoilt, place):
    shutil.copytree(spoilt / "member_002", spoilt.parent / "outside")
    members = json.loads((spoilt / PARAMETERS).read_text())["members"]
    members[1]["folder"] = place
    edited(spoilt, members=members)
    refused(spoilt, "must be in the folder 'member_002'")


def test_a_link_is_not_followed(spoilt):
    (spoilt / "member_002").rename(spoilt.parent / "outside")
    (spoilt / "member_002").symlink_to(spoilt.parent / "outside")
    refused(spoilt, "link")


def test_a_linked_file_is_not_followed(spoilt):
    (spoilt / "member_002" / WEIGHTS).rename(spoilt.parent / WEIGHTS)
    (spoilt / "member_002" / WEIGHTS).symlink_to(spoilt.parent / WEIGHTS)
    refused(spoilt, "link")


def test_changed_weights_of_a_member(spoilt):
    weights = bytearray((spoilt / "member_003" / WEIGHTS).read_bytes())
    weights[len(weights) // 2] ^= 1
    (spoilt / "member_003" / WEIGHTS).write_bytes(weights)
    refused(spoilt, "checksum")


def test_a_member_in_the_place_of_another(spoilt):
    shutil.rmtree(spoilt / "member_002")
    shutil.copytree(spoilt / "member_001", spoilt / "member_002")
    refused(spoilt, "checksum")


def test_a_member_of_another_class_or_shape(spoilt, untrained):
    stranger = untrained().save(spoilt.parent / "stranger")
    shutil.rmtree(spoilt / "member_002")
    shutil.copytree(stranger, spoilt / "member_002")
    signed(spoilt, "member_002")
    refused(spoilt, "holds a ApogeeBCNN; the members of this ensemble are Line")


def test_an_ensemble_inside_an_ensemble(spoilt):
    (spoilt / "member_002" / PARAMETERS).write_text((spoilt / PARAMETERS).read_text())
    signed(spoilt, "member_002")
    refused(spoilt, "member_002")


def test_a_member_that_is_missing(spoilt):
    shutil.rmtree(spoilt / "member_002")
    refused(spoilt, "member_002", FileNotFoundError)


def test_an_unknown_class(spoilt):
    for name in ("member_001", "member_002", "member_003"):
        edited(spoilt / name, id="NobodyKnows")
        signed(spoilt, name)
    edited(spoilt, member_class="NobodyKnows")
    refused(spoilt, "Unknown model identifier -> NobodyKnows", TypeError)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("members", []), ("members", "all"), ("members", [{}] * 1001), ("members", {"a": 1}), ("n_members", 2),
        ("n_members", 10**9), ("n_members", True), ("n_members", "3"), ("n_done", 4), ("n_done", -1), ("n_done", 1.5),
        ("seed", None), ("seed", "x"), ("is_first_round", 1), ("is_first_round", None), ("interrupted", "no"),
        ("member_class", None), ("calibration", {"factor": [1.0]}), ("calibration", 3),
        ("calibration", {"factor": [1.0], "factor_err": [0.1], "n_stars": [100]}), ("format_version", 99),
    ],
)  # fmt: skip
def test_a_parameter_that_can_not_be(spoilt, key, value):
    edited(spoilt, **{key: value})
    refused(spoilt, f"{key}|member|version")


@pytest.mark.parametrize("key", ["n_members", "n_done", "is_first_round", "interrupted", "seed", "member_class"])
def test_a_parameter_that_is_missing(spoilt, key):
    parameters = json.loads((spoilt / PARAMETERS).read_text())
    del parameters[key]
    (spoilt / PARAMETERS).write_text(json.dumps(parameters))
    refused(spoilt, key)


def test_code_beside_the_members_runs_only_on_the_users_word(spoilt):
    for name in ("member_001", "member_002", "member_003"):
        edited(spoilt / name, id="Stranger")
        signed(spoilt, name)
    edited(spoilt, member_class="Stranger")
    (spoilt / "custom_models.py").write_text(LINE.replace("Line", "Stranger"))
    refused(spoilt, "trust_custom_code", TypeError)
    assert len(load_folder(spoilt, trust_custom_code=True)) == 3
