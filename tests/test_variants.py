"""A family of corpora is one file: each name leads to one recipe, and no other."""

import pytest

from sepbench import recipe
from sepbench.errors import RecipeError, UnknownNameError

FAMILY = """\
name = "mine"
version = 1
length = 1.0
splits = { train = 3 }

[levels]
clipping = "fail"

[[sources]]
name = "speech"
role = "target"
set = "librispeech"

[variants.rate]
8k = { sample_rate = 8000 }
16k = { sample_rate = 16000 }

[variants.kind]
"" = {}
loud.levels = { peak_dbfs = -3 }
"""


@pytest.fixture
def family(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FAMILY)
    return tmp_path


def test_each_name_is_one_recipe(family):
    plain, loud = (recipe.load(family / f"{name}.toml") for name in ("mine-8k", "mine-16k-loud"))
    assert (plain.name, plain.sample_rate, plain.levels.peak_dbfs) == ("mine-8k", 8000, -1.0)
    assert (loud.name, loud.sample_rate, loud.levels.peak_dbfs) == ("mine-16k-loud", 16000, -3)
    assert loud.levels.clipping == "fail"  # tables are joined


def test_the_suffix_may_be_left_out(family):
    assert recipe.load(str(family / "mine-8k")) == recipe.load(family / "mine-8k.toml")


def test_the_family_itself_is_no_corpus(family):
    with pytest.raises(RecipeError, match=r"names a family of corpora: mine-\{8k,16k\}\[-loud\]") as caught:
        recipe.load(family / "mine.toml")
    assert caught.value.hint == "for example `mine-8k`"


def test_an_unknown_member_is_refused_with_the_nearest(family):
    with pytest.raises(RecipeError, match="has no `mine-16k-lod`") as caught:
        recipe.load(family / "mine-16k-lod.toml")
    assert "mine-16k-loud" in caught.value.hint


def test_a_name_of_no_family_is_unknown(family):
    (family / "plain.toml").write_text(FAMILY.split("[variants")[0])
    with pytest.raises(UnknownNameError):
        recipe.load(family / "plain-8k.toml")
    with pytest.raises(UnknownNameError):
        recipe.load("libri9mix-8k-min-clean")


@pytest.mark.parametrize(
    "table", ["variants = 3", "[variants]\nrate = 3", "[variants.rate]\n8k = 3", "[variants.rate]"]
)
def test_a_table_of_variants_that_is_none_is_refused(tmp_path, table):
    (tmp_path / "odd.toml").write_text(f'name = "odd"\n{table}\n')
    with pytest.raises(RecipeError, match="expected a table of choices"):
        recipe.load(tmp_path / "odd-8k.toml")


def test_the_shelf_names_every_corpus_once():
    names = recipe.names()
    assert len(set(names)) == len(names)
    assert {"libri2mix-16k-min-clean", "libri3mix-train100-8k-max-both-faithful", "dns-16k-fixed"} <= set(names)
    assert (
        recipe.families()["libri2mix"].pattern
        == "libri2mix[-train100]-{8k,16k}-{min,max}-{clean,both,single}[-faithful]"
    )
