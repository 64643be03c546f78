"""Section of one task: answer, tables, protocol, missing runs, published results."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from reports.document import (
    equivalence,
    equivalence_text,
    reference_comparison,
    selection,
    table_text,
)
from reports.document.model import MissingRuns, TaskSection
from reports.document.parts import headline, interval_plots
from reports.document.robustness import section as robustness_section
from reports.figures import sample_panels
from reports.figures.sample_panels import SamplePair
from reports.literature import published_comparison
from reports.results import protocol
from reports.results.task_results import TaskResults
from reports.tables import builders, interval_tables, result_text, where_fusion_helps
from reports.tables.comparison import ScoreTable
from reports.tables.inference import gain_attributes, rank_text
from reports.tables.text_table import TextTable


def build_section(
    results: TaskResults, bar_chart_stem: str = "", samples: Sequence[SamplePair] = ()
) -> TaskSection:
    """Build the section of one task.

    Args:
        results: Records of the task.
        bar_chart_stem: Path of the bar chart without suffix, relative to the report.
        samples: Sample images that are written already.
    """
    visible, collapsed = selection.select_tables(results)
    main = selection.build_main_table(results)
    comparisons = equivalence.compare_sources(results)
    robustness = robustness_section.build_section(results)
    gains = gain_attributes.explain_gains(results, main)
    sentences = [
        where_fusion_helps.build_answer(results, main),
        reference_comparison.build_sentence(results, main),
        equivalence_text.build_sentence(results, comparisons),
        *where_fusion_helps.build_sentences(results, main),
        robustness.sentence if robustness else "",
        gain_attributes.build_sentence(gains),
    ]
    is_ranking = results.kind == "quality"  # ranks have no intervals
    by_condition = [t for t in visible if t.name.endswith(builders.BY_CONDITION_SUFFIX)]
    section = TaskSection(
        results=results,
        headline=headline.build_headline(
            results,
            main,
            by_condition,
            [
                reference_comparison.build_plain_sentence(results, main),
                robustness.plain_sentence if robustness else "",
            ],
        ),
        answer=" ".join(sentence for sentence in sentences if sentence),
        missing_runs=tuple(
            MissingRuns(
                source.source_name, result_text.describe_missing_runs(source), source.command
            )
            for source in results.sources
            if source.missing_seeds
        ),
        main_tables=tuple(table_text.build_text_table(results, table) for table in visible),
        collapsed_tables=(
            *(table_text.build_text_table(results, table) for table in collapsed),
            *_derive_tables(results, visible, interval_tables.build_interval_tables),
            *interval_tables.build_power_tables(results, main),
            *_derive_tables(results, visible, rank_text.build_rank_tables),
        ),
        protocol=protocol.collect_protocol(results),
        ranking=tuple(interval_plots.rank_rows(main)),
        score_plots=None if is_ranking else interval_plots.build_score_plots(main),
        difference_plots=None if is_ranking else interval_plots.build_difference_plots(main),
        published_comparisons=published_comparison.compare_with_published(results),
        equivalence_comparisons=tuple(comparisons),
        equivalence_table=equivalence_text.build_table(results, comparisons),
        robustness=robustness,
        gain_explanations=tuple(gains),
        gain_table=gain_attributes.build_text_table(results, gains),
    )
    return attach_samples(section, bar_chart_stem, samples)


def attach_samples(
    section: TaskSection, bar_chart_stem: str, samples: Sequence[SamplePair]
) -> TaskSection:
    """Return the section with its bar chart, its sample images and their legend."""
    finished = [source.source_name for source in section.results.sources if source.records]
    legend = sample_panels.build_legend(section.results.kind, finished, samples)
    kinds = {source.source_kind for source in section.results.sources if source.records}
    if legend and kinds & {"ensemble", "channels"}:
        legend += f" {sample_panels.VISIBLE_IMAGE_LEGEND}"
    return replace(
        section, bar_chart_stem=bar_chart_stem, samples=tuple(samples), sample_legend=legend
    )


def _derive_tables(
    results: TaskResults,
    tables: Sequence[ScoreTable],
    build: Callable[[TextTable, ScoreTable], Iterable[TextTable]],
) -> list[TextTable]:
    """Build the tables that follow from score tables: intervals, or ranks."""
    return [
        derived
        for table in tables
        for derived in build(table_text.build_unranked_text_table(results, table), table)
    ]
