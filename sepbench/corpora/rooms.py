"""Any folder of room impulse responses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sepbench.catalog import Item
from sepbench.corpora.folder import Folder

__all__ = ["Rooms"]


class Rooms(Folder):
    """The reader of any folder of impulse responses: as `folder`, but what lies in one folder is one room.

    Responses of one room must not be in two splits. Where the folders are not the rooms, a `pattern` with a named group
    `group` says what is.
    """

    name = "rooms"
    title = "a folder of impulse responses"
    layout = "ROOM/*.wav, at any depth"

    def items(self, root: Path) -> Iterator[Item]:
        """List the impulse responses, each with the label `room`.

        Raises
        ------
        LayoutError
            If a file does not match the pattern, or a link leads out of the folder.
        """
        named = self.pattern is not None and "group" in self.pattern.groupindex
        for item in super().items(root):
            room = item.group if named else item.labels["folder"] or item.group
            yield replace(item, group=room, labels={**item.labels, "room": room})
