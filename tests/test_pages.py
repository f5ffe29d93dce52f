"""What pages have in common: a policy that lets in what is named, and nothing else."""

import base64
import hashlib

from sepbench.pages import environment_of, policy, source_of


def test_a_policy_names_style_and_script_by_their_hashes_and_forbids_the_rest():
    style, script = (base64.b64encode(hashlib.sha256(text).digest()).decode() for text in (b"a {}", b"1"))
    found = policy("a {}", "1")
    assert found.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{style}'; script-src 'sha256-{script}'" in found
    assert "script-src" not in policy("a {}", media="data:")
    assert "img-src data:; media-src data:" in policy("a {}", media="data:")


def test_texts_come_one_after_the_other_from_the_package_or_from_here():
    environment = environment_of("sepbench.showing")
    both = source_of(environment, "base.css", "show.css")
    assert both == source_of(environment, "base.css") + source_of(environment, "show.css")
