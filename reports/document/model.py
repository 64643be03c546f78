"""Contents of the report, which every output format (page, Markdown, terminal) renders."""

from dataclasses import dataclass

from fusebench.runtime import file_names
from reports.document.efficiency import Efficiency
from reports.document.equivalence import EquivalenceComparison
from reports.document.parts.headline import Headline
from reports.document.parts.interval_plots import IntervalPlots
from reports.document.robustness.section import RobustnessSection
from reports.figures.sample_panels import SamplePair
from reports.literature.published_comparison import PublishedComparison
from reports.results.protocol import TaskProtocol
from reports.results.task_results import TaskResults
from reports.tables.inference.gain_attributes import GainExplanation
from reports.tables.inference.metric_prediction import MetricPrediction
from reports.tables.metric_correlation import MetricCorrelation
from reports.tables.text_table import TextTable

CORRELATIONS_FILE = "tables/metric-correlation.csv"
PREDICTIONS_FILE = "tables/metric-prediction.csv"


@dataclass(frozen=True)
class MissingRuns:
    """The missing runs of one source.

    Attributes:
        source: Name of the source.
        description: Which seeds are missing or failed, e.g. ``1 of 3 seeds missing``.
        command: Command line that executes them.
    """

    source: str
    description: str
    command: str


@dataclass(frozen=True)
class TaskSection:
    """Contents of the report about one task.

    All stems and files are relative to the report's folder; an empty stem means no figure.

    Attributes:
        results: Records of the task.
        headline: Main result in plain words.
        answer: Main result with its statistics, in one paragraph.
        missing_runs: One entry per unfinished source.
        main_tables: Tables that are always visible.
        collapsed_tables: Tables that are collapsed at first.
        protocol: Protocol facts of the records.
        ranking: Sources with scores by the mean of the main table, best first.
        score_plots: Intervals of the scores of the first main table.
        difference_plots: Intervals of its differences to the better single sensor.
        bar_chart_stem: Bar chart of the main table.
        samples: Sample images with ground truth and predictions.
        sample_legend: How to read the sample images.
        published_comparisons: Published tables on the same data set, comparable ones first.
        curves_stem: Precision-recall curves.
        error_chart_stem: Bar chart of the error types.
        confusion_matrix_stems: (source, stem of its confusion matrix).
        equivalence_comparisons: Tests of the equivalence of sources.
        equivalence_table: The same as text; None without any.
        robustness: Scores on corrupted test pairs; None without any.
        robustness_stem: Curves over the severity of the corruptions.
        gain_explanations: Gains per image explained by attributes of the pairs.
        gain_table: The same as text; None without any.
        gain_chart_stem: The same as a chart.
    """

    results: TaskResults
    headline: Headline
    answer: str
    missing_runs: tuple[MissingRuns, ...]
    main_tables: tuple[TextTable, ...]
    collapsed_tables: tuple[TextTable, ...]
    protocol: TaskProtocol
    ranking: tuple[str, ...] = ()
    score_plots: IntervalPlots | None = None
    difference_plots: IntervalPlots | None = None
    bar_chart_stem: str = ""
    samples: tuple[SamplePair, ...] = ()
    sample_legend: str = ""
    published_comparisons: tuple[PublishedComparison, ...] = ()
    curves_stem: str = ""
    error_chart_stem: str = ""
    confusion_matrix_stems: tuple[tuple[str, str], ...] = ()
    equivalence_comparisons: tuple[EquivalenceComparison, ...] = ()
    equivalence_table: TextTable | None = None
    robustness: RobustnessSection | None = None
    robustness_stem: str = ""
    gain_explanations: tuple[GainExplanation, ...] = ()
    gain_table: TextTable | None = None
    gain_chart_stem: str = ""

    @property
    def confusion_matrices_file(self) -> str:
        """CSV file of the confusion matrices, relative to the report."""
        return self._build_table_path("confusion-matrices")

    @property
    def published_file(self) -> str:
        """CSV file of the published results, relative to the report."""
        return self._build_table_path("published")

    @property
    def curves_file(self) -> str:
        """CSV file of the precision-recall curves, relative to the report."""
        return self._build_table_path("curves")

    def _build_table_path(self, name: str) -> str:
        return f"tables/{file_names.make_safe_file_name(self.results.name)}-{name}.csv"


@dataclass(frozen=True)
class Report:
    """The whole report.

    Attributes:
        title: Heading of the page.
        status: How many of the planned runs are finished.
        command: Command line that executes all missing runs; empty if none is missing.
        skipped_tasks: (task, reason) of tasks that cannot be run.
        sections: One per task.
        sample_selection_rule: How the sample images were selected.
        metric_correlations: Rank correlations of fusion metrics with task scores, over sources.
        metric_predictions: The same within pairs, over images.
        efficiency: Cost of fusion and training; None where no fusion method is planned.
        viewer_file: Page of the image viewer, relative to the report; empty without one.
    """

    title: str
    status: str
    command: str
    skipped_tasks: tuple[tuple[str, str], ...]
    sections: tuple[TaskSection, ...]
    sample_selection_rule: str
    metric_correlations: tuple[MetricCorrelation, ...] = ()
    metric_predictions: tuple[MetricPrediction, ...] = ()
    efficiency: Efficiency | None = None
    viewer_file: str = ""
