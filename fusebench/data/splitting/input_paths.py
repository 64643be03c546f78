"""Folders and files that decide the splits of a data set: its splits are kept until one changes."""

from pathlib import Path

from fusebench.data import folder_discovery, splits
from fusebench.data.image_files.infrared_scaling import InfraredScaling


def list_input_paths(
    root: Path,
    folder: Path,
    rule: splits.SplitRule | None,
    infrared_scaling: InfraredScaling | None,
    scenarios: Path | None = None,
) -> list[Path]:
    """List the folders and files that decide the splits of a data set.

    Args:
        root: The data folder.
        folder: The data set's folder, below ``root`` or absolute.
        rule: Its split rule; list files are relative to the data set.
        infrared_scaling: Rule that scales its infrared images, or None.
        scenarios: Its scenario file, relative to the data set.

    Returns:
        The data set's folder and files that may lie elsewhere; empty if there is no such folder,
        or if the images that are read are scaled copies, which lie elsewhere.

    Raises:
        UserError: If two folders could be meant.
    """
    dataset = folder_discovery.find_dataset_folder(root, folder)
    if dataset is None or infrared_scaling is not None:
        return []
    files = [] if scenarios is None else [scenarios]
    if isinstance(rule, splits.ListRule):
        files += [rule.train, rule.test]
    return [dataset, *(dataset / file for file in files)]
