"""Imports go one way: a module may import its own package and what stands above it."""

import ast
from pathlib import Path

import pytest

import sepbench

PACKAGE = Path(sepbench.__file__).parent
LAYERS = [
    {"amounts", "errors", "overlaps", "pages"},
    {"columns", "compiling", "containers", "footers", "stems"},
    {"audio", "canonical", "draws", "executors", "level", "mixing_loops", "shelf", "storage"},
    {
        "archives",
        "downloads",
        "journal",
        "loudness",
        "mixdown",
        "parquet",
        "resample",
        "soundness",
        "spectrograms",
        "surveys",
    },
    {"stamps"},
    {"scanning"},
    {"catalog", "renderings", "transforms"},
    {"published", "recipe"},
    {"manifest", "scores"},
    {"corpora", "metrics", "mixing"},
    {"comparing", "corpus", "exports", "fetching", "separators", "statistics"},
    {"evaluate", "leaderboard", "showing"},
    {"losses", "models"},
    {"training"},
    {"tour"},
    {"cli"},
]
HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem not in ("__init__", "__main__"))  # fmt: skip
HEAVY = {"torch": {"models", "losses", "training"}}


def imports(path):
    """Give (line, top-level part of sepbench or other package, whether at module top) of all imports."""
    tree = ast.parse(path.read_text())
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [node.module]
            if node.module == "sepbench":
                names = [f"sepbench.{alias.name}" for alias in node.names]
        for name in names:
            yield node.lineno, name.split("."), id(node) in top


def part(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_stands_above_it(path):
    own = part(path)
    for line, name, _ in imports(path):
        if name[0] == "sepbench" and len(name) > 1 and name[1] not in (own, "__version__"):
            assert HEIGHT[name[1]] < HEIGHT[own], f"{path}:{line}: `{own}` must not import `{name[1]}`"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torch_is_imported_at_the_top_only_where_it_is_spoken_of(path):
    for line, name, at_top in imports(path):
        if at_top and name[0] in HEAVY:
            assert part(path) in HEAVY[name[0]], f"{path}:{line}: `{name[0]}` belongs inside the function"


def test_every_module_has_its_place():
    assert {part(path) for path in MODULES} == set(HEIGHT)
