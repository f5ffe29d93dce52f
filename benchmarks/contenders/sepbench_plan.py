"""`sepbench.mix(plan_only=True)`: drawing the rows, hashing them and writing the manifest; no audio is opened."""

from pathlib import Path

import sepbench


def run(task, items, out):
    folder = Path(task["inputs"])
    planned = sepbench.mix(
        folder / "recipe.toml",
        out,
        catalogs={f"folder-{kind}": folder / f"wide-{kind}.parquet" for kind in ("speech", "noise")},
        mixtures={"train": len(items)},
        plan_only=True,
    )
    assert len(planned) == len(items)
