"""The documentation: it builds without a broken link, loads nothing from elsewhere, and its commands work."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from cinecohort.config import Config
from support.documentation import PAGES, blocks, fault_of, inline_commands
from support.guarded import Guarded
from support.review_cohort import browser
from support.tiny_cohort import ROOT

LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "video": "src"}
DATASET = {"source": "dicom", "path": "."}
RUN = [page for page in PAGES if any(block.mark == "run" for block in blocks(page))]


class Resources(HTMLParser):
    """What a page loads when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in LOADED and values.get("rel") not in ("canonical", "prev", "next"):
            self.found.append(values.get(LOADED[tag]) or "")
        self.found += re.findall(r"url\(['\"]?([^)'\"]+)", values.get("style") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built site; strict, so that a link or an anchor that leads nowhere stops it."""
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_it_loads_nothing_from_elsewhere(site):
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        reader = Resources()
        reader.feed(page.read_text())
        assert reader.found
        for address in reader.found:
            assert "//" not in address, f"{page.name}: {address}"
            # The page of a server that did not find another has addresses from the server's root.
            place = (site if page.name == "404.html" else page.parent) / address.partition("?")[0].lstrip("/")
            assert address.startswith("data:") or place.exists(), f"{page.name}: {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(url\(['\"]?|@import ['\"])(https?:)?//", sheet.read_text()), sheet.name


def test_pictures_are_small_and_shown():
    """`make pictures` makes them, of phantoms; each is shown somewhere."""
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    shown = "".join(page.read_text() for page in PAGES)
    for picture in pictures:
        assert picture.suffix == ".webp"
        assert picture.stat().st_size <= 300_000, picture.name
        assert f"images/{picture.name})" in shown, picture.name
    in_readme = re.findall(r"!\[.+?\]\((.+?)\)", (ROOT / "README.md").read_text())
    assert len(in_readme) >= 3
    assert all((ROOT / name).is_file() for name in in_readme)


@pytest.mark.slow
def test_search_works_from_the_disk(site, tmp_path):
    driver = browser(tmp_path)
    try:
        driver.get((site / "index.html").as_uri())
        driver.find_element("css selector", "label[for=__search]")
        driver.execute_script("document.querySelector('#__search').click()")
        driver.execute_script(
            "const box = document.querySelector('.md-search__input'); box.focus(); box.value = 'papillary';"
            "box.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true}));"
            "box.dispatchEvent(new Event('input', {bubbles: true}));"
        )
        driver.set_script_timeout(60)
        found = driver.execute_async_script(
            "const done = arguments[0]; const look = () => {"
            "const links = [...document.querySelectorAll('.md-search-result__link')].map(link => link.href);"
            "links.length ? done(links) : setTimeout(look, 100)}; look();"
        )
        assert any("measures.html" in link for link in found)
        loaded = driver.execute_script(
            "return [...document.querySelectorAll('script[src], img[src], link[rel=stylesheet]')]"
            ".map(one => one.src || one.href)"
        )
        assert len(loaded) > 3
        assert all(address.startswith("file:") for address in loaded)
    finally:
        driver.quit()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_understood_by_its_program(page):
    shown = [command for block in blocks(page) if not block.language for command in block.commands]
    faults = {command: fault_of(command) for command in [*shown, *inline_commands(page)]}
    assert not {command: fault for command, fault in faults.items() if fault}


def test_a_wrong_command_is_found():
    for command in (
        "cinecohort chek study.yaml",
        "cinecohort study DIR --outt DIR",
        "snakemake --coress 2",
        "make everything",
        "snakemake --configfile config/none.yaml",
        "apptainer run cinecohort.sif chek study.yaml",
        "frobnicate",
    ):
        assert fault_of(command), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_is_understood(page):
    """Each piece of YAML is a part of a configuration, or of one dataset of it."""
    for block in blocks(page):
        if block.language == "yaml":
            part = yaml.safe_load(block.text)
            if not part.keys() <= Config.model_fields.keys():
                part = {"datasets": {"ours": {**DATASET, **part}}}
            assert Config.model_validate({"datasets": {"ours": DATASET}, **part})


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_commands_that_are_to_be_followed_do_what_they_say(page, tmp_path):
    """The blocks that a page marks are run one after the other, as a reader would, and nothing is sent."""
    guarded, folder = Guarded(tmp_path), tmp_path / "reader"
    folder.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    guarded.environment["PATH"] = path
    for block in blocks(page):
        if block.mark.startswith("file: "):
            (folder / block.mark.removeprefix("file: ")).write_text(block.text)
        elif block.mark == "run":
            for command in block.commands:
                guarded.run("sh", "-c", command, folder=folder)
