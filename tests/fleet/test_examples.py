"""The scripts of examples/fleet, with stand-ins for what reaches the machines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envdoctor.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples" / "fleet"
#: The last word is a command for the login shell over there.
SSH = '#!/bin/sh\nfor word; do last=$word; done\n[ "$5" != gone ] || exit 255\nexec sh -c "$last"\n'
KUBECTL = """#!/bin/sh
case "$1 $2" in
"get pods") printf 'node1 pod-a\\nnode2 pod-b\\n' ;;
"logs pod-a") echo '{"schema": "envdoctor.facts/1"}' ;;
"logs pod-b") exit 1 ;;
esac
"""
DOCTOR = 'import sys\nassert sys.argv[1] == "check"\nprint(\'{"schema": "envdoctor.facts/1"}\')\n'


def ran(script, folder, *arguments, **programs):
    (folder / "bin").mkdir()
    for name, text in programs.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    path = os.pathsep.join([str(folder / "bin"), os.path.dirname(sys.executable), os.defpath])
    return subprocess.run(
        [EXAMPLES / script, *arguments],
        cwd=folder,
        env={"PATH": path, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_by_ssh(tmp_path, capsys):
    (tmp_path / "envdoctor.pyz").write_text(DOCTOR)
    (tmp_path / "hosts").write_text("# ours\nn1\n\nn2\ngone\n")
    done = ran("ssh.sh", tmp_path, "hosts", "--python", "/opt/a b/python", ssh=SSH)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "gone: no report\n")
    assert {path.name for path in tmp_path.iterdir()} == {"bin", "envdoctor.pyz", "hosts", "reports"}
    assert main(["fleet", str(tmp_path / "reports"), "--ignore", "request"]) == 1
    text = " ".join(capsys.readouterr().out.split())  # whatever the length of the folder's name
    assert " n[1-2] " in text and "gone.json: empty" in text


def test_from_kubernetes(tmp_path):
    done = ran("kubernetes.sh", tmp_path, kubectl=KUBECTL)
    assert (done.returncode, done.stderr) == (0, "node2: no report\n")
    reports = {path.name: path.read_text() for path in (tmp_path / "reports").iterdir()}
    assert reports == {"node1.json": '{"schema": "envdoctor.facts/1"}\n', "node2.json": ""}


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_bash_and_can_be_run(script):
    assert script.read_text().startswith("#!/bin/bash\n") and os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
