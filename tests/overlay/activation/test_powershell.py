"""Activation code for PowerShell, as text: no registry that Debian machines reach has one to run it."""

from envdoctor.finding import SetEnv
from envdoctor.overlay.activation import powershell
from tests.overlay.activation.test_shells import overlay


def test_quotes_of_all_kinds_are_doubled():
    assert powershell.quoted("a'b$c`d\n") == "'a''b$c`d\n'"
    assert powershell.quoted("\u2018x\u2019") == "'\u2018\u2018x\u2019\u2019'"


def test_the_changes_stand_behind_what_keeps_the_variables():
    code = powershell.render(overlay(SetEnv("CC", None), SetEnv("CPATH", "/x", "prepend"), SetEnv("A", "1")))
    kept = code.index(
        "SetEnvironmentVariable('_ENVDOCTOR_BEFORE_0', [Environment]::GetEnvironmentVariable('CC'))"
    )
    assert kept < code.index("SetEnvironmentVariable('CC', $null)")
    assert "elseif (-not (\"${env:CPATH}:\").StartsWith('/x:', [StringComparison]::Ordinal))" in code
    assert "SetEnvironmentVariable('A', '1')" in code
