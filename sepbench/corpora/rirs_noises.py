"""RIRS_NOISES: simulated and measured room impulse responses, with noises, 16 kHz.

References
----------
T. Ko, V. Peddinti, D. Povey, M. L. Seltzer, S. Khudanpur: "A study on data augmentation of reverberant speech for
robust speech recognition", ICASSP 2017.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora import lines, misplaced, relative, top_folder, visible
from sepbench.published import Published, with_errata

__all__ = ["RirsNoises"]

_SIMULATED, _REAL, _POINT = "simulated_rirs", "real_rirs_isotropic_noises", "pointsource_noises"


class RirsNoises:
    """The reader of RIRS_NOISES; the label `kind` is ``rir``, ``isotropic-noise`` or ``point-source-noise``.

    A group is a room. The point-source noises are those of MUSAN.
    """

    name = "rirs-noises"
    version = "SLR28"
    title = "RIRS_NOISES"
    url = "https://www.openslr.org/28"
    licence = "Apache-2.0"
    layout = (
        "RIRS_NOISES/simulated_rirs/{small,medium,large}room/Room001/*.wav, "
        "RIRS_NOISES/real_rirs_isotropic_noises/*.wav and RIRS_NOISES/pointsource_noises/*.wav"
    )
    published = Published.beside(__file__)

    def items(self, root: Path) -> Iterator[Item]:
        """List what is there of the three parts.

        Raises
        ------
        LayoutError
            If there is nothing, or a part holds no recordings.
        """
        parts = (_SIMULATED, _REAL, _POINT)
        top = top_folder(self, root, names=("RIRS_NOISES",), marks=tuple(f"{part}/" for part in parts))
        yield from with_errata(self._parts(root, top), self.published.errata)

    def _parts(self, root: Path, top: Path) -> Iterator[Item]:
        for part, pattern in ((_SIMULATED, "*room/Room*/*.wav"), (_REAL, "*.wav"), (_POINT, "*.wav")):
            if not (top / part).is_dir():
                continue
            paths = visible(top / part, pattern)
            if not paths:
                raise misplaced(self, top / part, f"`{pattern}`")
            listed = _listed(top / part)
            for path in paths:
                kind, room = _described(part, path, listed.get(path.name, {}))
                yield Item(
                    item=path.relative_to(top).with_suffix("").as_posix(),
                    path=relative(path, root),
                    group=room,
                    labels={"kind": kind, "room": "" if kind == "point-source-noise" else room, "part": part},
                )


def _described(part: str, path: Path, options: Mapping[str, str]) -> tuple[str, str]:
    """Say what a recording is, and of which room; one that no list names is its own room."""
    if part == _POINT:
        return "point-source-noise", path.stem
    if part == _SIMULATED:
        return "rir", f"{path.parent.parent.name}-{path.parent.name}"
    noise = "--noise-id" in options or "_noise_" in path.stem
    return "isotropic-noise" if noise else "rir", options.get("--room-id") or options.get("--room-linkage") or path.stem


def _listed(folder: Path) -> dict[str, dict[str, str]]:
    """Read the lists in the style of Kaldi: options, then a path; by the name of the file."""
    rows = [line.split() for path in visible(folder, "*_list") for line in lines(path) if line.strip()]
    return {row[-1].rpartition("/")[2]: dict(zip(row[:-1:2], row[1::2], strict=False)) for row in rows}
