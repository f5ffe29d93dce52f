"""What ``result.json`` may hold: strict types, and texts made visible, since results may come from strangers."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = ["Corpus", "Description", "Example", "MetricInfo", "name_text", "short", "visible"]

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # control, format (bidi, zero width), surrogate, private, breaks


def visible(text: str) -> str:
    """Replace what can't be seen, or turns the line around, by its code point.

    Examples
    --------
    >>> visible("unet\\u202egnp")
    'unet⟨U+202E⟩gnp'
    >>> visible("red \\x1b[31m")
    'red ⟨U+001B⟩[31m'
    """
    text = unicodedata.normalize("NFC", text)
    return "".join(f"⟨U+{ord(char):04X}⟩" if unicodedata.category(char) in _INVISIBLE else char for char in text)


def short(text: str) -> str:
    """Quote a stranger's text in an error."""
    return visible(text[:200])


def name_text(text: str) -> str:
    """Take a name: short, visible, without spaces around it."""
    text = visible(text)
    if not 1 <= len(text) <= 128 or text != text.strip():
        raise ValueError("expected 1 to 128 characters without spaces around them")
    return text


def plain_text(text: str) -> str:
    """Take a text as one line."""
    if len(text) > 4000:
        raise ValueError(f"expected at most 4,000 characters, got {len(text):,}")
    return visible(" ".join(text.split()))


def hash_text(text: str) -> str:
    """Take a SHA-256."""
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise ValueError("expected `sha256:` and 64 hexadecimal digits")
    return text


Name = Annotated[str, AfterValidator(name_text)]
Text = Annotated[str, AfterValidator(plain_text)]
Hash = Annotated[str, AfterValidator(hash_text)]
Count = Annotated[int, Field(ge=0, le=10**15)]


class _Block(BaseModel):
    # what a later sepbench adds to its results is no reason to refuse them
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)


class Corpus(_Block):
    """What a result says of the corpus that was scored."""

    name: Name
    title: Text = ""
    description: Text = ""
    hash: Hash
    split: Name
    mixtures: Annotated[int, Field(ge=1, le=10**9)]
    sample_rate: Annotated[int, Field(ge=1, le=10**7)]
    channels: Annotated[int, Field(ge=1, le=1024)]
    targets: list[Name]
    licence: Text = ""
    notes: list[Text] = []
    main_metric: Name


class SeparatorInfo(_Block):
    name: Name
    version: Name = "0"
    kind: Literal["separator", "oracle", "trivial"] = "separator"
    ranked: bool = True
    parameters: Count | None = None
    description: Text = ""
    options: dict[Name, Text] = {}


class CostInfo(_Block):
    real_time_factor: Annotated[float, Field(ge=0)] | None = None
    threads: Count | None = None
    processor: Text | None = None


class MetricInfo(_Block):
    """What a result says of a metric."""

    title: Text = ""
    unit: Text = ""
    higher_is_better: bool | None = True  # None: there is no better and no worse
    definition: Text = ""
    reference: Text = ""
    version: Text = ""


class Example(_Block):
    """One mixture to listen to."""

    which: Literal["best", "median", "worst"]
    mixture_id: Name
    target: Name
    metric: Name
    value: float | None = None
    snr_db: float | None = None
    conditions: dict[Name, Text] = {}
    files: dict[str, str]


class Description(_Block):
    """What ``result.json`` says as a whole."""

    schema_version: Literal[1]
    sepbench: Text = ""
    corpus: Corpus
    separator: SeparatorInfo
    leak: list[Text] = []
    cost: CostInfo = CostInfo()
    metrics: dict[Name, MetricInfo] = {}
    examples: Annotated[list[Example], Field(max_length=300)] = []
