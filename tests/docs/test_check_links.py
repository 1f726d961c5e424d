"""The check of links finds what is dead, and nothing else."""

import json

import pytest

pytestmark = pytest.mark.one_backend


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("check_links")


@pytest.fixture
def html(tmp_path):
    """Two pages and a picture whose links are all alive."""
    folder = tmp_path / "html"
    (folder / "generated").mkdir(parents=True)
    (folder / "_static").mkdir()
    (folder / "_static" / "figure.png").write_bytes(b"")
    (folder / "index.html").write_text(
        '<h1 id="top-of-all">x</h1> <a href="generated/name.html#astroNN.name">x</a> <a href="#top-of-all">x</a>'
        '<a href="#">x</a> <a href="https://elsewhere.example/page#x">x</a> <a href="mailto:a@b.example">x</a>'
        '<img src="_static/figure.png?v=3">'
    )
    (folder / "generated" / "name.html").write_text('<dt id="astroNN.name">x</dt> <a href="../index.html">x</a>')
    return folder


def add(html, text):
    page = html / "index.html"
    page.write_text(page.read_text() + text)


def test_living_links_pass(script, html, capsys):
    assert script.main([str(html)]) == 0
    assert "no dead links" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('<a href="missing.html">x</a>', "no such file"),
        ('<a href="generated/name.html#other">x</a>', "no such anchor"),
        ('<a href="#other">x</a>', "no such anchor"),
        ('<img src="_static/missing.png">', "no such file"),
        ('<img srcset="_static/figure.png 1x, _static/missing.png 2x">', "no such file"),
        ('<a href="../outside.html">x</a>', "leads out of the documentation"),
    ],
)
def test_dead_links_are_told(script, html, capsys, text, wrong):
    add(html, text)
    assert script.main([str(html)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("index.html: ") and lines[0].endswith(f": {wrong}")


def test_links_from_sources_need_their_page_only(script, html):
    (html / "_modules").mkdir()
    source = html / "_modules" / "name.html"
    source.write_text('<a href="../generated/name.html#inner.name">[docs]</a>')
    assert script.main([str(html)]) == 0
    source.write_text('<a href="../generated/missing.html#inner.name">[docs]</a>')
    assert script.main([str(html)]) == 1


def test_a_folder_without_pages_is_an_error_and_not_a_success(script, tmp_path, capsys):
    assert script.main([str(tmp_path)]) == 2
    assert "holds no HTML" in capsys.readouterr().err


def test_relative_links_of_texts_and_notebooks_are_checked(script, html, tmp_path, capsys):
    root = tmp_path / "repository"
    (root / "notes").mkdir(parents=True)
    (root / "LICENSE").write_text("")
    (root / "README.rst").write_text(
        "`The licence <LICENSE>`_, `a site <https://elsewhere.example>`_ and ``net <code>``.\n\n"
        ".. image:: no_picture.png\n   :target: LICENCE\n.. |mark| image:: LICENSE\n   :target: LICENSE\n"
    )
    (root / "SECURITY.md").write_text("[licence](LICENSE#mit) [gone](notes/gone.md) `[code](nowhere)`\n")
    cell = {"cell_type": "markdown", "source": ["[up](../LICENSE)\n", "[gone](gone.ipynb)"]}
    code = {"cell_type": "code", "source": ["x = [1](2)"]}
    (root / "notes" / "first.ipynb").write_text(json.dumps({"cells": [cell, code]}))
    assert script.main([str(html), "--sources", str(root)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "README.rst: LICENCE: no such file",
        "README.rst: no_picture.png: no such file",
        "SECURITY.md: notes/gone.md: no such file",
        "notes/first.ipynb: gone.ipynb: no such file",
    ]


def test_the_texts_of_the_repository_have_no_dead_links(script):
    assert script.dead_links_of_sources(script.Path(__file__).resolve().parents[2]) == []
