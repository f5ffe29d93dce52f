"""Proofs, held against each other: what came out now, and what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["failed_proof", "kind_of_difference", "unlike", "versions"]

Proof = Mapping[str, Any]


def failed_proof(status: str, reason: str) -> dict[str, Any]:
    """Give the proof of a row that has no audio."""
    return {"status": status, "reason": reason, "gains": [], "common_gain": None, "stems": [],
            "mixture_pcm_sha256": None, "achieved_snr_db": None, "active_snr_db": None, "loudness_lufs": None,
            "peak": None, "clipped_samples": None, "float_stages": []}  # fmt: skip


def unlike(now: Proof, recorded: Proof) -> list[str]:
    """Say what comes out otherwise than it was recorded, of a row that has audio both times."""
    found = []
    if now["gains"] != recorded["gains"]:
        found.append("other gains come out")
    for stem, before in zip(now["stems"], recorded["stems"], strict=True):
        if stem["stem_pcm_sha256"] != before["stem_pcm_sha256"]:
            found.append(f"the stem `{stem['name']}` comes out with other samples")
    if now["mixture_pcm_sha256"] != recorded["mixture_pcm_sha256"]:
        found.append("the mixture comes out with other samples")
    return found


def kind_of_difference(now: Proof, recorded: Proof) -> str:
    """Say where a difference begins: in a stage that is not exact, in a recording, or in the mixing."""
    if recorded["float_stages"]:
        return "float stage"
    return "source" if now["status"].startswith("source_") else "mix"


def versions(now: Proof, recorded: Proof) -> str:
    """Name the stages that are not exact, then and now; empty where there are none."""
    if not recorded["float_stages"]:
        return ""
    then, today = "; ".join(recorded["float_stages"]), "; ".join(now["float_stages"])
    return f" (made with {then}; now {today})" if then != today else f" (made with {then}, as now)"
