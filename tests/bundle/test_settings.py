from envdoctor.bundle.settings import for_builds, for_uv, read

LISTED = """:env:.find-links='/opt/wheels'
global.cert='/etc/ssl/certs/ca-certificates.crt'
global.constraint='/etc/xdg/pip/constraints.txt'
global.extra-index-url='https://one.example/simple https://two.example/simple'
global.find-links='/elsewhere'
install.index-url="https://user:it's@mirror.example/simple"
freeze.timeout='10'
"""


def test_what_pip_is_set_up_with():
    found = read(LISTED)
    assert found["find-links"] == ["/opt/wheels"], "a variable counts more than a file"
    assert found["index-url"] == ["https://user:it's@mirror.example/simple"]
    assert "timeout" not in found


def test_as_uv_is_told():
    told = list(for_uv(read(LISTED)))
    assert told[:2] == ["--index-strategy", "unsafe-best-match"]
    pairs = list(zip(told[2::2], told[3::2]))
    assert pairs == [
        ("--default-index", "https://user:it's@mirror.example/simple"),
        ("--index", "https://one.example/simple"),
        ("--index", "https://two.example/simple"),
        ("--find-links", "/opt/wheels"),
        ("--constraints", "/etc/xdg/pip/constraints.txt"),
    ]


def test_nothing_is_set_up():
    assert list(for_uv(read(""))) == ["--index-strategy", "unsafe-best-match"]
    assert "--no-index" in list(for_uv(read(":env:.no-index='1'\n")))
    assert "--no-index" not in list(for_uv(read("global.no-index='false'\n")))


def test_what_is_there_when_a_project_is_asked_for_its_metadata():
    assert for_builds(["torch-scatter"], ["torch==2.13.0", "Torch_Scatter>2"]) == (
        '[extra-build-dependencies]\n"torch-scatter" = ["torch==2.13.0", "setuptools", "wheel"]\n'
    )
