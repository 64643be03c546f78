"""What named data sets on folder trees share: options, and the choice among their trees.

A file in ``fusebench/datasets`` lists the trees in which its data set is in circulation, the
official one first; the first whose images are there is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from fusebench.data import folder_discovery, splits
from fusebench.data.dataset_index import DatasetIndex
from fusebench.data.image_files.infrared_scaling import InfraredScaling
from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.data.trees.options import Tree
from fusebench.data.trees.path_template import parse_template
from fusebench.data.trees.tree_index import index_tree
from fusebench.errors import UserError


class NamedOptions(BaseModel):
    """Options that every named data set has.

    Attributes:
        folder: Below the data folder, or absolute.
        split: Split rule.
        infrared_scaling: Rule that scales infrared images of more than 8 bits to 8 bits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path
    split: splits.SplitRule = splits.OfficialRule()
    infrared_scaling: InfraredScaling | None = None


@dataclass(frozen=True)
class NamedDataset:
    """A data set in one of several trees.

    Attributes:
        name: Name in the task file.
        title: Name in messages.
        classes: Class names in the order of their ids.
        trees: Short description of each tree, for messages, to the tree.
        alternative: Command that works without this data set, for messages.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    trees: Mapping[str, Tree]
    alternative: str = "python -m detection.run --scenes"

    def load(self, root: Path, options: NamedOptions) -> DatasetIndex:
        """List the pairs and their labels.

        Raises:
            DatasetNotFoundError: If the data set is not on this machine.
            UserError: If its folder has none of the trees, or a file is missing or does not match
                its partner.
        """
        folder = folder_discovery.locate_dataset(
            root,
            options.folder,
            title=self.title,
            trees=list(self.trees),
            alternative=self.alternative,
        )
        tree = self.choose_tree(folder)
        return index_tree(
            self.name, folder, tree, self.classes, options.split, options.infrared_scaling
        )

    def choose_tree(self, folder: Path) -> Tree:
        """Return the first tree whose images of both sensors are there.

        Raises:
            UserError: If there is none.
        """
        for tree in self.trees.values():
            templates = [parse_template(t, IMAGE_EXTENSIONS) for t in (tree.infrared, tree.visible)]
            if all(template.fits(folder) for template in templates):
                return tree
        raise UserError(
            f"{folder}: expected {' or '.join(self.trees)}; found: "
            f"{folder_discovery.list_entries(folder)}. Data in another tree can be described with "
            "dataset: pairs, see docs/datasets.md"
        )

    def list_input_paths(self, root: Path, options: NamedOptions) -> list[Path]:
        """List the folders and files that decide what `load` returns; empty if not known."""
        if options.infrared_scaling is not None:
            return []  # the scaled images lie elsewhere
        from_rule = folder_discovery.find_dataset_folder(root, options.folder)
        if from_rule is None:
            return []
        lists = options.split
        files = [lists.train, lists.test] if isinstance(lists, splits.ListRule) else []
        return [from_rule, *(from_rule / file for file in files)]
