"""The pictures of a task's chapter, written into the report as they are made."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench import names
from bench.plan import Cell
from bench.store import Store
from reports.contents import chapters
from reports.contents.chapters import Chapter
from reports.pictures import charts, figures, panels
from reports.pictures.studio import Draw
from reports.records import confusions, curves
from reports.records.confusions import Confusion
from reports.scores import sheets, tables

Looks = Mapping[str, tuple[str, str]]  # see `figures.styles`


def of(
    bare: Chapter, cells: Sequence[Cell], store: Store, looks: Looks, to: Path, draw: Draw
) -> Chapter:
    """A task's chapter with its charts and sample sheets, which are written under ``to``."""
    results = bare.results
    if not results.records:
        return bare
    table = chapters.leading(results)
    stem = f"figures/{names.safe(results.name)}"
    for folder in ("figures", "tables"):
        (to / folder).mkdir(exist_ok=True)
    note = f"{results.name}: simulated scenes" if results.simulated else results.name
    draw(figures.bars, table, looks, _files(to, stem), note)
    samples = panels.make(cells, chapters.ranking(table), store, to)
    chapter = chapters.illustrated(bare, stem, samples)
    if families := tables.errors(results):
        files = _files(to, f"{stem}-errors")
        draw(figures.bars, tables.means(results, families[0]), looks, files, note)
        chapter = replace(chapter, errors=f"{stem}-errors")
    lines = curves.read(cells, store)
    if not lines.empty:
        draw(figures.curves, curves.drawn(lines), looks, _files(to, f"{stem}-curves"), note)
        sheets.write(lines, to / chapter.curves_file)
        chapter = replace(chapter, curves=f"{stem}-curves")
    if matrices := confusions.read(cells, store):
        chapter = _confused(chapter, matrices, to, note, draw)
    return chapter


def _confused(
    chapter: Chapter, found: dict[str, Confusion], to: Path, note: str, draw: Draw
) -> Chapter:
    drawn = []
    for number, (source, one) in enumerate(found.items(), 1):
        stem = f"figures/{names.safe(chapter.results.name)}-confusion-{number}"
        draw(charts.heat, one, _files(to, stem), f"{note}, {source}")
        drawn.append((source, stem))
    sheets.write(confusions.sheet(found), to / chapter.confusions_file)
    return replace(chapter, confusions=tuple(drawn))


def _files(to: Path, stem: str) -> list[Path]:
    return [to / f"{stem}.{ending}" for ending in figures.FORMATS]
