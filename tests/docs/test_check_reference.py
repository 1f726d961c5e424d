"""The check of the reference finds public names without a page, and nothing else."""

import zlib

import pytest

pytestmark = pytest.mark.one_backend

HEAD = b"# Sphinx inventory version 2\n# Project: astroNN\n# Version: 1\n# The remainder is compressed using zlib.\n"


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("check_reference")


@pytest.fixture(scope="module")
def names(script):
    """All public names by their own paths, with the documented members of classes."""
    found = set()
    for module_name, module in script.public_names.modules().items():
        for name, value in script.public_names.objects(module).items():
            found.add(f"{module_name}.{name}")
            if script.public_names.kind(value) in ("class", "exception"):
                found |= {f"{module_name}.{name}.{member}" for _, member, _ in script.public_names.members(value)}
    return found


def built(folder, names, page="reference.html"):
    folder.mkdir()
    lines = [f"{name} py:function 1 {page}#$ -\n" for name in sorted(names)]
    (folder / "objects.inv").write_bytes(HEAD + zlib.compress("".join(lines).encode()))
    (folder / "reference.html").touch()
    return folder


def test_a_reference_with_every_name_passes(script, names, tmp_path, capsys):
    assert script.main([str(built(tmp_path / "html", names))]) == 0
    assert "all public names" in capsys.readouterr().out


def test_a_name_without_a_page_is_told(script, names, tmp_path, capsys):
    lost = {"astroNN.citation", "astroNN.datasets.H5Loader.load_entry", "astroNN.datasets.h5.H5Loader.load_entry"}
    assert script.main([str(built(tmp_path / "html", names - lost))]) == 1
    told = {line.partition(":")[0] for line in capsys.readouterr().out.splitlines()}
    assert "astroNN.citation" in told
    assert told <= lost


def test_a_name_that_is_handed_on_is_found_where_it_is_described(script, names, tmp_path):
    handed_on = {name for name in names if name.startswith("astroNN.models.apogee_models.")}
    assert "astroNN.models.apogee_models.ApogeeCNN" in handed_on
    assert script.missing(built(tmp_path / "html", names - handed_on)) == []


def test_another_object_of_the_same_name_is_no_substitute(script, names, tmp_path):
    # There is `wavelength_solution` of APOGEE, and another one of LAMOST.
    lost = {"astroNN.lamost.wavelength_solution", "astroNN.lamost.chips.wavelength_solution"}
    assert script.missing(built(tmp_path / "html", names - lost)) == sorted(lost)


def test_a_page_that_is_not_there_is_told(script, names, tmp_path):
    assert len(script.missing(built(tmp_path / "html", names, page="elsewhere.html"))) > 1000


@pytest.mark.parametrize("content", [None, b"no inventory"])
def test_a_folder_without_an_inventory_is_refused(script, tmp_path, content, capsys):
    if content is not None:
        (tmp_path / "objects.inv").write_bytes(content)
    assert script.main([str(tmp_path)]) == 2
    assert "objects.inv" in capsys.readouterr().err


def test_every_public_name_belongs_to_a_module_that_the_reference_lists(script):
    public_names = script.public_names
    listed = public_names.listed("api") + public_names.listed("internals")
    assert len(set(listed)) == len(listed)
    shown = {
        (id(value), name)
        for module in listed
        for name, value in public_names.objects(public_names.modules()[module]).items()
    }
    assert [
        f"{module_name}.{name}"
        for module_name, module in public_names.modules().items()
        for name, value in public_names.objects(module).items()
        if (id(value), name) not in shown
    ] == []
