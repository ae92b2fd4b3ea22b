"""Imports of the package run downward only, floor by floor, and no files import each other in a circle."""

import ast
import graphlib
from collections.abc import Iterable
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "cinecohort"

FLOORS = (
    ("catalogue", "errors", "synthetic", "masks"),
    ("files", "findings", "labels", "model_sets"),
    ("options", "images", "store", "ledger"),
    ("label_maps", "grids"),
    ("conversion", "measures"),
    ("segmentation", "sources", "evaluation", "phantom"),
    ("quality", "statistics"),
    ("calibration",),
    ("reporting",),
    ("review",),
    ("config",),
    ("cohort",),
    ("analyses",),
    ("experiments",),
    ("commands",),
    ("cli",),
)
"""Rooms and single modules of the package, the ground first; each imports from lower floors and itself."""


def module_names(package: Path) -> dict[str, Path]:
    """Name of every module below a package's folder, the folder's own name first, to its file."""
    files = sorted(package.rglob("*.py"))
    parts = {path: path.relative_to(package.parent).with_suffix("").parts for path in files}
    return {".".join(name[:-1] if name[-1] == "__init__" else name): path for path, name in parts.items()}


def imports_of(path: Path, modules: Iterable[str]) -> set[str]:
    """Return the modules, out of `modules`, that a file imports: anywhere in it, for types as well."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports relatively, which this test does not follow"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found & set(modules)


def graph(package: Path) -> dict[str, set[str]]:
    """Every module to what it imports of the package; packages that were named with a module are left out."""
    modules = module_names(package)
    imports = {name: imports_of(path, modules) - {package.name} for name, path in modules.items()}
    return {
        name: {one for one in used if not any(other.startswith(f"{one}.") for other in used)}
        for name, used in imports.items()
    }


def room(module: str) -> str:
    """Room of a module, or its own name where it stands alone."""
    return module.split(".")[1]


def upward(imports: dict[str, set[str]], floors: Iterable[Iterable[str]]) -> list[str]:
    """Imports from another room on the same floor or higher, as sentences."""
    height = {name: number for number, names in enumerate(floors) for name in names}
    return [
        f"{importer} imports {imported}"
        for importer, used in imports.items()
        for imported in sorted(used)
        if "." in importer
        and room(importer) != room(imported)
        and height[room(imported)] >= height[room(importer)]
    ]


def circle(imports: dict[str, set[str]]) -> list[str]:
    """Return the modules of a circle of imports; none where there is no circle."""
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_import_runs_upward() -> None:
    imports = graph(PACKAGE)
    named = {name for names in FLOORS for name in names}
    assert named == {room(name) for name in imports if "." in name}, "every room has its floor in FLOORS"
    assert upward(imports, FLOORS) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circle(graph(PACKAGE)) == []


@pytest.mark.parametrize(
    "text",
    [
        "from house.attic.chest import key",
        "import house.attic.chest",
        "def later():\n    from house.attic import chest",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.attic.chest import key",
    ],
)
def test_imports_of_every_kind_are_seen(tmp_path: Path, text: str) -> None:
    house = tmp_path / "house"
    (house / "attic").mkdir(parents=True)
    (house / "cellar.py").write_text(text)
    (house / "attic" / "chest.py").write_text("import house.cellar\nkey = 1\n")
    for folder in (house, house / "attic"):
        (folder / "__init__.py").write_text("")
    imports = graph(house)
    assert upward(imports, [["cellar"], ["attic"]]) == ["house.cellar imports house.attic.chest"]
    assert upward(imports, [["attic"], ["cellar"]]) == ["house.attic.chest imports house.cellar"]
    assert set(circle(imports)) == {"house.cellar", "house.attic.chest"}
