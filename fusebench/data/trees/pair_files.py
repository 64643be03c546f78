"""Pairs of a folder tree: images of both sensors matched by what their paths say."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.data import folder_discovery
from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.data.matching import name_hints
from fusebench.data.matching.keys import make_key
from fusebench.data.trees.options import Tree
from fusebench.data.trees.path_template import (
    PLACEHOLDERS,
    FoundFile,
    PathTemplate,
    parse_template,
)
from fusebench.errors import UserError

Identity = tuple[str, ...]  # texts of the placeholders that two templates share


@dataclass(frozen=True)
class TreePair:
    """The images of one pair and what their paths say.

    Attributes:
        key: Key of the pair.
        infrared: Infrared image.
        visible: Visible image.
        values: Placeholder to text, of both paths.
    """

    key: str
    infrared: str
    visible: str
    values: Mapping[str, str]


def find_pairs(folder: Path, tree: Tree) -> list[TreePair]:
    """Find the pairs of a tree, sorted by key.

    Raises:
        UserError: If there is no image, one has no partner, or two pairs have one key.
    """
    templates = [parse_template(text, IMAGE_EXTENSIONS) for text in (tree.infrared, tree.visible)]
    shared = tuple(name for name in templates[0].names if name in templates[1].names)
    infrared, visible = (_find_images(folder, template, shared) for template in templates)
    _check_partners(infrared, visible, templates)
    pairs = []
    for identity, file in infrared.items():
        partner = visible[identity]
        if file.path == partner.path:
            raise UserError(
                f"{file.path}: is found as infrared {tree.infrared} and as visible {tree.visible}; "
                "name their folders"
            )
        values = {**partner.values, **file.values}
        for text in values.values():
            make_key(text, file.path)  # results carry these texts too
        key = make_key(_build_key(tree, values), file.path)
        pairs.append(TreePair(key, file.path, partner.path, values))
    pairs.sort(key=lambda pair: pair.key)
    _check_unique_keys(pairs)
    return pairs


def get_identity(values: Mapping[str, str], names: Iterable[str]) -> Identity:
    """Return the texts of some placeholders."""
    return tuple(values[name] for name in names)


def describe_missing_files(template: PathTemplate, folder: Path) -> str:
    """Describe what is there where a template finds no file, for messages."""
    place = folder
    for part in template.literal_folder.split("/") if template.literal_folder else ():
        inner = folder_discovery.find_subfolder(place, [part.lower()])
        if inner is None:
            return f"{place} has no folder {part}; found: {folder_discovery.list_entries(place)}"
        place = inner
    content = name_hints.describe_content(place)
    if template.extensions != IMAGE_EXTENSIONS:
        content = f"{content.partition(';')[0]}; expected {' or '.join(template.extensions)} files"
    return f"in {place}, {content}"


def _find_images(
    folder: Path, template: PathTemplate, names: Sequence[str]
) -> dict[Identity, FoundFile]:
    """Find the images of one sensor by the texts of the shared placeholders."""
    files = template.find(folder)
    if not files:
        raise UserError(
            f"{folder}: no image is called {template.text}; "
            f"{describe_missing_files(template, folder)}"
        )
    images: dict[Identity, FoundFile] = {}
    for file in files:
        identity = get_identity(file.values, names)
        if identity in images:
            raise UserError(
                f"{images[identity].path} and {file.path} are both {template.text} of "
                f"{'/'.join(identity)}; keep one of them, or name the folders in the template"
            )
        images[identity] = file
    return images


def _check_partners(
    infrared: Mapping[Identity, FoundFile],
    visible: Mapping[Identity, FoundFile],
    templates: Sequence[PathTemplate],
) -> None:
    for own, other, other_template in (
        (infrared, visible, templates[1]),
        (visible, infrared, templates[0]),
    ):
        missing = [own[identity].path for identity in own if identity not in other]
        if missing:
            example = min(file.path for file in other.values())
            raise UserError(
                f"{len(missing)} image(s) have no partner {other_template.text}: "
                f"{name_hints.list_first(missing)}; such files are e.g. {example}. "
                f"{_advise_on_partners(own, other, other_template)}"
            )


def _advise_on_partners(
    own: Mapping[Identity, FoundFile],
    other: Mapping[Identity, FoundFile],
    other_template: PathTemplate,
) -> str:
    """Say what to do about images without a partner among the files of ``other_template``."""
    keys = [
        {file.values["key"] for identity, file in files.items() if identity not in others}
        for files, others in ((own, other), (other, own))
    ]
    missing, unmatched = keys
    templates = name_hints.suggest_templates(sorted(missing), sorted(unmatched))
    if templates is not None:
        return (
            f"Their names differ by a common text: write {templates[0]} for the former and "
            f"{templates[1]} for the latter, after their folders"
        )
    all_keys = {file.values["key"] for file in own.values()}
    return (
        name_hints.suggest_copy(min(missing), all_keys)
        or name_hints.describe_similar_name(min(missing), unmatched)
        or "Add the missing files or delete the others; where names differ, write {key} for what "
        "they share"
    )


def _build_key(tree: Tree, values: Mapping[str, str]) -> str:
    template = tree.key or ("{sequence}_{key}" if "sequence" in values else "{key}")
    unknown = [name for name in PLACEHOLDERS if f"{{{name}}}" in template and name not in values]
    if unknown:
        raise UserError(f"key {template!r}: the paths of the images have no {{{unknown[0]}}}")
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]].replace("/", "_"), template)


def _check_unique_keys(pairs: Sequence[TreePair]) -> None:
    by_key: dict[str, list[TreePair]] = defaultdict(list)
    for pair in pairs:
        by_key[pair.key].append(pair)
    repeated = [group for group in by_key.values() if len(group) > 1]
    if repeated:
        first, second = repeated[0][:2]
        parts = "_".join(f"{{{name}}}" for name in first.values)
        raise UserError(
            f"{len(repeated)} key(s) name two pairs, e.g. {first.key!r}: {first.visible} and "
            f"{second.visible}; rename the files, or put the key together from more of the path, "
            f"e.g. key: '{parts}'"
        )
