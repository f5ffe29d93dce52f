"""What holds for every baseline on the shelf."""

from __future__ import annotations

import json
import re

import pytest
from safetensors import safe_open

from sepbench import Manifest, shelf
from sepbench.manifest import corpus_hash
from sepbench.models.baseline import TRAINING, WEIGHTS, Baseline
from sepbench.models.config import build_network, read_config
from sepbench.training.card import CARD, SECTIONS

NAMES = shelf.names("baselines")


@pytest.fixture(params=NAMES)
def folder(request):
    return shelf.find("baselines", request.param)


def report(folder):
    return json.loads((folder / TRAINING).read_text(encoding="utf-8"))


def test_the_shelf_is_not_empty():
    assert NAMES


def test_the_description_is_well_formed_and_has_the_name_of_its_folder(folder):
    config = read_config(folder)
    assert config.name == folder.name
    assert sum(parameter.numel() for parameter in build_network(config).parameters()) > 0


def test_the_weights_are_those_of_the_network(folder):
    separator = Baseline(folder)
    assert separator.targets == read_config(folder).targets
    assert separator.parameters == report(folder)["parameters"]


def test_the_weights_and_the_record_are_of_one_training(folder):
    with safe_open(folder / WEIGHTS, "pt") as file:
        said = file.metadata()
    said = json.loads(said["sepbench"]) if said["sepbench"].startswith("{") else said
    record = report(folder)
    assert said == {key: str(record[key]) for key in ("sepbench", "corpus", "corpus_hash", "seed", "steps")}


def test_the_record_names_the_corpus_and_the_groups_that_a_leak_is_looked_for_in(folder):
    record = report(folder)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", record["corpus_hash"])
    assert record["groups"] == sorted(set(record["groups"]))
    assert all(re.fullmatch(r"[^:]+:.+", group) for group in record["groups"])
    assert record["valid_si_sdr_i"] > 0


def test_the_card_has_its_sections_and_nothing_left_to_do(folder):
    card = (folder / CARD).read_text(encoding="utf-8")
    assert [line[3:] for line in card.splitlines() if line.startswith("## ")] == list(SECTIONS)
    assert "TODO" not in card


def test_the_card_says_on_what_it_was_trained(folder):
    card, record = (folder / CARD).read_text(encoding="utf-8"), report(folder)
    assert record["corpus"] in card
    assert record["corpus_hash"] in card


def test_the_manifest_that_it_was_trained_on_lies_on_the_shelf(folder):
    record = report(folder)
    manifest = Manifest.read(folder.parent / f"{record['corpus']}.manifest.parquet")
    assert manifest.corpus_hash == corpus_hash(manifest) == record["corpus_hash"]
    assert manifest.metadata["root_hints"] == {}
    sources = manifest.sources()
    used = sources[sources["split"] != "test"]
    assert set(record["groups"]) == {f"{name}:{group}" for name, group in zip(used["set"], used["group"], strict=True)}


def test_nothing_but_the_baseline_lies_in_its_folder(folder):
    known = {"config.toml", WEIGHTS, TRAINING, CARD, "log.jsonl"}
    assert {path.name for path in folder.iterdir()} <= known
    assert (folder / WEIGHTS).stat().st_size < 8e6  # the shelf travels in the wheel
