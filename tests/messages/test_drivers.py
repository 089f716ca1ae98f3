"""What CUDA's libraries say of the driver."""

from envdoctor.log import read_text
from envdoctor.messages.drivers import first

SAID = "Found no NVIDIA driver"


def test_quiet_without_it_and_for_a_warning_of_what_ended_well():
    assert first(read_text("ok\n"), SAID) is None
    assert first(read_text(f"UserWarning: {SAID}\nSuccessfully installed x\n"), SAID) is None


def test_an_error_counts_more_than_a_warning_before_it():
    hit, confidence = first(read_text(f"UserWarning: {SAID}\nRuntimeError: {SAID}\n"), SAID)
    assert (hit.line, confidence) == (2, "high")
    hit, confidence = first(read_text(f"UserWarning: {SAID}\n"), SAID)
    assert (hit.line, confidence) == (1, "medium")
