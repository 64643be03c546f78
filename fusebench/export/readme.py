"""README.txt of an export: where the files come from, and how they are read."""

from collections.abc import Sequence

from fusebench.errors import escape_controls
from fusebench.export.content import TaskContent
from fusebench.storage import hashing

FILE_NAME = "README.txt"


def format_readme(title: str, content: TaskContent, usage: Sequence[str]) -> str:
    """Format the text.

    Args:
        title: What the folder is.
        content: What was exported.
        usage: Lines on how it is read.
    """
    lines = [title, "", f"task:    {content.task_name} ({content.kind})"]
    if content.sources:
        lines.append(f"sources: {', '.join(source.name for source in content.sources)}")
    for name, split in content.splits.items():
        lines.append(f"{name}: {len(split.pairs)} pairs of {split.dataset}")
        lines.append(f"  split: {split.rule_description or 'as given'}")
        lines.append(f"  split hash: {hashing.hash_keys(split)}")
        if split.has_leakage:
            lines.append("  caution: neighboring frames are in both train and test")
        lines += [f"  {note}: {text}" for note, text in split.notes]
    lines += ["classes:", *(f"  {i}: {name}" for i, name in enumerate(content.classes))]
    return escape_controls("\n".join([*lines, "", *usage, ""]))
