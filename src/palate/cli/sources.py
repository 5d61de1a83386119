"""`palate data pickapic | prefbench | bulk | check`: others' data sets, and ours."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palate.cli.data import Out, app
from palate.cli.speech import AsJson, progress, say

if TYPE_CHECKING:
    from palate.data.check import Holding
    from palate.data.pickapic import Report
    from palate.data.works import Work


@app.command()
def pickapic(
    paths: Annotated[list[Path], typer.Argument(help="Parquet files, or folders of them.")],
    out: Out,
    liked: Annotated[int, typer.Option(help="Keep users with so many liked pictures.")] = 8,
    disliked: Annotated[int, typer.Option(help="And so many disliked.")] = 8,
    margin: Annotated[int, typer.Option(help="Wins a picture must be ahead, or behind.")] = 1,
    pairs: Annotated[bool, typer.Option(help="Write the choices themselves, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Turn Pick-a-Pic v1 or v2 into people with liked and disliked pictures."""
    from palate.data.pickapic import Rules, build

    rules = Rules(liked=liked, disliked=disliked, margin=margin)
    report = build(paths, out, rules, pairs=pairs, progress=progress("shards"))
    say(_account(report, out), {**asdict(report), "out": str(out)}, as_json)


def _account(report: Report, out: Path) -> str:
    """Who was kept, and every reason something was not."""
    from palate.data.pickapic.rules import OPINION_REASONS, ROW_REASONS, USER_REASONS

    lines = [
        f"{report.users.kept} of {report.users.given} users kept, with {report.liked} liked and "
        f"{report.disliked} disliked pictures, in {out}."
    ]
    for what, tally, reasons in (
        ("rows", report.rows, ROW_REASONS),
        ("users", report.users, USER_REASONS),
        ("opinions", report.opinions, OPINION_REASONS),
    ):
        lines.append(f"{what}: {tally.given} in, {tally.kept} kept")
        lines += [f"  {n:>9} dropped: {reasons[why]}" for why, n in tally.dropped.items() if n]
    return "\n".join(lines)


@app.command()
def prefbench(
    path: Annotated[Path, typer.Argument(help="One of the released .json or .pkl files.")],
    out: Annotated[Path, typer.Option(help="File to write: .parquet (pairs), .json or .pkl.")],
    images: Annotated[Path, typer.Option(help="Folder the picture names refer to.")] = Path("."),
    embed: Annotated[bool, typer.Option(help="Put the pictures into the table.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read PrefGen's released data, and write it as pairs or in the other of its two layouts."""
    from palate.data import prefbench as bench
    from palate.data.shards import write_table
    from palate.errors import unknown

    writers = {".json": bench.write_json, ".pkl": bench.write_pkl}
    if out.suffix not in (*writers, ".parquet"):
        raise unknown("kind of file", out.suffix, [*writers, ".parquet"])
    people = bench.read_pkl(path) if path.suffix == ".pkl" else bench.read_json(path)
    if out.suffix == ".parquet":
        write_table(out, bench.to_pairs(people, images, path.stem, embed=embed))
    else:
        writers[out.suffix](out, people)
    count = sum(len(person.pairs) for person in people)
    facts = {"people": len(people), "pairs": count, "out": str(out)}
    say(f"{len(people)} records with {count} pairs, in {out}.", facts, as_json)


@app.command()
def bulk(
    work: Annotated[str, typer.Argument(help="draw, decode or embed.")],
    source: Annotated[Path, typer.Argument(help="Folder of Parquet shards.")],
    out: Out,
    size: Annotated[int | None, typer.Option(help="Pixels: of a drawing, or at most.")] = None,
    format: Annotated[str, typer.Option(help="png, webp or jpeg.")] = "png",
    encoder: Annotated[str | None, typer.Option(help="module:name of what embeds.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; default one a core.")] = None,
    runner: Annotated[str, typer.Option(help="native (this machine) or ray.")] = "native",
    as_json: AsJson = False,
) -> None:
    """Draw, decode or embed every picture of a data set, on every core; started again, go on."""
    from palate.data.bulk import run

    chosen = _work(work, size, format, encoder)
    built = run(source, out, chosen, workers=workers, runner=runner, progress=progress("shards"))
    left = [asdict(problem) for problem in built.problems]
    lines = [f"{built.rows} rows in {len(built.shards)} shards in {out}; {len(left)} left out."]
    lines += [f"  {p.file} row {p.row}: {p.reason}" for p in built.problems[:20]]
    facts = {"rows": built.rows, "shards": len(built.shards), "out": str(out), "left_out": left}
    say("\n".join(lines), facts, as_json)


def _work(name: str, size: int | None, format: str, encoder: str | None) -> Work:
    from palate.data.vectors import Embed
    from palate.data.works import Decode, Draw
    from palate.errors import unknown

    given: dict[str, Any] = {} if size is None else {"size": size}
    if name == "draw":
        return Draw(**given, format=format)
    if name == "decode":
        return Decode(**given, format=format)
    if name == "embed":
        return Embed() if encoder is None else Embed(encoder=encoder)
    raise unknown("bulk work", name, ["draw", "decode", "embed"])


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A taste, a data set, a table, a profile, a file.")],
    as_json: AsJson = False,
) -> None:
    """Say what is in there, and name every bad file; exits with 2 if there is one."""
    from palate.data.check import check as look_at

    holding = look_at(path)
    say(_described(path, holding), asdict(holding), as_json)
    if holding.problems:
        raise typer.Exit(2)


def _described(path: Path, holding: Holding) -> str:
    facts = "  ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in holding.facts.items())
    lines = [f"{path}: {holding.kind}", f"  {facts}"] if facts else [f"{path}: {holding.kind}"]
    for file, problem in holding.problems:  # many name the file themselves
        lines.append(f"  bad: {problem}" if file in problem else f"  bad: {file}: {problem}")
    return "\n".join([*lines, "" if holding.problems else "  nothing is wrong with it"]).rstrip()
