"""Parser of a page's tags and visible texts."""

from html.parser import HTMLParser


class TagsAndTexts(HTMLParser):
    """Tags with their attributes, and the texts outside of scripts and styles."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.is_code = [], [], False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.is_code = tag in ("script", "style")

    def handle_endtag(self, tag):
        self.is_code = False

    def handle_data(self, text):
        if not self.is_code:
            self.texts.append(" ".join(text.split()))
