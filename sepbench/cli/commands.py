"""The commands: each reads its arguments, calls the function of the same name, and says what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from sepbench.cli.words import Speech, printable

__all__ = ["app"]

DIFFERENT, SOME_FAILED = 1, 3

app = typer.Typer(
    add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

Workers = Annotated[int | None, typer.Option(help="Worker processes; 0 for none. Default: all processors.", min=0)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Data as JSON on standard output, words on standard error.")]
Roots = Annotated[list[str] | None, typer.Option("--root", metavar="SET=DIR", help="Where a public set lies.")]
Options = Annotated[list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="Option of the reader or separator.")]  # fmt: skip
LeaveOut = Annotated[bool, typer.Option("--leave-out", help="Of a published list: leave out mixtures without all their recordings.")]  # fmt: skip
Force = Annotated[bool, typer.Option("--force", help="Do it again, and replace what is there.")]


@app.callback(invoke_without_command=True)
def sepbench(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Generate corpora, score separators, publish comparison tables.

    Errors end with one sentence and a hint; --debug shows the traceback.
    """
    if version:
        from sepbench import __version__

        typer.echo(__version__)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for what is made.")] = Path("demo-output"),
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Do the main job on the bundled recordings: index, mix, verify, score, publish."""
    from sepbench.tour import demo

    speech = Speech(json=json, quiet=quiet)
    published = demo(out, workers=workers, say=speech.say, progress=speech.progress)
    _show(published, speech)


@app.command()
def fetch(
    set: Annotated[
        str,
        typer.Argument(
            metavar="SET", help="Public set, or a list of mixtures; see `sepbench list sets` and `sepbench list lists`."
        ),
    ],
    to: Annotated[Path, typer.Option(help="Folder in which the set's own folder shall lie.")] = Path(),
    part: Annotated[
        list[str] | None, typer.Option("--part", help="Part of the set, such as dev-clean; several times.")
    ] = None,
    archives: Annotated[Path | None, typer.Option(help="Folder of archives: used if there, kept if fetched.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the archives after they were unpacked.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="You have read the licence, and keep to it.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fetch a public set from its publishers: shows the licence, checks sums, unpacks; goes on after a break."""
    import sys

    from sepbench.fetching import fetch, offer

    speech = Speech(json=json, quiet=quiet)
    typer.echo(printable(offer(set, part or (), archives).words()), err=json)
    if not yes and sys.stdin.isatty():
        yes = typer.confirm("Have you read the licence, and will you keep to it?", err=True)
    folder = fetch(
        set, to, parts=part or (), accept_licence=yes, archives_in=archives, keep=keep, say=speech.say,
        progress=speech.progress,
    )  # fmt: skip
    speech.data({"set": set, "folder": folder})


@app.command()
def index(
    set: Annotated[str, typer.Argument(metavar="SET", help="Public set; see `sepbench list sets`.")],
    root: Annotated[Path, typer.Option(help="Folder that holds the set.")],
    out: Annotated[Path, typer.Option(help="Catalog to write, a .parquet file.")],
    option: Options = None,
    licences: Annotated[
        Path | None, typer.Option(help="CSV of path, licence: where they differ from the set's.")
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PATTERN",
            help="Make a corpus of mixtures that are there: mixture=noisy/*.wav, speech=clean/*.wav.",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="With --pairs: the split that they are.")] = "test",
    rest: Annotated[str, typer.Option(help="With --pairs: name of what the stems leave of the mixture.")] = "noise",
    group: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="With --pairs: the group of a mixture, in parentheses: '(p[0-9]+)_.*'."),
    ] = None,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="With --pairs: leave out what has no partner, instead of refusing all.")
    ] = False,
    afresh: Annotated[
        bool, typer.Option("--afresh", help="Measure what has not changed since the last catalog, too.")
    ] = False,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Scan a public set and write its catalog; with --pairs, write the manifest of mixtures that somebody else made."""
    from collections import Counter

    from sepbench.catalog import index

    speech = Speech(json=json, quiet=quiet)
    if pairs:
        return _index_pairs(root, out, pairs, set, split, rest, group, leave_out, workers, speech)
    with speech.progress(f"indexing {set}") as progress:
        table = index(
            set, root, out, workers=workers, options=_pairs(option, "--option"), licences=licences,
            afresh=afresh, progress=progress,
        )  # fmt: skip
    rows = table.select(["status", "reason", "path", "frames", "sample_rate"]).to_pylist()
    counts = Counter(row["status"] for row in rows)
    hours = sum(row["frames"] / row["sample_rate"] for row in rows if row["status"] == "ok") / 3600
    speech.say(f"{out}: {counts['ok']} recordings, {hours:.2f} hours")
    unusable = [row for row in rows if row["status"] != "ok"]
    for row in unusable[:5]:
        speech.say(f"  {row['status']}: {row['reason']}")
    if unusable:
        speech.say(f"  {len(unusable)} recordings can't be used; the catalog says why")
    speech.data({"catalog": out, "recordings": counts, "hours": hours, "unusable": unusable})
    return SOME_FAILED if counts["unreadable"] else 0


def _index_pairs(
    root: Path,
    out: Path,
    pairs: list[str],
    set: str,
    split: str,
    rest: str,
    group: str | None,
    leave_out: bool,
    workers: int | None,
    speech: Speech,
) -> int:
    from sepbench.mixing.adopting import pair

    with speech.progress(f"pairing {root}") as progress:
        manifest, left_out = pair(
            root, out, _pairs(pairs, "--pairs"), set=set, split=split, rest=rest, group=group, leave_out=leave_out, workers=workers,
            progress=progress,
        )  # fmt: skip
    speech.say(f"{out}: {len(manifest)} mixtures, {manifest.corpus_hash}")
    for one in left_out[:5]:
        speech.say(f"  left out: {one.name}: {one.reason}")
    if len(left_out) > 5:
        speech.say(f"  {len(left_out)} were left out; --json lists them")
    speech.say(f"score on it:  sepbench score SEPARATOR --corpus {out} --out results")
    speech.data({"corpus": out, "mixtures": len(manifest), "left_out": [one._asdict() for one in left_out]})
    return SOME_FAILED if left_out else 0


@app.command()
def mix(
    recipe: Annotated[
        str, typer.Argument(help="Recipe; see `sepbench list mixers`, or a TOML file. Or a manifest, or its folder.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the corpus.")],
    catalog: Annotated[list[str] | None, typer.Option(metavar="SET=FILE", help="Catalog of a set.")] = None,
    root: Roots = None,
    seed: Annotated[int | None, typer.Option(help="Instead of the recipe's.", min=0)] = None,
    mixtures: Annotated[
        list[str] | None, typer.Option(metavar="SPLIT=N", help="How many of which splits, instead of the recipe's.")
    ] = None,
    disjoint_from: Annotated[
        list[Path] | None, typer.Option(metavar="CORPUS", help="Refuse to share a group or recording with this corpus.")
    ] = None,
    leave_out: LeaveOut = False,
    plan_only: Annotated[bool, typer.Option("--plan-only", help="Write the manifest, render no audio.")] = False,
    container: Annotated[str, typer.Option(help="flac or wav.")] = "flac",
    pack: Annotated[
        str, typer.Option(help="auto, always or never: decode and resample recordings once, into the cache.")
    ] = "auto",
    cache: Annotated[
        Path | None, typer.Option(help="Folder of packs. Default: SEPBENCH_CACHE, or your cache folder.")
    ] = None,
    max_failed: Annotated[
        float, typer.Option(help="Give up when more than this share of mixtures failed.", min=0, max=1)
    ] = 0.05,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Make a corpus from a recipe and catalogs, or again from its manifest; a build that was stopped goes on."""
    from sepbench.mixing import may_come_out, mix

    speech = Speech(json=json, quiet=quiet)
    with speech.progress(f"mixing {recipe}") as progress:
        manifest = mix(
            recipe, out, catalogs=_pairs(catalog, "--catalog"), roots=_pairs(root, "--root"), seed=seed,
            mixtures=_counts(mixtures), disjoint_from=disjoint_from or (), leave_out=leave_out, plan_only=plan_only,
            container=container, pack=pack, cache=cache, max_failed=max_failed, workers=workers, progress=progress, say=speech.say,
        )  # fmt: skip
    failed = manifest.failures()
    speech.say(f"{out}: {len(manifest) - len(failed)} mixtures, {manifest.corpus_hash}")
    for one in failed[:5]:
        speech.say(f"  {one.mixture_id}: {one.status}: {one.reason}")
    if failed:
        speech.say(f"  {len(failed)} of {len(manifest)} mixtures have no audio; the manifest says why")
    if any(may_come_out(one.status) for one in failed):
        speech.say("  mend what can be mended and run the same command again: it makes those that are missing")
    words = [one._asdict() for one in failed]
    speech.data({"corpus": out, "mixtures": len(manifest), "failed": words, "hash": manifest.corpus_hash})
    return SOME_FAILED if failed else 0


@app.command()
def preview(
    recipe: Annotated[str, typer.Argument(help="Recipe; see `sepbench list mixers`, or a TOML file.")],
    out: Annotated[Path, typer.Option(help="Folder for the mixtures; an earlier preview there is replaced.")] = Path(
        "preview"
    ),
    catalog: Annotated[list[str] | None, typer.Option(metavar="SET=FILE", help="Catalog of a set.")] = None,
    root: Roots = None,
    number: Annotated[int, typer.Option("-n", "--number", help="How many mixtures.", min=1)] = 5,
    seed: Annotated[int | None, typer.Option(help="Instead of the recipe's.", min=0)] = None,
    leave_out: LeaveOut = False,
    container: Annotated[str, typer.Option(help="wav or flac.")] = "wav",
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Make a few mixtures of a recipe, to listen to before the corpus is built."""
    from sepbench.mixing import audio_path, preview

    speech = Speech(json=json, quiet=quiet)
    with speech.progress(f"mixing a few of {recipe}") as progress:
        manifest = preview(
            recipe, out, catalogs=_pairs(catalog, "--catalog"), roots=_pairs(root, "--root"), seed=seed, leave_out=leave_out,
            count=number, container=container, workers=workers, progress=progress,
        )  # fmt: skip
    rows = list(manifest)
    for row in rows:
        _tell_mixture(row, audio_path(out, row, "mixture", container), speech)
    speech.data({"preview": out, "mixtures": rows})
    return SOME_FAILED if manifest.failures() else 0


@app.command()
def verify(
    corpus: Annotated[Path, typer.Argument(help="Folder of a corpus.")],
    root: Roots = None,
    limit: Annotated[int | None, typer.Option(help="Remake this many rows, spread evenly.", min=1)] = None,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Remake the rows of a corpus and compare; exit 1 names the first that differs."""
    from sepbench.mixing import verify

    speech = Speech(json=json, quiet=quiet)
    with speech.progress("verifying") as progress:
        found = verify(corpus, roots=_pairs(root, "--root"), limit=limit, workers=workers, progress=progress)
    speech.data({"rows": found.rows, "differences": [one._asdict() for one in found.differences]})
    if not found.differences:
        speech.say(f"{corpus}: {found.rows} rows remade, all the same")
        return 0
    first = found.differences[0]
    typer.echo(
        f"error: {first.mixture_id or corpus}: {first.kind} differs: {first.words}\n"
        f"hint: {len(found.differences)} differences in all; --json lists them",
        err=True,
    )
    return 1


@app.command()
def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="Folder of a corpus, or its manifest.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    limit: Annotated[int, typer.Option(help="How many rows are named where rows differ.", min=0)] = 3,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Say how two corpora differ: recipe, rows, samples, levels, what is heard in both; exit 1 if they do."""
    from sepbench.cli.differences import described, told
    from sepbench.comparing import diff

    speech = Speech(json=json, quiet=quiet)
    with speech.progress("comparing") as progress:
        found = diff(a, b, limit=limit, progress=progress)
    if not json:
        for line in told(found):
            speech.say(line)
    speech.data(described(found))
    return 0 if found.same else DIFFERENT


@app.command()
def show(
    corpus: Annotated[Path, typer.Argument(help="Folder of a corpus, or its manifest.")],
    out: Annotated[Path | None, typer.Option(help="Page to write. Default: beside the corpus, under its name.")] = None,
    examples: Annotated[int, typer.Option(help="How many mixtures to listen to.", min=0)] = 4,
    split: Annotated[str | None, typer.Option(help="Show one split.")] = None,
    root: Roots = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw a corpus as one page to look at and to listen to, before you train on it."""
    from sepbench.showing import show

    speech = Speech(json=json, quiet=quiet)
    with speech.progress(f"looking at {corpus}") as progress:
        shown = show(
            corpus, out, examples=examples, split=split, roots=_pairs(root, "--root"), force=force, progress=progress
        )
    for words in shown.cautions:
        speech.say(words)
    speech.say(f"page: {shown.page}")
    speech.data(shown._asdict())


@app.command()
def train(
    baseline: Annotated[str, typer.Argument(help="Baseline; see `sepbench list baselines`, or a folder.")],
    corpus: Annotated[Path, typer.Option(help="Folder of a corpus.")],
    out: Annotated[Path, typer.Option(help="Folder for the trained baseline.")],
    steps: Annotated[int | None, typer.Option(help="Instead of the configuration's.", min=1)] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, cuda … Default: a GPU where there is one.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a baseline on a corpus; a run that was stopped goes on."""
    from sepbench.training import train

    speech = Speech(json=json, quiet=quiet)
    with speech.progress(f"training {baseline}") as progress:
        summary = train(baseline, corpus, out, steps=steps, seed=seed, device=device, progress=progress)
    gain = summary["valid_si_sdr_i"]
    gained = "" if gain is None else f"; SI-SDR improvement on the split `valid` {gain:.2f} dB"
    speech.say(f"{out}: trained {summary['steps']} steps{gained}")
    speech.say(f"score it:  sepbench score {out} --corpus {corpus} --out results")
    speech.data(summary)


@app.command()
def separate(
    separator: Annotated[str, typer.Argument(help="Separator, baseline, folder, or `module:Class`.")],
    files: Annotated[list[Path], typer.Argument(help="Recordings.")],
    out: Annotated[Path, typer.Option(help="Folder for the estimates.")],
    option: Options = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Separate recordings of your own."""
    from sepbench.evaluate import separate

    speech = Speech(json=json, quiet=quiet)
    with speech.progress(f"separating with {separator}") as progress:
        written = separate(separator, files, out, options=_pairs(option, "--option"), force=force, progress=progress)
    for path in written:
        speech.say(str(path))
    speech.data({"written": written})


@app.command()
def score(
    separators: Annotated[list[str], typer.Argument(metavar="SEPARATOR…", help="Names, folders, or `module:Class`.")],
    corpus: Annotated[Path, typer.Option(help="Folder of a corpus.")],
    out: Annotated[Path, typer.Option(help="Folder of results.")],
    split: Annotated[str, typer.Option(help="Which split is scored.")] = "test",
    metric: Annotated[list[str] | None, typer.Option(help="Instead of the recipe's; may be repeated.")] = None,
    option: Options = None,
    root: Roots = None,
    limit: Annotated[int | None, typer.Option(help="Score the first mixtures only.", min=1)] = None,
    workers: Workers = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Run separators on a corpus, score them, keep the score of every item."""
    from sepbench.evaluate import score

    speech = Speech(json=json, quiet=quiet)
    with speech.progress("scoring") as progress:
        folders = score(
            separators, corpus, out, split=split, metric_names=metric, options=_pairs(option, "--option"),
            roots=_pairs(root, "--root"), limit=limit, workers=workers, force=force, progress=progress,
        )  # fmt: skip
    failed = [_tell_result(folder, speech) for folder in folders]
    speech.say(f"publish them:  sepbench publish {out} --out site{_main_of(folders[0])}")
    speech.data({"results": folders, "failed": failed})
    return SOME_FAILED if any(failed) else 0


@app.command()
def measure(
    reference: Annotated[Path, typer.Argument(metavar="[REFERENCE]", help="Recording, or folder of recordings.")],
    estimate: Annotated[
        Path | None, typer.Argument(help="The same, paired by name; alone: without a reference.")
    ] = None,
    mixture: Annotated[
        Path | None,
        typer.Option(
            help="What was separated: adds the improvements, and its rest as a reference: SIR, SAR and silence in BSS Eval go by all references."
        ),
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Instead of all; may be repeated.")] = None,
    allow_missing: Annotated[bool, typer.Option("--allow-missing", help="Measure what has a partner.")] = False,
    workers: Workers = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """Measure recordings: two files, or two folders paired by name; one alone without a reference."""
    from sepbench.cli.measurements import described, told
    from sepbench.evaluate import measure

    speech = Speech(json=json, quiet=quiet)
    pair = (None, reference) if estimate is None else (reference, estimate)
    with speech.progress("measuring") as progress:
        found = measure(
            *pair, mixture=mixture, metric_names=metric, allow_missing=allow_missing, workers=workers, progress=progress
        )
    if not json:
        for line in told(found):
            speech.say(line)
    for words in found.missing[:5]:
        speech.say(f"  {words}")
    speech.data(described(found))
    return SOME_FAILED if found.failures() else 0


@app.command()
def publish(
    results: Annotated[list[Path], typer.Argument(metavar="RESULTS…", help="Folders of results.")],
    out: Annotated[Path, typer.Option(help="Folder of the site.")],
    main: Annotated[str | None, typer.Option(help="Metric to rank by. Default: the corpus's own.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make tables of results: terminal, Markdown, CSV and a page to look at and listen to."""
    from sepbench.leaderboard import publish

    _show(publish(results, out, main=main), Speech(json=json, quiet=quiet))


@app.command()
def export(
    corpus: Annotated[Path, typer.Argument(help="Folder of a corpus.")],
    format: Annotated[str, typer.Argument(metavar="FORMAT", help="See `sepbench list exports`.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    split: Annotated[str | None, typer.Option(help="Export one split.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier export there.")] = False,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="Option of the format.")
    ] = None,
    catalog: Annotated[
        list[str] | None, typer.Option(metavar="SET=FILE", help="Catalog of a set, for its transcripts.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a corpus as another tool opens it, with its card, licences and citations: Hugging Face, Kaldi, DuckDB …."""
    from sepbench.exports import export

    speech = Speech(json=json, quiet=quiet)
    with speech.progress(f"exporting {corpus}") as progress:
        done = export(
            corpus, format, out, split=split, force=force, options=_pairs(option, "--option"),
            catalogs=_pairs(catalog, "--catalog"), progress=progress, say=speech.say,
        )  # fmt: skip
    speech.say(f"{out}: {done.mixtures} mixtures; README.md says how it is opened")
    speech.data({"export": out, "format": format, "mixtures": done.mixtures, "left_out": done.left_out})


@app.command("list")
def list_(
    kind: Annotated[str, typer.Argument(metavar="mixers|sets|baselines|metrics|separators|…")],
    json: Json = False,
) -> None:
    """List what is on the shelves and what packages offer."""
    from sepbench.cli.listing import listing

    speech = Speech(json=json)
    rows = listing(kind)
    width = max((len(row["name"]) for row in rows), default=0)
    if not json:
        for row in rows:
            speech.say(f"{row['name']:{width}}  {row['words']}")
    speech.data(rows)


_EXAMPLES = {
    "--catalog": "esc50=esc50.parquet",
    "--mixtures": "test=100",
    "--option": "name=value",
    "--pairs": '"speech=clean/*.wav"',
}


def _pairs(values: Iterable[str] | None, option: str) -> dict[str, str]:
    """Read KEY=VALUE options."""
    from sepbench.errors import UsageError

    pairs = {}
    for value in values or ():
        key, sign, rest = value.partition("=")
        if not sign or not key or not rest:
            raise UsageError(
                f"{option}: expected NAME=VALUE, got `{value}`",
                f"for example {option} {_EXAMPLES.get(option, 'esc50=DIR')}",
            )
        pairs[key] = rest
    return pairs


def _counts(values: Iterable[str] | None) -> dict[str, int]:
    """Read SPLIT=N options."""
    from sepbench.errors import UsageError
    from sepbench.recipe import SPLITS

    pairs = _pairs(values, "--mixtures")
    for split, count in pairs.items():
        if split not in SPLITS:
            raise UsageError(f"--mixtures: unknown split `{split}`", f"choose {', '.join(SPLITS)}")
        if not count.isdecimal():
            raise UsageError(f"--mixtures: expected SPLIT=N, got `{split}={count}`", "for example --mixtures test=100")
    return {split: int(count) for split, count in pairs.items()}


def _tell_mixture(row: dict[str, Any], path: Path, speech: Speech) -> None:
    """Say what is in a mixture, and where to listen to it."""
    proof = row["proof"]
    if proof["status"] != "ok":
        speech.say(f"{row['mixture_id']}: {proof['status']}: {proof['reason']}")
        return
    ratio = "" if proof["achieved_snr_db"] is None else f", SNR {proof['achieved_snr_db']:.2f} dB"
    loudness = "" if proof["loudness_lufs"] is None else f", {proof['loudness_lufs']:.1f} LUFS"
    speech.say(f"{path}: {row['frames'] / row['sample_rate']:.2f} s{ratio}{loudness}")
    for source in row["sources"]:
        done = "".join(f", {one['name']}" for one in source["transforms"])
        begins = f", from {source['offset'] / row['sample_rate']:.2f} s" if source["offset"] else ""
        speech.say(f"  {source['name']}: {source['set']} {source['item']}{begins}{done}")


def _main_of(folder: Path) -> str:
    """Name a metric to rank by, where the corpus's own was not scored."""
    from json import loads

    about = loads((folder / "result.json").read_text(encoding="utf-8"))
    known = list(about["metrics"])
    return "" if about["corpus"]["main_metric"] in known else f" --main {known[0]}"


def _tell_result(folder: Path, speech: Speech) -> int:
    """Say in a line how a separator did, and count what could not be scored."""
    from sepbench import scores

    rows = scores.read(folder / scores.FILE_NAME)[0].to_pylist()
    broken = [row for row in rows if row["status"] in ("separator_failed", "nonfinite_estimate", "metric_failed")]
    failed, reasons = {row["mixture_id"] for row in broken}, [row["reason"] for row in broken]
    items = len({row["mixture_id"] for row in rows})
    speech.say(f"{folder}: {items} mixtures" + (f", {len(failed)} failed: {reasons[0]}" if failed else ""))
    return len(failed)


def _show(published: Any, speech: Speech) -> None:
    for table in published.tables:
        speech.show(table)
    speech.say(f"tables: {published.markdown}, {published.csv}")
    speech.say(f"page:   {published.page}")
    speech.data({"page": published.page, "markdown": published.markdown, "csv": published.csv})
