"""The grammar of recipes: which keys there are, what they mean, and which go together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from sepbench import renderings, transforms
from sepbench.errors import SepbenchError, did_you_mean
from sepbench.recipe.values import CountDraw, CountField, Draw, DrawField, LevelField, Model, as_draw
from sepbench.soundness import is_file_name
from sepbench.transforms import Parameter, Transform

__all__ = ["DEGRADATION", "NUMBER", "SPLITS", "Applied", "Levels", "Listed", "Padding", "Pool", "Recipe", "Source"]

Split = Literal["train", "valid", "test"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
StemName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}(\{n\})?$")]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")
NUMBER = "{n}"
DEGRADATION = "degradation"
"""Name of the stem that holds what degradations change of a mixture."""
_OF_LISTED = {"name", "role", "set", "splits", "shares", "groups", "where", "downmix"}
Scalar = str | int | float | bool
Where = dict[str, Scalar | tuple[Scalar, ...] | dict[str, Any]]


class Pool(Model):
    """Which recordings of a set serve which split of the corpus."""

    splits: dict[Split, tuple[str, ...]] | None = None
    """Which splits of the set serve which split of the corpus."""
    shares: dict[Split, int] | None = None
    """For sets without splits: how the groups are divided, by a keyed draw for each group; of few groups a split may get none."""
    groups: dict[Split, tuple[str, ...]] | None = None
    """For lists of one's own: the groups (speakers, songs …) of each split; or, in a recipe's file, the name of a text file
    beside it with one in each line."""
    where: Where = Field(default={})
    """Conditions on labels and on ``duration_s``, ``sample_rate``, ``channels``, ``peak_dbfs``, ``loudness_lufs``: a
    value, a list of values, ``{not = [values]}`` or ``{min = a, max = b}``."""

    @model_validator(mode="after")
    def _one_division(self) -> Pool:
        given = [name for name in ("splits", "shares", "groups") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(" and ".join(f"`{name}`" for name in given) + " exclude each other")
        return self


class Applied(Pool):
    """A transform of a source: its name, and its parameters as further keys, each a number, a level to be drawn, or a word."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    name: str
    """Of the transform; below is what there is."""
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How probable it is, for each source of each mixture, in thousandths."""
    set: str | None = None
    """For a parameter that is a recording (an impulse response): the public set that it comes from."""
    shared: bool = False
    """Whether all sources of a mixture that take from this set take recordings of one group: talkers in one room."""
    reference: Literal["all", "early"] = "all"
    """Of a ``room``: whether the whole of what is heard is the source, or its early part alone; the late part is then a stem
    of its own, ``NAME-late``, with the same gain. Only for the last transform."""

    @property
    def transform(self) -> Transform:
        """What is applied."""
        return transforms.load(self.name)

    @property
    def recording(self) -> str | None:
        """Name of the parameter that is a recording, where there is one."""
        return next((key for key, one in self.transform.parameters.items() if one.kind == "recording"), None)

    def quantities(self) -> Iterator[tuple[str, Parameter, Draw | str | None]]:
        """Give the parameters that a recipe may set, with what it says of them."""
        given = self.model_extra or {}
        for key, parameter in self.transform.parameters.items():
            if parameter.kind == "word":
                yield key, parameter, str(given.get(key, parameter.default))
            elif parameter.kind == "number":
                yield key, parameter, Draw.model_validate(as_draw(given.get(key, parameter.default)))

    @model_validator(mode="after")
    def _fits(self) -> Applied:
        try:
            known = self.transform.parameters
        except SepbenchError as error:
            raise ValueError(f"{error.message} ({error.hint})") from error
        settable = [key for key, one in known.items() if one.kind in ("number", "word")]
        for key in self.model_extra or {}:
            if key not in settable:
                raise ValueError(f"`{self.name}` has no parameter `{key}`: {did_you_mean(key, settable, kind='keys')}")
        for key in settable:
            self._refuse_beyond_range(key, known[key])
        if self.shared and self.set is None:
            raise ValueError("`shared` is for what takes recordings of a `set`")
        if (self.recording is None) != (self.set is None):
            raise ValueError(
                f"`{self.name}` " + ("takes no `set`" if self.set else f"needs the `set` of its `{self.recording}`")
            )
        if self.reference == "early" and "part" not in known:
            raise ValueError(f"`{self.name}` has no early part")
        return self

    def _refuse_beyond_range(self, key: str, parameter: Parameter) -> None:
        value = (self.model_extra or {}).get(key, parameter.default)
        if value is None:
            raise ValueError(f"`{self.name}` needs `{key}`: {parameter.meaning}")
        if parameter.kind == "word":
            if value not in parameter.choices:
                raise ValueError(f"`{self.name}`: `{key}` is one of {', '.join(parameter.choices)}, got `{value}`")
            return
        bounds = Draw.model_validate(as_draw(value)).bounds()
        if bounds is None or bounds[0] < parameter.lowest or bounds[1] > parameter.highest:
            unit = f" {parameter.unit}" if parameter.unit else ""
            raise ValueError(
                f"`{self.name}`: `{key}` lies between {parameter.lowest:g} and {parameter.highest:g}{unit}, got `{value}`"
            )


def refuse_other_counts(draw: Draw | None, key: str, most: int) -> None:
    """Refuse a number of transforms that is none, or more than there are."""
    for one in draw.parts if draw else ():
        values = one.uniform or one.choice or (-1.0,)
        if not all(value == int(value) and 0 <= value <= most for value in values):
            raise ValueError(f"`{key}` is a whole number between 0 and {most}, what there is")


class Source(Pool):
    """One source of every mixture, or several of a kind."""

    name: StemName
    """Name of the stem: ``speech``, ``noise``, ``vocals`` … Sources of one name are summed into one stem; ``speaker{n}`` numbers
    them, and makes a stem of each: ``speaker1``, ``speaker2`` …"""
    role: Literal["target", "interferer", "noise"]
    """``target`` is what the task asks for; the first target is the one that SNRs refer to."""
    set: str
    """Public set that the recordings come from; ``--catalog SET=FILE`` says where its catalog is. May carry a suffix,
    ``folder-street``, to use one reader for several catalogs."""
    count: CountField = CountDraw(choice=(1,))
    """How many of them a mixture has: a number, or drawn for each mixture."""
    distinct: Literal["group", "recording", "none"] = "group"
    """What two sources of one set may not share in a mixture: their group (two talkers are two people), only the
    recording, or nothing."""
    pick: Literal["one", "all"] = "one"
    """With ``coherent_with``: take one recording of the group, or all that fit (drums, bass and other, say)."""
    coherent_with: str | None = None
    """Name of an earlier source: take the recording from the same group, with the same start (stems of one song)."""
    when_short: Literal["exclude", "loop", "pad", "append"] = "exclude"
    """What to do with a recording that is shorter than its place in the mixture; ``append`` lets other recordings of its group follow
    until the place is full."""
    gap_s: float = Field(default=0.0, ge=0, le=60)
    """With ``append``: the pause before each that follows."""
    duration_s: DrawField | None = None
    """How much of the recording is heard; by default as much as there is room for."""
    offset_s: DrawField | Literal["anywhere"] | None = None
    """When it begins: seconds after the mixture's beginning, or ``anywhere`` that it ends before the mixture does."""
    overlap: DrawField | None = None
    """When it begins: so that it and the source before it (for the first of a kind: the one above) overlap by this share, 0
    to 1, of the shorter of the two."""
    downmix: Literal["mean", "first"] = "mean"
    """How a recording with several channels becomes mono, in a mono corpus."""
    min_level_dbfs: float | None = None
    """Draw the excerpt where the recording's RMS is at least this; recordings that never are, are left out."""
    snr_db: LevelField | None = None
    """Wanted ratio of the first target to this source."""
    level_dbfs: LevelField | None = None
    """Wanted RMS of this source, over the whole mixture; by default a source keeps the level of its recording."""
    loudness_lufs: LevelField | None = None
    """Wanted loudness of this source, after BS.1770, before anything else is done to the mixture: the last of its
    transforms."""
    transforms: tuple[Applied, ...] = ()
    """What is done to the excerpt before its level, in this order."""
    transform_count: DrawField | None = None
    """How many of them a source has, chosen anew for each mixture; by default each has its own probability."""

    @model_validator(mode="after")
    def _fits(self) -> Source:
        if self.gap_s and self.when_short != "append":
            raise ValueError('`gap_s` is for `when_short = "append"`')
        alone = [
            key for key in ("snr_db", "level_dbfs", "loudness_lufs", "coherent_with") if getattr(self, key) is not None
        ]
        if self.when_short == "append" and alone:
            raise ValueError(
                f'`when_short = "append"` makes one source of several recordings: it takes no `{alone[0]}`'
            )
        refuse_other_counts(self.transform_count, "transform_count", len(self.transforms))
        if self.pick == "all" and self.coherent_with is None:
            raise ValueError('`pick = "all"` needs `coherent_with`')
        levels = [name for name in ("snr_db", "level_dbfs", "loudness_lufs") if getattr(self, name) is not None]
        if len(levels) > 1 and "loudness_lufs" not in levels:
            raise ValueError("`snr_db` and `level_dbfs` exclude each other")
        if len(levels) > 1:
            raise ValueError(" and ".join(f"`{name}`" for name in levels) + " exclude each other")
        if self.coherent_with is not None and (self.count.most > 1 or self.offset_s or self.overlap or self.duration_s):
            raise ValueError("`coherent_with` takes no count, offset, overlap or duration of its own")
        if self.offset_s is not None and self.overlap is not None:
            raise ValueError("`offset_s` and `overlap` exclude each other")
        self._refuse_beyond(self.overlap, "overlap", 0, 1)
        self._refuse_beyond(self.duration_s, "duration_s", 0.001, 3600)
        self._refuse_beyond(self.offset_s if isinstance(self.offset_s, Draw) else None, "offset_s", 0, 3600)
        if any(one.reference == "early" for one in self.transforms[:-1]) or (self.parts_late and self.loudness_lufs):
            raise ValueError(
                '`reference = "early"` is for the last transform: what comes after it would not know the parts'
            )
        if self.role == "target" and self.count.most > 1 and NUMBER not in self.name:
            raise ValueError(f"several targets need numbers: `{self.name}{NUMBER}`")
        return self

    @staticmethod
    def _refuse_beyond(draw: Draw | None, key: str, low: float, high: float) -> None:
        bounds = draw.bounds() if draw else (low, high)
        if bounds is None or not low <= bounds[0] <= bounds[1] <= high:
            raise ValueError(f"`{key}` lies between {low:g} and {high:g}")

    @property
    def parts_late(self) -> bool:
        """Whether the late part of a room is a stem of its own."""
        return bool(self.transforms) and self.transforms[-1].reference == "early"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its stems, in order: one, or one for each that there may be."""
        if NUMBER not in self.name:
            return (self.name,) + ((f"{self.name}-late",) if self.parts_late else ())
        numbered = [self.name.replace(NUMBER, str(n)) for n in range(1, self.count.most + 1)]
        return tuple(name for one in numbered for name in ((one, f"{one}-late") if self.parts_late else (one,)))

    @property
    def pools(self) -> Iterator[tuple[str, Pool]]:
        """Give the sets that recordings come from, with what is asked of them."""
        yield self.set, self
        for one in self.transforms:
            if one.set is not None:
                yield one.set, one

    @property
    def reader(self) -> str:
        """Name of the set's reader."""
        return "folder" if self.set.startswith("folder-") else self.set


class Levels(Model):
    """Levels of the whole mixture."""

    snr_db: LevelField | None = None
    """Wanted ratio of the first target to the sum of all other sources, over the whole mixture."""
    active_snr_db: LevelField | None = None
    """The same over the 20 ms frames in which the target is within 40 dB of its loudest frame: over speech, not over pauses."""
    level_dbfs: LevelField | None = None
    """Wanted RMS of the mixture, over all channels and its whole length; 0 is a constant at full scale. Ratios stay."""
    clipping: Literal["scale", "fail"] = "scale"
    """Above the peak: scale mixture and stems by one common gain, or give the row up with a status."""
    peak_dbfs: float = Field(default=-1.0, le=0, gt=-60)
    """The peak."""

    @model_validator(mode="after")
    def _one_ratio(self) -> Levels:
        if self.snr_db is not None and self.active_snr_db is not None:
            raise ValueError("`snr_db` and `active_snr_db` exclude each other")
        return self


class Padding(Model):
    """Time before and after the sources, in which only noise is heard."""

    before_s: DrawField | None = None
    """Before the first of them."""
    after_s: DrawField | None = None
    """After the last of them."""


class Listed(Model):
    """Mixtures that somebody published as a list: they are read, and nothing is drawn."""

    format: Name
    """Which kind of list: ``librimix`` (its CSVs), or ``pairs`` (of clean and noisy recordings with the label ``pair``)."""
    set: Name | None = None
    """Where the files of the list lie: ``--root SET=DIR``."""
    files: dict[Split, tuple[str, ...]] = Field(default={})
    """The files of each split, below that folder."""
    sha256: dict[str, str] = Field(default={})
    """What their bytes hash to, where that is known: other versions are refused."""


class Recipe(Model):
    """What a corpus is made of."""

    name: Name
    """Name of the corpus. It is part of every draw's key."""
    version: int = Field(ge=1)
    """Raised whenever a change of the recipe changes the corpus. Part of every draw's key."""
    title: str = ""
    """One line, for tables."""
    description: str = ""
    """What the corpus is for, what is exact about it and what is not."""
    bibtex: tuple[str, ...] = ()
    """BibTeX entries of who made the corpus first; those of the public sets are known."""
    notes: tuple[str, ...] = ()
    """Caveats that every published table repeats."""
    sample_rate: int = Field(ge=4000, le=384000)
    """Of the mixtures, in Hz."""
    channels: Literal[1, 2] = 1
    """Of the mixtures."""
    bits: Literal[16, 24] = 16
    """Depth of the rendered audio."""
    length: Annotated[float, Field(gt=0, le=3600)] | Literal["target", "targets", "min", "max"]
    """Seconds, or until the end of the first target, of all targets and interferers, of the shortest or of the longest of the
    chosen recordings."""
    padding: Padding | None = None
    """Time before and after targets and interferers, with noise only."""
    seed: int = Field(default=0, ge=0)
    """Part of every draw's key; ``--seed`` overrides it."""
    splits: dict[Split, Annotated[int, Field(ge=1)]]
    """How many mixtures each split has."""
    sources: tuple[Source, ...] = Field(min_length=1)
    """The sources, in order; the first with role ``target`` is the one that SNRs refer to."""
    levels: Levels = Levels()
    """Levels of the whole mixture."""
    degradations: tuple[Applied, ...] = ()
    """What is done to the mixture as a whole, in this order; what that changes of it is a stem of its own, ``degradation``, so that
    the stems still add up. Wanted levels are those before it."""
    degradation_count: DrawField | None = None
    """How many of them a mixture has, chosen anew for each; by default each has its own probability."""
    listed: Listed | None = None
    """Read the mixtures from a list, with its gains, instead of drawing them."""
    rendering: Name | None = None
    """The arithmetic of somebody's own script, instead of the exact one: ``librimix`` or ``dns-master``."""
    metrics: tuple[Name, ...] = ("snr", "si_sdr", "bss_eval_sources", "pesq_wb", "pesq_nb", "stoi", "estoi")
    """What `sepbench score` computes by default."""
    main_metric: str = "si_sdr"
    """What tables are sorted by."""

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        targets = [source for source in self.sources if source.role == "target"]
        if not targets:
            raise ValueError('one source needs `role = "target"`')
        if targets[0].snr_db is not None:
            raise ValueError(f"sources.{targets[0].name}: the first target has no `snr_db` against itself")
        self._refuse_two_levels(targets[0])
        self._refuse_odd_stems()
        self._refuse_drawing_from_a_list()
        self._refuse_odd_degradations()
        self._refuse_odd_rendering()
        if self.padding and isinstance(self.length, float):
            raise ValueError("`padding` is for mixtures that are as long as their recordings: use `offset_s`")
        if self.sources[0].overlap is not None and self.sources[0].count.most == 1:
            raise ValueError(f"sources.{self.sources[0].name}: there is no source before it to overlap with")
        seen: list[str] = []
        for source in self.sources:
            if source.coherent_with is not None and source.coherent_with not in seen:
                raise ValueError(f"sources.{source.name}: `coherent_with` names no earlier source")
            if source.count.most == 1:
                seen.append(source.name)
        return self

    def _refuse_two_levels(self, target: Source) -> None:
        """Refuse a ratio to the sum of the rest beside levels of the rest's own."""
        own = [
            source.name
            for source in self.sources
            if source.snr_db is not None or source.level_dbfs is not None or source.loudness_lufs is not None
        ]
        others = {source.name for source in self.sources} - {target.name}
        key = "snr_db" if self.levels.snr_db is not None else "active_snr_db"
        if getattr(self.levels, key) is None:
            return
        if set(own) & others:
            raise ValueError(f"`levels.{key}` and a level of {', '.join(sorted(set(own) & others))} exclude each other")
        if not others and target.names == (target.name,):
            raise ValueError(f"`levels.{key}` needs a source besides the target")

    def _refuse_drawing_from_a_list(self) -> None:
        """Refuse what only a drawn mixture has, where mixtures come from a list."""
        if self.listed is None:
            return
        for source in self.sources:
            odd = sorted(source.model_fields_set - _OF_LISTED)
            if odd:
                raise ValueError(f"sources.{source.name}: mixtures of a list take no `{odd[0]}`")
        if self.levels.model_fields_set & {"snr_db", "active_snr_db", "level_dbfs"} or self.padding:
            raise ValueError(
                "mixtures of a list have its levels: no `snr_db`, `active_snr_db`, `level_dbfs` or `padding`"
            )

    def _refuse_odd_degradations(self) -> None:
        """Refuse what can't be done to a mixture, and more degradations than there are."""
        for one in self.degradations:
            if one.transform.pace or one.set is not None or one.reference != "all":
                raise ValueError(
                    f"degradations: `{one.name}` is for sources: it changes the length, or takes a recording"
                )
        refuse_other_counts(self.degradation_count, "degradation_count", len(self.degradations))
        if self.degradations and (self.listed or self.rendering):
            raise ValueError("`degradations` are for mixtures that are drawn, and made exactly")

    def _refuse_odd_rendering(self) -> None:
        """Refuse a rendering that is not there, or lacks what it takes."""
        if self.rendering is None:
            return
        try:
            rendering = renderings.load(self.rendering)
        except SepbenchError as error:
            raise ValueError(f"{error.message} ({error.hint})") from error
        if self.bits != 16 or self.channels != 1:
            raise ValueError(f"`{self.rendering}` renders mono at 16 bits")
        if rendering.listed != (self.listed is not None):
            raise ValueError(f"`{self.rendering}` is for mixtures that are {'listed' if rendering.listed else 'drawn'}")
        missing = [key for key in rendering.needs if getattr(self.levels, key) is None]
        if missing:
            raise ValueError(f"`{self.rendering}` needs `levels.{missing[0]}`")

    def _refuse_odd_stems(self) -> None:
        unfit = [name for name in self.stems if not is_file_name(name)]
        if unfit:
            raise ValueError(f"`{unfit[0]}` can't be the name of a stem: `mixture` is taken, others no system allows")
        if DEGRADATION in {source.name for source in self.sources}:
            raise ValueError(f"`{DEGRADATION}` is the stem of what `degradations` change: give the source another name")
        late = {name for source in self.sources if source.parts_late for name in source.names[1::2]}
        taken = late & {source.name for source in self.sources}
        if taken:
            raise ValueError(f"`{sorted(taken)[0]}` is the late part of a source, and the name of another")

    @property
    def target(self) -> Source:
        """The first target."""
        return next(source for source in self.sources if source.role == "target")

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems, in order of first appearance; of those that are numbered, all that there may be."""
        names = tuple(dict.fromkeys(name for source in self.sources for name in source.names))
        return (*names, DEGRADATION) if self.degradations else names

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the sets that it takes, sorted."""
        return tuple(sorted({name for source in self.sources for name, _ in source.pools}))
