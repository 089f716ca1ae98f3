"""Which architectures to compile for."""

import os
import re
from dataclasses import replace

from envdoctor import architectures
from envdoctor.archs import choose, parse
from envdoctor.facts import Facts, Request, Unknown
from envdoctor.report.architectures import as_json, as_text
from envdoctor.report.style import PLAIN
from tests import factory

BARE = Facts(driver=factory.driver(), toolkit=factory.toolkit(), torch=factory.torch())


def stated(*architectures, **changes):
    return choose(replace(BARE, request=Request(architectures=architectures), **changes))


def test_a_gpu_gives_its_own_architecture_in_three_languages():
    found = choose(
        replace(BARE, driver=factory.driver(factory.gpu((9, 0)), factory.gpu((8, 0), index=1, name="A100")))
    )
    assert found.nvcc == (
        "-gencode arch=compute_80,code=sm_80",
        "-gencode arch=compute_90,code=sm_90",
        "-gencode arch=compute_90,code=compute_90",
    )
    assert (found.cmake, found.torch) == ("80-real;90", "8.0;9.0+PTX")
    assert [target.reason for target in found.targets] == ["GPU 1, A100", "GPU 0, NVIDIA H200"]
    assert not found.refusals
    assert not found.notes


def test_without_gpu_and_statement_a_default_is_called_a_default():
    found = choose(BARE)
    assert found.origin == "default"
    assert "default" in as_text(found, PLAIN).splitlines()[0]
    assert found.torch == "7.5;8.0;8.6;8.9;9.0;10.0;12.0+PTX"
    assert (
        choose(replace(BARE, toolkit=factory.toolkit("11.8"))).cmake == "75-real;80-real;86-real;89-real;90"
    )


def test_our_own_build_serves_all_of_the_default():
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), "cmake", "choose_architectures.cmake")
    with open(path, encoding="utf-8") as stream:
        (listed,) = re.findall(r"set\(ENVDOCTOR_DEFAULT_ARCHS ([\d. ]+)\)", stream.read())
    built = [architectures.parse(architecture).number for architecture in listed.split()]
    for target in choose(BARE).targets:
        number = target.architecture.number
        assert any(own // 10 == number // 10 and own <= number for own in built), number


def test_what_is_stated_wins_over_variables_gpus_and_project():
    facts = replace(
        BARE,
        environment=factory.environment(TORCH_CUDA_ARCH_LIST="8.6"),
        driver=factory.driver(factory.gpu((9, 0))),
        project=factory.project(architectures=(factory.at("75"),)),
    )
    assert choose(replace(facts, request=Request(architectures=("8.9",)))).torch == "8.9+PTX"
    assert choose(facts).torch == "8.6+PTX"
    assert choose(replace(facts, environment=factory.environment())).torch == "9.0+PTX"
    assert (
        choose(replace(facts, environment=factory.environment(), driver=factory.driver())).torch == "7.5+PTX"
    )


def test_targets_bound_to_one_family_get_no_ptx():
    found = stated("9.0a")
    assert (found.nvcc, found.cmake, found.torch) == (
        ("-gencode arch=compute_90a,code=sm_90a",),
        "90a-real",
        "9.0a",
    )
    assert any("No PTX" in note for note in found.notes)
    assert stated("8.0", "9.0a").cmake == "80;90a-real"


def test_the_project_s_special_target_is_taken_for_the_gpu_that_has_it():
    project = factory.project(architectures=(factory.at("90a", "CMakeLists.txt", 7),))
    found = choose(replace(BARE, driver=factory.driver(factory.gpu((9, 0))), project=project))
    assert found.cmake == "90a-real"
    assert "CMakeLists.txt:7" in found.targets[0].reason


def test_refusals_say_who_and_why():
    (new,) = stated("12.0", toolkit=factory.toolkit("12.4")).refusals
    assert (new.by, new.architecture.dotted) == ("nvcc 12.4.88", "12.0")
    assert "since CUDA 12.8" in new.reason
    (old,) = stated("7.0", torch=None).refusals
    assert "dropped in CUDA 13.0" in old.reason
    (suffix,) = stated("9.0a", toolkit=factory.toolkit("11.8"), torch=None).refusals
    assert "CUDA 12.0" in suffix.reason
    (renamed,) = stated("10.1", torch=None).refusals
    assert "11.0" in renamed.reason
    (torch,) = stated("10.3").refusals
    assert torch.by.startswith("torch")


def test_a_gpu_newer_than_the_toolkit_gets_older_code_and_the_reason():
    gpu = factory.driver(factory.gpu((12, 0), name="RTX 5090"))
    found = choose(replace(BARE, driver=gpu, toolkit=factory.toolkit("12.4")))
    assert found.cmake == "90"
    assert "PTX the driver compiles" in found.refusals[0].reason
    found = choose(
        replace(
            BARE,
            driver=factory.driver(factory.gpu((8, 9))),
            toolkit=factory.toolkit(architectures=("80", "86")),
        )
    )
    assert found.cmake == "86"
    assert "machine code runs there" in found.refusals[0].reason


def test_what_torch_does_not_know_is_kept_for_nvcc_and_cmake():
    found = choose(replace(BARE, driver=factory.driver(factory.gpu((10, 3)))))
    assert (found.cmake, found.torch) == ("103", "10.0+PTX")


def test_absent_and_unknown_tools_are_said_and_not_guessed():
    nothing = choose(Facts(toolkit=None, torch=None, driver=None))
    assert nothing.cmake == "80-real;86-real;89-real;90"
    assert len(nothing.notes) == 2
    assert len(choose(Facts(toolkit=Unknown("x"), torch=Unknown("x"), driver=Unknown("x"))).notes) == 3
    silent = replace(factory.toolkit(architectures=()), version=None, build=None)
    assert any("could not be determined" in note for note in choose(replace(BARE, toolkit=silent)).notes)
    assert stated("7.0", toolkit=factory.toolkit(architectures=()), torch=None).refusals


def test_lists_are_read_as_torch_cmake_and_people_write_them():
    assert [item.dotted for item in parse("8.0;8.6+PTX")] == ["8.0", "8.6"]
    assert [item.dotted for item in parse("80-real 90a-virtual,sm_120")] == ["8.0", "9.0a", "12.0"]
    assert [item.dotted for item in parse("Ampere")] == ["8.0", "8.6"]
    assert parse("native;all-major") == ()


def test_words_of_the_project_are_passed_on():
    project = factory.project(architectures=(factory.at("native"),))
    assert any("native" in note for note in choose(replace(BARE, project=project)).notes)


def test_text_and_json_tell_the_same():
    found = stated("8.0", "7.0")
    text, document = as_text(found, PLAIN), as_json(found)
    assert document["cmake"] in text
    assert document["torch"] in text
    assert document["refusals"][0]["reason"][:20] in text
