"""Make the frozen plan hashes, `plans-v1.json`, anew: only before a release, never after.

Run as ``PYTHONPATH=tests python tests/frozen/make_plans.py``.
"""

import json
from pathlib import Path

import planned

from sepbench import recipe as recipes
from sepbench.mixing import plan

HERE = Path(__file__).parent


def main() -> None:
    tables = planned.tables()
    shelved = {name: recipes.load(name) for name in recipes.names()}
    drawn = {name: one for name, one in shelved.items() if one.listed is None and set(one.sets) <= set(tables)}
    kinds = planned.KINDS | {name: (one, None, 0) for name, one in drawn.items()}
    hashes = {
        name: plan(recipe, tables, seed=seed, epoch=epoch).metadata["plan_hash"]
        for name, (recipe, seed, epoch) in kinds.items()
    }
    (HERE / "plans-v1.json").write_text(json.dumps(hashes, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
