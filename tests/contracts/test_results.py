"""What holds for every result on the shelf, and for the tables that are made of them."""

import json

import pytest

from sepbench import mixing, shelf
from sepbench import recipe as recipes
from sepbench.leaderboard import collect, publish

SHELF = shelf.folder("leaderboards")
RESULTS = sorted(path.parent for path in SHELF.glob("*/*/result.json"))


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_result_is_whole_and_lies_under_its_names(folder):
    (found,) = collect([folder])
    assert (found.about.corpus.name, found.label) == (folder.parent.name, folder.name)
    assert {path.name for path in folder.iterdir()} <= {"result.json", "scores.parquet", "examples"}


def test_the_tables_on_the_shelf_are_made_of_the_results_on_it(tmp_path):
    published = publish([SHELF], tmp_path / "site")
    for made in (published.markdown, published.csv):
        kept = SHELF / made.name
        shown = made.read_text(encoding="utf-8").replace(str(SHELF), "leaderboards")
        assert kept.read_text(encoding="utf-8") == shown, "run `sepbench publish leaderboards --out site` and copy"


@pytest.mark.parametrize("name", sorted({folder.parent.name for folder in RESULTS} & {"speech-demo", "vocals-demo"}))
def test_results_on_a_demo_corpus_are_on_the_corpus_that_its_recipe_makes(name, tmp_path, catalogs):
    recipe = recipes.load(name)
    own = {key: path for key, path in catalogs.items() if key in recipe.sets}
    made = mixing.mix(recipe, tmp_path / "corpus", catalogs=own, workers=0)
    for folder in (SHELF / name).iterdir():
        assert json.loads((folder / "result.json").read_text())["corpus"]["hash"] == made.corpus_hash
