"""Reports of recorded machines, changed in one thing or in what means nothing."""

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from envdoctor.catalogue import diagnose
from envdoctor.facts.codec import facts_from_json, facts_to_json
from envdoctor.fleet.census import Census
from envdoctor.fleet.result import fleet
from envdoctor.report import render

HOSTS = Path(__file__).parents[1] / "hosts"
H200 = "ubuntu-24.04-h200"
SLIM = "debian-12-slim"


@lru_cache(maxsize=None)
def recorded(name):
    return facts_from_json(json.loads((HOSTS / f"{name}.json").read_text(encoding="utf-8")))


@lru_cache(maxsize=None)
def report(facts):
    """As `check --format json` prints it."""
    return render("json", facts, diagnose(facts), "/home/ann").encode()


def facts_file(facts):
    return json.dumps(facts_to_json(facts)).encode()


def counted(documents, **options):
    """The fleet of documents by their machines' names."""
    census = Census()
    for name, text in documents.items():
        census.add(name, f"{name}.json", text)
    return fleet(census, **options)


def wobbled(facts, seconds=3600):
    """An hour later: other times, space and memory; and a memory that is some MiB smaller."""
    system, folders = facts.system, facts.folders
    memory = replace(
        system.memory, available=system.memory.available - 12345, total=system.memory.total - (40 << 20)
    )
    items = tuple(replace(item, free_bytes=(item.free_bytes or 0) + 4096) for item in folders.items)
    return replace(
        facts,
        system=replace(system, clock=system.clock + seconds, memory=memory),
        folders=replace(folders, items=items),
    )


def driven(facts, version, cuda):
    changed = replace(facts.driver, kernel_module=version, libcuda_version=version, cuda_version=cuda)
    return replace(facts, driver=changed)
