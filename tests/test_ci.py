"""Scripts and images."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_scripts_can_be_run():
    for script in [ROOT / ".ci" / "run", *(ROOT / "ci").glob("*.sh")]:
        assert script.stat().st_mode & 0o111, script
        assert script.read_text().startswith("#!/bin/bash\n")


def test_every_image_is_in_the_table_and_for_every_builder():
    readme = (ROOT / "docker" / "README.md").read_text()
    for folder in (ROOT / "docker").iterdir():
        if folder.is_dir():
            text = (folder / "Dockerfile").read_text()
            assert f"| `{folder.name}` |" in readme
            assert not re.search(r"^(?!#).*(<<|--link|--network)", text, re.MULTILINE)
            assert re.search(r"^ARG BASE=", text, re.MULTILINE)
