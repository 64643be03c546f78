"""Files for a paper: BibTeX entries, captions, LaTeX table."""

import re

from fusebench import plugins
from reports.document import sections
from reports.document.parts import paper_text
from reports.formats import paper
from tests.helpers.reports.synthetic_records import (
    PROTOCOL,
    make_record,
    make_source_results,
    make_task_results,
)


def make_section(**changes):
    record = make_record("mine", "method", 0, (0.6, 0.5), **changes)
    source = make_source_results("mine", "method", [(0.6, 0.5)])
    source = type(source)("mine", "method", (0,), (record,), "run mine")
    infrared = make_source_results("infrared", "infrared", [(0.5, 0.2)])
    return sections.build_section(make_task_results(infrared, source))


def test_what_the_specs_name_is_cited_once_and_the_rest_is_listed():
    spec = {
        "metrics": {"average_precision": {}, "error_types": {}},
        "predicted": {"trained": {"model": "yolov5", "images": {"method": "laplacian"}}},
    }
    section = make_section(spec=spec, dataset="msrs")
    used = paper_text.list_used_names([section, section])
    assert used["methods"] == ["laplacian"]
    assert used["metrics"] == ["average_precision", "error_types"]
    text = paper.render_references(used)
    keys = re.findall(r"^@\w+\{([\w-]+),$", text, re.MULTILINE)
    assert keys == ["burt-adelson", "coco", "piafusion", "tide", "yolov5"]
    assert text.count("{") == text.count("}")
    assert "The {Laplacian} pyramid as a compact image code" in text
    assert "% no entry: toy (datasets)" in text


def test_every_named_plug_in_exists_and_every_entry_is_used():
    references = paper._read_references()
    known = {
        "datasets": plugins.list_plugins("fusebench.datasets"),
        "methods": plugins.list_plugins("fusion.methods"),
        "models": [
            *plugins.list_plugins("detection.models"),
            *plugins.list_plugins("segmentation.models"),
        ],
        "metrics": [
            *plugins.list_plugins("detection.metrics"),
            *plugins.list_plugins("segmentation.metrics"),
            *plugins.list_plugins("fusion.metrics"),
        ],
    }
    used = set()
    for kind, names in known.items():
        assert set(references[kind]) <= set(names)
        used |= {key for keys in references[kind].values() for key in keys}
    assert used == set(references["entries"])


def test_captions_name_the_protocol_and_simulated_data(tmp_path):
    section = make_section(protocol=PROTOCOL | {"simulated": True})
    captions = paper_text.build_captions(section)
    assert "split hash: abc123" in captions
    assert "Simulated scenes, not camera images." in captions.split("\n\n")[0]
    paper.write_paper([section], tmp_path)
    names = sorted(file.name for file in (tmp_path / "paper").iterdir())
    ends = ["captions.txt", "table.tex"]
    assert names == ["references.bib", *(f"toy-detection-{end}" for end in ends)]


def test_nothing_is_written_without_results(tmp_path):
    missing = make_source_results("mine", "method", [None])
    section = sections.build_section(make_task_results(missing))
    paper.write_paper([section], tmp_path)
    assert list(tmp_path.iterdir()) == []
