"""What comes from elsewhere moves no cursor and turns no letters round."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebnn.errors import InfrastructureError
from edgebnn.printable import printable
from edgebnn.record import Provenance, Record
from edgebnn.unexpected import told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\nä €", "plain\ttext\nä €"),
        ("\x1b[1;31merror\x1b[0m: no", "error: no"),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x9b2J", "ab?2J"),
        ("\x1b\x1b[31m[2J", "?[2J"),  # what is left is no sequence
        ("a\rb\r\nc\x08\x7f\x85", "a?b\nc???"),
        ("\u202egpj.exe\u2066\u200b\u2028", "?gpj.exe???"),
        ("erreur\u00a0: non", "erreur : non"),
        ("\ud800\ufffd", "?\ufffd"),
    ],
)
def test_signs(text: str, shown: str) -> None:
    assert printable(text) == shown


def fit(text: str) -> bool:
    """Whether a terminal shows it and obeys nothing."""
    return all(sign.isprintable() or sign in "\n\t" for sign in text)


hostile = st.text() | st.lists(
    st.sampled_from(["\x1b", "[", "]", "2J", "\x9b", "\x07", "\\", "a", "\r", "\n", "\u202e"])
).map("".join)


@given(hostile)
@settings(derandomize=True, database=None, deadline=None)
def test_nothing_is_obeyed_wherever_it_is_shown(text: str) -> None:
    shown = printable(text)
    assert fit(shown)
    assert printable(shown) == shown
    assert fit(str(InfrastructureError(text)))
    assert fit(told(InfrastructureError(text)))
    record = Record(
        stage="device",
        run_id="one",
        parameters={},
        metrics={},
        notes={"energy": text},
        tables={"heap": [{"variable": text, "bytes": 1.0}]},
        provenance=Provenance(
            git_commit="", host="", machine=text, versions={"trainer": text}, started=""
        ),
    )
    words = (
        record.notes["energy"],
        record.provenance.machine,
        record.provenance.versions["trainer"],
    )
    assert all(map(fit, words))
    assert fit(str(record.tables["heap"][0]["variable"]))
