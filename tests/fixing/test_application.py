"""Plans carried out on real files, taken back, and interrupted in between."""

import os
import shutil

import pytest

from envdoctor.finding import Edit, Finding, Fix, Run, Safety, SetEnv
from envdoctor.fixing import application, journal
from envdoctor.fixing.journal import CommandRun
from envdoctor.fixing.plan import applicable, edits, plan
from envdoctor.host import LocalHost


@pytest.fixture
def host(tmp_path):
    return LocalHost({**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")})


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "CMakeLists.txt").write_bytes(b"set(CMAKE_CXX_STANDARD 14)\r\n# \xff\n")
    (folder / "CMakeLists.txt").chmod(0o640)
    (folder / "setup.py").write_bytes(b"'-std=c++14'")
    return folder


def found(*steps, lasting=(), **changes):
    return Finding("m", "c", (), Fix("Raise it", steps, lasting), rule="r", **changes)


CMAKE = Edit("CMakeLists.txt", 1, "14", "17")
SETUP = Edit("setup.py", 1, "14", "17")
BOTH = found(SetEnv("A", "b"), lasting=(CMAKE, SETUP))


def applied(host, project, *findings, unsafe=True):
    items = applicable(plan(findings), unsafe)
    return list(application.apply(host, str(project), items))


def undone(host, project):
    record = next(journal.standing(host, str(project)), None)
    return list(application.undo(host, record)) if record else None


def contents(project):
    return {path.name: (path.read_bytes(), path.stat().st_mode) for path in project.iterdir()}


def test_nothing_is_planned_for_findings_without_a_fix():
    assert plan([Finding("m", "c", ())]) == ()


def test_manual_steps_and_their_company_are_never_applied():
    by_hand = found(Run("touch by-hand"), Run("touch safe", Safety.SAFE))
    unsafe = found(Run("touch unsafe", Safety.UNSAFE))
    assert applicable(plan([by_hand, unsafe]), unsafe=False) == ()
    assert [item.finding for item in applicable(plan([by_hand, unsafe]), unsafe=True)] == [unsafe]


def test_a_change_that_two_findings_ask_for_is_made_once():
    command = Run("git submodule update", Safety.SAFE)
    items = plan([BOTH, found(command, lasting=(CMAKE,)), found(command)])
    assert edits(items) == (CMAKE, SETUP) and application.commands(items) == (command,)
    assert all(item.changes for item in items) and items[0].reversible


def test_files_are_changed_and_restored_byte_for_byte(host, project):
    before = contents(project)
    assert applied(host, project, BOTH) == [("CMakeLists.txt", "changed"), ("setup.py", "changed")]
    assert (project / "CMakeLists.txt").read_bytes() == b"set(CMAKE_CXX_STANDARD 17)\r\n# \xff\n"
    assert {state for _, state in undone(host, project)} == {"restored"}
    assert contents(project) == before
    assert undone(host, project) is None


def test_an_edit_that_does_not_fit_is_left_and_the_others_are_made(host, project):
    (project / "setup.py").write_text("['-std=c++14', '-std=c++14']")
    steps = dict(applied(host, project, BOTH))
    assert steps == {"CMakeLists.txt": "changed", "setup.py:1 has more than once '14'": application.LEFT}


def test_a_file_outside_of_the_project_is_never_touched(host, project, tmp_path):
    (tmp_path / "outside").write_text("14")
    (project / "link").symlink_to(tmp_path / "outside")
    for name in ("../outside", "link", "gone"):
        ((what, how),) = applied(host, project, found(lasting=(Edit(name, 1, "14", "17"),)))
        assert how == application.LEFT and name in what
    assert (tmp_path / "outside").read_text() == "14"


def test_commands_run_in_the_project_up_to_the_first_that_fails(host, project):
    finding = found(
        Run("pwd > where", Safety.SAFE, undo="rm where"),
        Run("exit 3", Safety.SAFE),
        Run("touch never", Safety.SAFE),
    )
    assert applied(host, project, finding) == [("pwd > where", "done"), ("exit 3", "exit status 3")]
    assert (project / "where").read_text().strip() == str(project)
    assert undone(host, project) == [
        ("exit 3", "was run; what it did is not taken back"),
        ("rm where", "done"),
    ]
    assert not (project / "where").exists()


@pytest.mark.parametrize("steps", [0, 1])
def test_a_kill_between_two_steps_loses_nothing(host, project, steps):
    before = contents(project)
    running = application.apply(host, str(project), plan([BOTH]))
    for _ in range(steps):
        next(running)
    running.close()  # as a kill would: what follows never happens
    undone(host, project)
    assert contents(project) == before


def test_a_kill_after_the_record_and_before_the_file_loses_nothing(host, project, monkeypatch):
    before = contents(project)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(application, "replace_whole", killed)
    with pytest.raises(KeyboardInterrupt):
        applied(host, project, BOTH)
    assert undone(host, project) == [(str(project / "CMakeLists.txt"), "as it was")]
    assert contents(project) == before


def test_what_was_changed_since_is_left_alone_and_its_old_contents_named(host, project):
    applied(host, project, BOTH)
    (project / "setup.py").write_text("mine")
    states = dict(undone(host, project))
    assert states[str(project / "CMakeLists.txt")] == "restored"
    assert states[str(project / "setup.py")].startswith("was changed since, left alone")
    assert (project / "setup.py").read_text() == "mine"
    assert undone(host, project) is not None  # it can be tried again


def test_another_projects_journal_is_not_taken(host, project, tmp_path):
    applied(host, project, BOTH)
    assert not list(journal.standing(host, str(tmp_path)))


def test_an_undo_that_fails_can_be_tried_again_and_none_is_run_twice(host, project):
    good = Run("touch one", Safety.SAFE, undo="rm one")
    bad = Run("touch two", Safety.SAFE, undo="[ ! -e wait ] && rm two")
    (project / "wait").touch()
    applied(host, project, found(good, bad))
    assert undone(host, project) == [("[ ! -e wait ] && rm two", "exit status 1"), ("rm one", "done")]
    (project / "wait").unlink()
    assert undone(host, project) == [("[ ! -e wait ] && rm two", "done")]
    assert not (project / "two").exists() and undone(host, project) is None


def test_a_command_that_did_not_end_well_is_not_undone(host, project):
    applied(host, project, found(Run("exit 1", Safety.SAFE, undo="touch never")))
    assert undone(host, project) == [("exit 1", "was run; what it did is not taken back")]
    assert not (project / "never").exists()


def test_a_journal_that_cannot_be_read_is_in_nobodys_way(host, project, tmp_path):
    applied(host, project, BOTH)
    for number, text in ((2, "{"), (3, '{"schema": "envdoctor.journal/9", "files": []}'), (4, "[]")):
        folder = tmp_path / f"state/envdoctor/journal/{number:06d}"
        folder.mkdir()
        (folder / "journal.json").write_text(text)
    assert {state for _, state in undone(host, project)} == {"restored"}


def test_what_a_kill_left_half_written_goes_with_the_undo(host, project):
    applied(host, project, BOTH)
    (project / ".envdoctor-unfinished-abcdefgh").write_text("half")
    (project / ".envdoctor-activate.sh").write_text("somebody's own")
    undone(host, project)
    left = sorted(path.name for path in project.iterdir())
    assert left == [".envdoctor-activate.sh", "CMakeLists.txt", "setup.py"]


def test_a_folder_that_is_gone_keeps_no_other_file_from_its_undo(host, project):
    before = contents(project)
    (project / "sub").mkdir()
    (project / "sub" / "setup.py").write_bytes(b"'-std=c++14'")
    applied(host, project, found(lasting=(CMAKE, Edit("sub/setup.py", 1, "14", "17"))))
    shutil.rmtree(project / "sub")
    gone, restored = undone(host, project)
    assert "is gone, left alone" in gone[1] and restored[1] == "restored"
    assert contents(project) == before


def test_a_file_by_two_names_takes_the_edits_of_both(host, project):
    (project / "link.py").symlink_to("two.py")
    (project / "two.py").write_bytes(b"-std=c++14\n-std=c++11\n")
    link, own = Edit("link.py", 1, "14", "17"), Edit("two.py", 2, "11", "17")
    assert applied(host, project, found(lasting=(link, own))) == [("two.py", "changed")]
    assert (project / "two.py").read_bytes() == b"-std=c++17\n-std=c++17\n"
    assert (project / "link.py").is_symlink()


def test_a_command_that_was_interrupted_is_told_with_what_takes_it_back(host, project):
    record = journal.new_journal(host, str(project))
    journal.with_command(record, CommandRun("mv x y", None, "mv y x"))
    assert undone(host, project) == [("mv x y", "was not seen to end; what takes it back: mv y x")]
