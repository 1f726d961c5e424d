"""The site of the documentation keeps all versions, and says which is which."""

import json
import os
import re

import pytest

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("publish")


@pytest.fixture
def build(tmp_path):
    """A built documentation of two pages with a text in them, as `sphinx-build` leaves it."""

    def make(text):
        html = tmp_path / "html"
        (html / "generated").mkdir(parents=True, exist_ok=True)
        (html / ".doctrees").mkdir(exist_ok=True)
        for name in ("index.html", "generated/astroNN.html"):
            (html / name).write_text(f"<p>{text}</p>")
        return html

    return make


@pytest.fixture
def site(tmp_path, script, build):
    """A site with versions published out of order."""
    folder = tmp_path / "site"
    for version in ("2.0.0", "2.10.0", "2.9.0", "latest", "3.0.0rc1", "2.10.1.dev0"):
        script.publish(build(version), folder, version, "https://docs.example/astro/")
    return folder


def entries(site):
    return json.loads((site / "switcher.json").read_text())


def target(page):
    """Where a page that only leads elsewhere leads to."""
    return (page.parent / re.search(r"url=([^\"]+)", page.read_text()).group(1)).resolve()


def test_versions_are_listed_from_the_newest_to_the_oldest_by_number(site):
    listed = [entry["version"] for entry in entries(site)]
    assert listed == ["latest", "3.0.0rc1", "2.10.1.dev0", "2.10.0", "2.9.0", "2.0.0"]


def test_pre_releases_are_marked_and_the_newest_release_is_preferred(site):
    names = {entry["version"]: entry["name"] for entry in entries(site)}
    assert names["3.0.0rc1"] == "3.0.0rc1 (pre-release)"
    assert names["2.10.1.dev0"] == "2.10.1.dev0 (pre-release)"
    assert names["2.10.0"] == "2.10.0 (stable)"
    assert names["2.9.0"] == "2.9.0"
    assert [entry["version"] for entry in entries(site) if entry.get("preferred")] == ["2.10.0"]


def test_addresses_are_those_of_the_folders(site):
    folders = {path.name for path in site.iterdir() if path.is_dir()} - {"stable"}
    assert {entry["url"] for entry in entries(site)} == {f"https://docs.example/astro/{name}/" for name in folders}


def test_publishing_keeps_all_other_versions_as_they_are(site, script, build):
    before = {path: path.read_bytes() for path in site.glob("[0-9l]*/**/*.html")}
    script.publish(build("new"), site, "2.11.0")
    assert len(before) == 12
    assert {path: path.read_bytes() for path in before} == before
    assert (site / "2.11.0" / "index.html").read_text() == "<p>new</p>"


def test_a_version_published_again_takes_the_place_of_its_own_build_only(site, script, build):
    (site / "latest" / "gone.html").write_text("a page that the new build doesn't have")
    versions = script.publish(build("newer"), site, "latest")
    assert (site / "latest" / "index.html").read_text() == "<p>newer</p>"
    assert not (site / "latest" / "gone.html").exists()
    assert versions[0] == "latest" and len(versions) == 6


def test_stable_leads_to_the_same_page_of_the_newest_release(site):
    for name in ("index.html", "generated/astroNN.html"):
        assert target(site / "stable" / name) == site / "2.10.0" / name
    assert target(site / "index.html") == site / "stable" / "index.html"


def test_before_the_first_release_stable_leads_to_what_there_is(tmp_path, script, build):
    folder = tmp_path / "site"
    script.publish(build("main"), folder, "latest")
    assert target(folder / "stable" / "index.html") == folder / "latest" / "index.html"
    assert not any(entry.get("preferred") for entry in entries(folder))
    script.publish(build("candidate"), folder, "2.0.0rc1")
    assert target(folder / "stable" / "index.html") == folder / "2.0.0rc1" / "index.html"


@pytest.mark.parametrize("version", ["v2.0.0", "../elsewhere", "stable", "", "2.0.0-rc1"])
def test_what_is_no_version_is_refused_before_anything_is_written(tmp_path, script, build, version):
    with pytest.raises(ValueError, match="VERSION must be 'latest' or a version"):
        script.publish(build("x"), tmp_path / "site", version)
    assert not (tmp_path / "site").exists()


def test_a_folder_without_a_build_is_refused(tmp_path, script):
    assert script.main([str(tmp_path), str(tmp_path / "site"), "latest"]) == 1
    assert not (tmp_path / "site").exists()


def test_an_error_in_the_middle_leaves_the_site_as_it_was(site, script, build, monkeypatch):
    before = {path: path.read_bytes() for path in site.rglob("*") if path.is_file()}

    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(script.shutil, "copytree", full)
    with pytest.raises(OSError, match="No space"):
        script.publish(build("half"), site, "2.10.0")
    assert {path: path.read_bytes() for path in site.rglob("*") if path.is_file()} == before


def test_what_a_kill_left_behind_is_mended_by_the_next_call(site, script, build):
    os.rename(site / "2.9.0", site / ".2.9.0.previous")  # killed between two renames
    (site / ".2.8.0.abcd.part").mkdir()  # killed while copying
    (site / ".abcd.part.switcher.json").write_text("[")
    versions = script.publish(build("main"), site, "latest")
    assert "2.9.0" in versions
    assert (site / "2.9.0" / "index.html").read_text() == "<p>2.9.0</p>"
    assert [path.name for path in site.iterdir() if path.name.startswith(".")] == [".nojekyll"]


def test_the_address_comes_from_the_environment(tmp_path, script, build, monkeypatch):
    monkeypatch.setenv("ASTRONN_DOCS_URL", "https://docs.example")
    assert script.main([str(build("main")), str(tmp_path / "site"), "latest"]) == 0
    assert entries(tmp_path / "site")[0]["url"] == "https://docs.example/latest/"
    monkeypatch.delenv("ASTRONN_DOCS_URL")
    assert script.main([str(build("main")), str(tmp_path / "site"), "latest"]) == 0
    assert entries(tmp_path / "site")[0]["url"] == "/latest/"
