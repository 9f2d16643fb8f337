"""`~` in a path is a home folder, or the message says why there is none."""

import os
import pwd

import pytest

from edgebnn.errors import ConfigError
from edgebnn.home import at_home

ME = pwd.getpwuid(os.getuid())


@pytest.mark.parametrize(
    ("path", "home", "expected"),
    [
        ("~/out", "/h/ann", "/h/ann/out"),
        ("~", "/h/ann", "/h/ann"),
        ("~/a b/~", "/h/ann b", "/h/ann b/a b/~"),
        ("~//out", "/h/ann", "/h/ann//out"),
        (f"~{ME.pw_name}/out", "/elsewhere", f"{ME.pw_dir}/out"),
        ("~/out", None, f"{ME.pw_dir}/out"),
        ("out/~", "/h/ann", "out/~"),
        ("./~", "/h/ann", "./~"),
        ("/~/x", "/h/ann", "/~/x"),
        ("", "/h/ann", ""),
    ],
)
def test_home(monkeypatch: pytest.MonkeyPatch, path: str, home: str | None, expected: str) -> None:
    monkeypatch.delenv("HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    assert at_home(path) == expected


def test_a_name_that_no_one_has() -> None:
    with pytest.raises(ConfigError, match=r"'~nobody-has-it/x': .*no user 'nobody-has-it' here"):
        at_home("~nobody-has-it/x")


@pytest.mark.parametrize("home", ["", "not/absolute", None])
def test_no_home(monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    monkeypatch.delenv("HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    monkeypatch.setattr(
        os.path, "expanduser", lambda path: home or path
    )  # a user id without a name
    with pytest.raises(ConfigError, match=r"'~/out': ~ has no home folder .*write the whole path"):
        at_home("~/out")
