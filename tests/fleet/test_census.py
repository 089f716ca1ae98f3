"""Documents of every kind, whole and broken, counted one at a time."""

import json
import random
from dataclasses import replace

import pytest

from envdoctor.facts.codec import facts_from_json
from envdoctor.fleet import reading
from envdoctor.fleet.census import Census
from tests.fleet.machines import H200, SLIM, counted, facts_file, recorded, report

SEVERITIES = ("error", "warning", "info")
SMALL = report(recorded("toolkit-11.8-gcc-12"))
REPORT = json.loads(SMALL)


def changed(**members):
    return json.dumps({**REPORT, **members}).encode()


def without(name):
    return json.dumps({key: value for key, value in REPORT.items() if key != name}).encode()


def reason(text):
    census = Census()
    census.add("good", "good.json", SMALL)
    census.add("bad", "bad.json", text)
    census.add("again", "again.json", SMALL)
    ((origin, why),) = census.unread
    assert origin == "bad.json" and "\n" not in why
    assert list(census.groups.values()) == [["good", "again"]]
    return why


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (SMALL[:5000], "not JSON: "),
        (SMALL[:-3], "not JSON: "),
        (SMALL + b"}", "not JSON: Extra data"),
        (SMALL + SMALL, "not JSON: Extra data"),
        (SMALL.replace(b'": [', b'" [', 1), "not JSON: "),
        (b"[]", "not JSON: Expecting '{'"),
        (b"ssh: connect to host node7: Connection refused", "not JSON: "),
        (b'{"schema": "envdoctor.report/1"} \xff', "not UTF-8"),
        (SMALL.decode().encode("utf-16"), "not UTF-8"),
        (b'{"facts": ' * 100_000, "nested too deeply"),
        (b'{"schema": "envdoctor.facts/1", "driver": ' + b"[" * 100_000, "nested too deeply"),
        (b"{}", "its schema is None"),
        (b'{"schema": 1}', "its schema is None"),
        (SMALL.replace(b"envdoctor.report/1", b"envdoctor.report/2"), "its schema is 'envdoctor.report/2'"),
        (SMALL.replace(b"envdoctor.facts/1", b"envdoctor.facts/2"), "no facts of schema"),
        (b'{"schema": "envdoctor.explanation/1"}', "its schema is 'envdoctor.explanation/1'"),
        (without("facts"), "no facts of schema"),
        (without("findings"), "its findings are not"),
        (without("notes"), "its findings are not"),
        (changed(findings={}), "its findings are not"),
        (changed(findings=[{"rule": "a"}]), "its findings are not"),
        (changed(findings=[{"rule": "a", "severity": "fatal", "message": ""}]), "its findings are not"),
        (changed(findings=[{"rule": 1, "severity": "error", "message": ""}]), "a finding without words"),
        (changed(facts={**REPORT["facts"], "driver": 7}), "facts.driver: 7 is not an object"),
        (changed(facts={**REPORT["facts"], "moon": {}}), "unknown field 'moon'"),
        (changed(facts={**REPORT["facts"], "request": {"role": "king"}}), "facts.request.role: 'king'"),
    ],
)
def test_what_cannot_be_read_is_one_line_and_stops_nothing(text, why):
    assert why in reason(text)


def accepted(text):
    """By json and the facts' own reader."""
    try:
        document = json.loads(text.decode("utf-8-sig"))
        facts_from_json(document["facts"])
        found = {(each["severity"], each["rule"] + each["message"]) for each in document["findings"]}
        return document["schema"] == "envdoctor.report/1" and {each for each, _ in found} <= set(SEVERITIES)
    except (ValueError, KeyError, TypeError):
        return False


def test_broken_bytes_are_refused_just_where_json_refuses_them():
    chance, census, texts = random.Random(7), Census(), []
    for _ in range(80):
        at, length = chance.randrange(len(SMALL)), chance.choice((0, 1, 1, 30))
        piece = chance.choice((b"", b"{", b"}", b",", b'"', b"\\", b" ", b"7", b"null", b"\xff", b"\n"))
        texts.append(SMALL[:at] + piece + SMALL[at + length :])
    census.add("good", "good", SMALL)
    for number, text in enumerate(texts):
        census.add(str(number), str(number), text)
    refused = {origin for origin, _ in census.unread}
    expected = {str(number) for number, text in enumerate(texts) if not accepted(text)}
    assert refused == expected and 10 < len(refused) < 80


def test_the_same_report_however_it_is_written():
    found = counted(
        {
            "as written": SMALL,
            "in a line": json.dumps(REPORT).encode(),
            "close": json.dumps(REPORT, separators=(",", ":")).encode(),
            "wide": json.dumps(REPORT, indent=8).replace("\n", "\r\n").encode("utf-8-sig"),
            "sorted": json.dumps(REPORT, sort_keys=True).encode(),
        }
    )
    (group,) = found.groups
    assert len(group.machines) == 5 and not found.unread
    assert REPORT["findings"]
    assert {each.machines for each in found.findings} == {group.machines}


def test_a_name_in_the_document_is_the_machines():
    text = b'{"machine": "node7", "report": ' + SMALL + b"}"
    assert counted({"x:1": text}).groups[0].machines == ("node7",)
    text = b'{"machine": "node8", "report": ' + facts_file(recorded(SLIM)) + b"}"
    assert counted({"x:1": text}).groups[0].machines == ("node8",)


def test_two_machines_of_one_name_are_two():
    census = Census()
    census.add("node1", "rack1/node1.json", SMALL)
    census.add("node1", "rack2/node1.json", SMALL)
    census.add("node1", "rack2/node1.json", SMALL)
    assert list(census.groups.values()) == [["node1", "rack2/node1.json", "rack2/node1.json (2)"]]


def test_what_machines_share_is_read_once(monkeypatch):
    reads = []
    decoded = reading._decoded
    monkeypatch.setattr(reading, "_decoded", lambda *each: reads.append(each) or decoded(*each))
    census = Census()
    usual = recorded(H200)
    census.add("a", "", report(usual))
    before = len(reads)
    for number in range(20):
        census.add(f"n{number}", "", report(usual))
    assert len(reads) == before
    items = (replace(usual.packages.items[0], version="7"), *usual.packages.items[1:])
    census.add("b", "", report(replace(usual, packages=replace(usual.packages, items=items))))
    assert [value["items"] and value["items"][0]["version"] for _, value in reads[before:]] == [[], "7"]
    assert len(census.groups) == 2
