"""Figures for a paper."""

from PIL import Image

from reports.figures import overlays, paper_figures


def test_a_panel_is_a_small_pdf_that_is_the_same_every_time(tmp_path):
    rows = []
    for number in range(2):
        row = []
        for name in ("ground truth on visible", "infrared", "mine"):
            file = tmp_path / f"{number}-{name}.jpg"
            Image.new("RGB", (overlays.PANEL_WIDTH, 300 + number), "#336699").save(file)
            row.append((name, file))
        rows.append(row)
    file = tmp_path / "panel.pdf"
    paper_figures.draw_sample_panel(rows, file)
    content = file.read_bytes()
    paper_figures.draw_sample_panel(rows, file)
    assert content.startswith(b"%PDF")
    assert content == file.read_bytes()
    assert b"DCTDecode" in content  # JPEG
    width = 3 * overlays.PANEL_WIDTH + 2 * paper_figures.PANEL_GAP
    assert f"/Width {width}".encode() in content
    assert len(content) < 100_000
