"""The page: one file, nothing in it can become markup, and its script is small."""

import base64
import hashlib
import json
import re

from reports.viewer import page
from tests.helpers.reports.html_text import TagsAndTexts

HOSTILE = '</script><script>alert(1)</script><!-- "quoted" \'\u2028 \u878d & <img src=x onerror=1>'
MAX_SCRIPT_BYTES = 60_000


def make_data(name):
    return {"tasks": [{"name": name, "sources": [{"name": name}]}]}


def test_hostile_names_stay_data():
    text = page.render_page(make_data(HOSTILE), HOSTILE)
    assert len(re.findall("<script", text)) == len(re.findall("</script>", text)) == 2
    stored = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1]
    assert not set(stored) & set("<>&'\u2028")
    assert json.loads(stored) == make_data(HOSTILE)
    assert "<img" not in text.partition("<script>")[0]


def test_the_policy_allows_this_style_and_this_script_only():
    text = page.render_page(make_data("a"), "")
    policy = re.search('Content-Security-Policy" content="([^"]+)"', text)[1]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        content = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not re.search(r'\s(style|on\w+)="', text)


def test_the_script_is_small_and_loads_nothing():
    script = page.build_script()
    assert len(script.encode()) < MAX_SCRIPT_BYTES
    for forbidden in ("fetch(", "XMLHttpRequest", "innerHTML", "eval(", "http:", "https:"):
        assert forbidden not in script.replace("http://www.w3.org/2000/svg", "")


def test_the_note_about_left_out_pairs_is_on_the_page():
    text = page.render_page(make_data("a"), "Pictures of 3 of 9 pairs")
    assert "Pictures of 3 of 9 pairs" in " ".join(TagsAndTexts(text).texts)
