"""A hook of MkDocs: pages that live elsewhere in the repository, and links between files of the repository.

Pages link to each other as files of the repository do, so that links also work where the files are read as
they are. Here a link to a file that is a page becomes a link to the page; of a link to another file the words
stay.
"""

import logging
import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
SHIM, OURS = "https://unpkg.com/iframe-worker/shim", "javascripts/iframe-worker.js"
"""What the theme would load from elsewhere for search from the disk, and the copy of it here."""
LOG = logging.getLogger("mkdocs.hooks.pages")
LINK = re.compile(r"\[([^\[\]]*)\]\(([^()\s]+)\)")
NAMED = {
    "config/README.md": "configuration.md",
    "results/README.md": "results.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
}
"""File of the repository to its page."""


def taken_in() -> dict[str, str]:
    """Every file that is taken in from outside ``docs/``, and its place on the site."""
    found = dict(NAMED)
    for folder, place in (("benchmarks", "benchmarks"), ("src/cinecohort/segmentation/weights", "models")):
        for path in sorted((ROOT / folder).iterdir()):
            if path.suffix in (".md", ".svg", ".png"):
                found[f"{folder}/{path.name}"] = f"{place}/{path.name}"
    return found


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the cards of the networks and the benchmarks at the end of the navigation."""
    pages = [place for place in taken_in().values() if place.endswith(".md")]
    for title, folder in (("Networks", "models/"), ("Measured", "benchmarks/")):
        config.nav.append({title: [page for page in pages if page.startswith(folder)]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take the files in."""
    for source, place in taken_in().items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files into links between pages."""
    origins = {place: source for source, place in taken_in().items()}
    here = page.file.src_uri
    return LINK.sub(lambda found: _linked(found, here, origins.get(here, f"docs/{here}")), markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Load nothing from elsewhere."""
    return output.replace(SHIM, os.path.relpath(OURS, Path(page.file.dest_uri).parent))


def on_post_template(output_content: str, template_name: str, config: MkDocsConfig) -> str:
    """Load nothing from elsewhere."""
    return output_content.replace(SHIM, OURS)


def _linked(found: re.Match[str], here: str, origin: str) -> str:
    words, target = found.groups()
    path, _, place = target.partition("#")
    if not path or "://" in path or path.startswith("mailto:"):
        return found[0]
    named = os.path.normpath(Path(origin).parent / path)
    if not (ROOT / named).exists():
        LOG.warning("%s: there is no %s to link to", origin, named)
        return found[0]
    site = taken_in().get(named) or (named.removeprefix("docs/") if named.startswith("docs/") else None)
    if site is None:
        return words
    relative = os.path.relpath(site, Path(here).parent)
    return f"[{words}]({relative}{'#' if place else ''}{place})"
