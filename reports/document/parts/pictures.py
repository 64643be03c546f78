"""Pictures of the first screen: the pairs on which fusion helps and hurts most."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reports.document.model import TaskSection
from reports.figures.sample_panels import SamplePair

PICTURES_PER_EFFECT = 2
EFFECTS = ("gain", "loss")


@dataclass(frozen=True)
class Picture:
    """A pair of a task with the enlarged part of the better sensor and of the best fused source."""

    section: TaskSection
    sample: SamplePair

    @property
    def reason(self) -> str:
        """The criterion of its effect, without others that selected the pair too."""
        parts = self.sample.reason.split("; ")
        effect = f" {self.sample.effect} of "
        return next((part for part in parts if effect in part), self.sample.reason)


def select_pictures(sections: Sequence[TaskSection]) -> dict[str, list[Picture]]:
    """Select pictures per effect (``gain``, ``loss``), those with camera images first.

    The largest effect of every task comes before the second largest of any.
    """
    ordered = sorted(sections, key=lambda section: section.results.is_simulated)
    return {effect: [*_take_turns(ordered, effect)][:PICTURES_PER_EFFECT] for effect in EFFECTS}


def _take_turns(sections: Sequence[TaskSection], effect: str) -> Iterator[Picture]:
    pictures = [
        [
            Picture(section, sample)
            for sample in section.samples
            if sample.effect == effect and sample.comparison
        ]
        for section in sections
    ]
    for i in range(max(map(len, pictures), default=0)):
        yield from (of_task[i] for of_task in pictures if i < len(of_task))
