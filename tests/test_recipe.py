"""Recipes: what is wrong is named with its key and the remedy."""

import copy

import pytest

from sepbench import recipe as recipes
from sepbench import shelf
from sepbench.errors import RecipeError, UnknownNameError

GOOD = {
    "name": "r", "version": 1, "sample_rate": 16000, "length": 4.0, "splits": {"test": 3},
    "sources": [
        {"name": "speech", "role": "target", "set": "librispeech"},
        {"name": "noise", "role": "noise", "set": "esc50", "when_short": "loop"},
    ],
    "levels": {"snr_db": {"uniform": [-5, 5]}},
}  # fmt: skip


def changed(place, value):
    content = copy.deepcopy(GOOD)
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return content


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_on_the_shelf_is_good_and_says_what_it_is(name):
    recipe = recipes.load(name)
    assert recipe.name == name
    assert recipe.title
    assert recipe.description


@pytest.mark.parametrize("name", shelf.names("mixers"))
def test_every_file_on_the_shelf_says_what_is_exact(name):
    header = (shelf.folder("mixers") / f"{name}.toml").read_text().partition("name =")[0]
    assert header.startswith("# ")
    assert "Exact: " in header


@pytest.mark.parametrize("name", recipes.names())
def test_a_recipe_survives_its_own_dump(name):
    recipe = recipes.load(name)
    assert recipes.parse(recipe.model_dump(mode="json", exclude_defaults=True)) == recipe


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (["sampel_rate"], 16000, r"(?s)unknown key `sampel_rate`.*did you mean `sample_rate`\?"),
        (["sources", 1, "wen_short"], "loop", "did you mean `when_short`"),
        (["levels", "snr"], 3, "did you mean `snr_db`"),
        (["levels", "snr_db"], {"unifrm": [1, 2]}, "unifrm"),
        (["levels", "snr_db"], {"uniform": [5, -5]}, "lower bound 5.0 is above"),
        (["levels", "snr_db"], {"choice": []}, "expected a number"),
        (["length"], "medium", "length"),
        (["length"], -1.0, "length"),
        (["splits"], {"testing": 3}, "splits.testing"),
        (["splits"], {"test": 0}, "splits.test"),
        (["version"], 0, "version"),
        (["name"], "My Corpus", "name"),
        (["sources"], [], "sources"),
        (["sources", 0, "role"], "noise", 'one source needs `role = "target"`'),
        (["sources", 0, "role"], "hero", "got `hero`"),
        (["sources", 0, "snr_db"], 3.0, "no `snr_db` against itself"),
        (["sources", 1, "snr_db"], 3.0, "exclude each other"),
        (["sources", 1, "level_dbfs"], -20.0, "exclude each other"),
        (["sources", 1, "coherent_with"], "vocals", "names no earlier source"),
        (["sources", 1, "pick"], "all", "needs `coherent_with`"),
    ],
)
def test_what_is_wrong_is_named_with_its_key(place, value, words):
    with pytest.raises(RecipeError, match=words) as caught:
        recipes.parse(changed(place, value), where="mine.toml")
    assert caught.value.message.startswith("mine.toml: ")
    assert caught.value.hint


def test_a_missing_key_is_named():
    content = {key: value for key, value in GOOD.items() if key != "version"}
    with pytest.raises(RecipeError, match="the key `version` is missing"):
        recipes.parse(content)


def test_a_file_that_is_no_toml_is_named(tmp_path):
    path = tmp_path / "broken.toml"
    path.write_text("name = ")
    with pytest.raises(RecipeError, match=r"broken\.toml: is not valid TOML"):
        recipes.load(path)


def test_an_unknown_recipe_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean `speech-demo`"):
        recipes.load("speech-dmo")
    with pytest.raises(UnknownNameError, match=r"mine.toml: there is no such file"):
        recipes.load("mine.toml")


def test_a_level_is_a_number_bounds_or_choices():
    recipe = recipes.parse(changed(["levels", "snr_db"], 2.5))
    assert (recipe.levels.snr_db.choice, recipe.levels.snr_db.bounds()) == ((2.5,), (2.5, 2.5))
    assert recipes.parse(GOOD).levels.snr_db.bounds() == (-5, 5)
    assert recipes.parse(changed(["levels", "snr_db"], {"normal": [5, 3]})).levels.snr_db.bounds() is None


@pytest.mark.parametrize("name", [name for name in recipes.names() if recipes.load(name).bibtex])
def test_whom_a_recipe_follows_is_one_entry_each(name):
    from sepbench.exports.citing import parsed

    for entry in recipes.load(name).bibtex:
        assert {"title", "author", "year"} <= set(parsed(entry))
