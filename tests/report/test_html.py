"""The report as one HTML file."""

from html.parser import HTMLParser

import pytest

from envdoctor.report import render
from tests.report.examples import CLEAN, EVERYTHING, HOME, UNDETERMINED, USUAL, healthy

VOID = {"meta", "br", "link", "img"}


class Reader(HTMLParser):
    """Checks that tags are closed in order, and collects attributes and text."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


def read(diagnosis):
    reader = Reader()
    reader.feed(render("html", healthy(), diagnosis, HOME))
    reader.close()
    assert not reader.open
    return reader


@pytest.mark.parametrize("diagnosis", [CLEAN, UNDETERMINED, USUAL, EVERYTHING])
def test_the_page_is_well_formed_and_needs_nothing_from_outside(diagnosis):
    reader = read(diagnosis)
    assert not {"link", "img", "iframe"} & set(reader.tags)
    assert not [value for name, value in reader.attributes if name in ("src", "href")]
    page = render("html", healthy(), diagnosis, HOME)
    assert "url(" not in page
    assert "@import" not in page


def test_the_heading_says_the_outcome():
    assert "No problem found" in read(CLEAN).text
    assert "No problem found in what could be examined" in read(UNDETERMINED).text
    assert "1 error, 2 warnings" in read(USUAL).text


def test_markup_of_the_evidence_stays_text_and_homes_are_hidden():
    reader = read(EVERYTHING)
    assert "b" not in reader.tags
    assert any("<b>|markup|</b>" in text for text in reader.text)
    assert "alice" not in render("html", healthy(), EVERYTHING, HOME)


def test_each_group_is_a_card_and_notes_are_shown():
    reader = read(EVERYTHING)
    assert reader.tags.count("article") == 3
    assert any("Permission denied" in text for text in reader.text)
    assert "export CUDA_HOME=/usr/local/cuda" in reader.text
