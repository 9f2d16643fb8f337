"""Names and words that a shell or a terminal would obey: they arrive byte for byte, and are shown as mere text."""

from __future__ import annotations

import hashlib
import io
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from edgebnn.errors import InfrastructureError
from edgebnn.farm.connection import Host
from edgebnn.farm.job import print_line
from edgebnn.farm.lease import lease
from edgebnn.farm.tables import table_of
from edgebnn.farm.transfer import get, put
from tests.test_printable import fit

few = settings(
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

obeyed = [
    *("$(touch owned)", "`touch owned`", "; touch owned #", "' touch owned '", '"', "\n", "$HOME"),
    *(
        "*",
        "~",
        "-rf",
        "--",
        "-",
        "!!",
        "%s%n",
        "\\",
        "\\n",
        "&",
        "|",
        ">owned",
        "{a,b}",
        " ",
        "\t",
    ),
    *("\x1b]0;owned\x07", "\x1b[2J", "\x9b2J", "\r", "\x7f", "\u202e", "ä", "日本", "🍓"),
]
"""By a shell, a program that takes options, or a terminal."""
words = st.lists(
    st.sampled_from(obeyed)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
    max_size=4,
).map("".join)
names = words.map(lambda word: word.replace("/", "")).filter(
    lambda word: word not in {"", ".", ".."} and len(word.encode()) < 200
)


@given(st.lists(words, max_size=8))
@few
def test_words_arrive_byte_for_byte(host: Host, home: Path, given_words: list[str]) -> None:
    script = 'test "$#" = 0 || printf "%s\\0" "$@" | od -An -v -tx1'
    said = host.run(["sh", "-c", script, "sh", *given_words]).stdout
    assert bytes.fromhex(said) == "".join(f"{word}\0" for word in given_words).encode()
    assert list(home.iterdir()) == []


@given(names, names)
@few
def test_files_get_the_names_that_were_meant(
    host: Host, home: Path, tmp_path: Path, folder: str, name: str
) -> None:
    for left in home.iterdir():  # by an example that failed
        shutil.rmtree(left)
    (home / folder).mkdir()
    (tmp_path / "sent").write_bytes(name.encode())
    digest = hashlib.sha256(name.encode()).hexdigest()
    put(host, tmp_path / "sent", f"{folder}/{name}", digest)
    assert [path.name for path in home.iterdir()] == [folder]
    assert [path.name for path in (home / folder).iterdir()] == [name]
    get(host, f"{folder}/{name}", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == name.encode()
    host.run(["rm", "--", name], folder=folder)
    assert list((home / folder).iterdir()) == []


@given(st.binary(max_size=60) | words.map(str.encode))
@few
def test_answers_are_shown_as_text(
    host: Host, home: Path, capsys: pytest.CaptureFixture[str], answer: bytes
) -> None:
    (home / "said").write_bytes(b"\x1b[2J" + answer + b"\n")
    shown: list[str] = []
    script = ["sh", "-c", "cat said; cat said >&2; exit 3"]
    done = host.try_run(script, on_line=shown.append)
    with pytest.raises(InfrastructureError) as raised:
        host.run(script)
    with pytest.raises(InfrastructureError) as refused:
        get(host, "none" + answer.replace(b"\0", b"").decode(errors="replace"), home / "back")
    with host.hold(["cat", "said"]) as held:
        shown.append(held.first)
    with lease(host, "first"):
        (home / "edgebnn" / "lease").write_bytes(b"1 " + answer + b"\n")
        with lease(host, "second") as second:
            shown.append(second.holder)
    raw = answer.decode(errors="replace")
    print_line(raw)
    table = io.StringIO()
    Console(file=table, width=400).print(table_of("jobs", [{"progress": raw}]))
    shown += [done.stdout, done.stderr, str(raised.value), str(refused.value)]
    shown += [capsys.readouterr().out, table.getvalue()]
    assert all(map(fit, shown)), shown
