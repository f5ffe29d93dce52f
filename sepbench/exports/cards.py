"""The card of a corpus: what is in it, how it was made, under which licences, and how it is cited."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sepbench.exports import citing, licensing
from sepbench.exports.contents import Contents

__all__ = ["FILE_NAME", "written"]

FILE_NAME = "README.md"
# the names under which Hugging Face knows licences, apart from those of SPDX in small letters
_KNOWN = {
    "apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "mit", "odc-by", "unknown",
    *(f"cc-by{kind}-{version}" for kind in ("", "-sa", "-nc", "-nd", "-nc-sa", "-nc-nd") for version in ("3.0", "4.0")),
}  # fmt: skip
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def written(contents: Contents, opening: str = "", header: Mapping[str, Any] | None = None) -> str:
    """Write the card, a Markdown page with a YAML header as Hugging Face reads it.

    Parameters
    ----------
    contents : Contents
    opening : str
        How the export is opened, as Markdown.
    header : mapping, optional
        What the header says beside licence, title and size.
    """
    import yaml

    words = yaml.safe_dump(_header(contents) | dict(header or {}), sort_keys=False, allow_unicode=True, width=1000)
    parts = [f"---\n{words}---", *_introduction(contents), _table_of_splits(contents), *_left_out(contents)]
    parts += [_table_of_stems(contents)]
    if opening:
        parts += ["## Open it", opening]
    parts += [*_licence(contents), *_making(contents), "## Cite", f"`{citing.FILE_NAME}` has the BibTeX of the public sets and of the corpus."]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _header(contents: Contents) -> dict[str, Any]:
    whole = licensing.licence_of_the_whole(contents.origins)
    header: dict[str, Any] = {"pretty_name": _title(contents)}
    if whole.lower() in _KNOWN:
        header["license"] = whole.lower()
    else:
        header |= {"license": "other", "license_name": whole, "license_link": licensing.FILE_NAME}
    size = next((words for below, words in _SIZES if len(contents) < below), "n>1M")
    return header | {
        "task_categories": ["audio-to-audio"], "size_categories": [size],
        "tags": ["audio", "source-separation", "speech-enhancement", "sepbench"],
    }  # fmt: skip


def _title(contents: Contents) -> str:
    recipe = contents.manifest.metadata["recipe"]
    return str(recipe.get("title") or recipe["name"])


def _introduction(contents: Contents) -> list[str]:
    recipe = contents.manifest.metadata["recipe"]
    notes = [f"- {note}" for note in recipe.get("notes", ())]
    return [text for text in (f"# {_title(contents)}", recipe.get("description", ""), "\n".join(notes)) if text]


def _table_of_splits(contents: Contents) -> str:
    lines = ["| split | mixtures | hours | SNR in dB: lowest, mean, highest |", "|---|---|---|---|"]
    for split, share in contents.shares.items():
        ratios = ", ".join(f"{value:.1f}" for value in share.snr_db) if share.snr_db else ""
        lines.append(f"| {split} | {share.mixtures:,} | {share.seconds / 3600:.2f} | {ratios} |")
    return "\n".join(lines)


def _left_out(contents: Contents) -> list[str]:
    if not contents.left_out:
        return []
    reasons = ", ".join(f"{count:,} `{status}`" for status, count in contents.left_out.items())
    missing = sum(contents.left_out.values())
    return [f"Left out: {missing:,} of {len(contents.manifest):,} planned mixtures have no audio ({reasons})."]


def _table_of_stems(contents: Contents) -> str:
    lines = ["Each mixture is the sum of its stems, sample by sample:", "", "| stem | role |", "|---|---|"]
    if any(batch["rendering"].null_count < len(batch) for batch in contents.batches()):
        lines[0] = "Each mixture with its stems:"  # somebody's own arithmetic need not add up to the last bit
    return "\n".join([*lines, *(f"| {name} | {role} |" for name, role in contents.stems.items())])


def _licence(contents: Contents) -> list[str]:
    sentences = [f"- {sentence}" for sentence in licensing.conditions(contents.origins)]
    whole = licensing.licence_of_the_whole(contents.origins)
    sets = [f"[{one.title}]({one.url})" if one.url else one.title or f"`{one.set}`" for one in contents.origins]
    text = (
        f"`{whole}`: the recordings are of {', '.join(sets)}. "
        f"[{licensing.FILE_NAME}]({licensing.FILE_NAME}) has each licence, with counts, and whom to name."
    )
    return [text for text in ("## Licence", text, "\n".join(sentences)) if text]


def _making(contents: Contents) -> list[str]:
    metadata = contents.manifest.metadata
    recipe = json.dumps(metadata["recipe"], indent=1, ensure_ascii=False)
    return [
        "## How it was made",
        f"With sepbench {metadata.get('sepbench', '')}, seed {metadata.get('seed', 0)}, from the recipe below; corpus hash "
        f"`{contents.manifest.corpus_hash}`. With the recipe, or the corpus's manifest, and the same public sets, "
        "`sepbench mix` makes the same samples again.",
        f"```json\n{recipe}\n```",
    ]
