"""The diagnosis as one HTML page: nothing is loaded from elsewhere, all text is escaped."""

import base64
from collections.abc import Mapping

from fusebench.doctor.dataset_files import DatasetFiles
from fusebench.doctor.diagnosis import Diagnosis
from fusebench.doctor.findings import Picture
from fusebench.doctor.pictures import draw_picture
from fusebench.runtime import progress
from fusebench.runtime.html.templates import load_environment

MAX_ITEMS = 200  # of a finding on the page; all are in the JSON document
PICTURE_TEXTS: Mapping[str, str] = {
    "pair": "infrared, visible",
    "registration": "both sensors as a checkerboard; edges (infrared red, visible cyan, both "
    "white); edges after the shift",
    "box": "infrared, visible",
    "label_map": "visible, label map",
}


def render_page(diagnosis: Diagnosis, files: DatasetFiles) -> str:
    """Render the page with its pictures.

    Args:
        diagnosis: What was found.
        files: The data set, for the pictures.
    """
    return (
        load_environment("fusebench.doctor")
        .get_template("page.html")
        .render(
            diagnosis=diagnosis,
            counts=diagnosis.count_findings(),
            pictures=_draw_pictures(diagnosis, files),
            picture_texts=PICTURE_TEXTS,
            max_items=MAX_ITEMS,
        )
    )


def _draw_pictures(diagnosis: Diagnosis, files: DatasetFiles) -> dict[Picture, str]:
    """Return each picture as a data URI; those whose files cannot be read are left out."""
    pairs = {pair.key: pair for pair in files.pairs}
    requested = dict.fromkeys(
        picture for finding in diagnosis.list_findings() for picture in finding.pictures
    )
    drawn = {}
    for picture in progress.track_progress(list(requested), f"draw {files.name}"):
        content = draw_picture(picture, pairs[picture.key], files)
        if content is not None:
            drawn[picture] = f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
    return drawn
