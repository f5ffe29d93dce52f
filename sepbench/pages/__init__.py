"""What all pages have in common: how they are made of templates, how they look, and what a browser lets them do."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["environment_of", "policy", "source_of"]


def environment_of(package: str, **options: Any) -> Environment:
    """Give the environment of the templates beside a package, and of those here."""
    import jinja2

    return jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(package), jinja2.PackageLoader("sepbench.pages")]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )


def source_of(environment: Environment, *names: str) -> str:
    """Give the text of some templates, one after the other, as it stands."""
    assert environment.loader is not None
    return "".join(environment.loader.get_source(environment, name)[0] for name in names)


def policy(style: str, script: str = "", *, media: str = "'self' file:") -> str:
    """Give a content security policy: one style sheet, one script or none, and pictures and sounds from one place.

    Parameters
    ----------
    style, script : str
        Exactly as they stand in the page.
    media : str
        By default what lies beside the page; ``file:`` stands beside ``'self'`` because a page from the disk has an opaque
        origin, which need not match itself. ``data:`` for what is in the page.
    """
    scripts = f"script-src {_hash(script)}; " if script else ""
    return (
        f"default-src 'none'; img-src {media}; media-src {media}; style-src {_hash(style)}; "
        f"{scripts}base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
