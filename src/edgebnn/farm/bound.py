"""A command that never outlives the SSH session that runs it.

When a connection drops, an SSH server closes the command's standard input and lets it run on. So a
second process waits for that end of input, and then kills the process group, which every SSH server
makes for each session: the command, all that it started, and the watcher itself.
"""

from __future__ import annotations

_BOUND = """
exec 3<&0
"$@" </dev/null 3<&- &
job=$!
{ read -r _; kill -KILL 0; } <&3 >/dev/null 2>&1 &
exec 3<&-
watch=$!
wait $job
status=$?
kill $watch 2>/dev/null
exit $status
"""


def bound(argv: list[str]) -> list[str]:
    """The command bound to its session; it gets no input, its output and exit status pass through."""
    return ["sh", "-c", _BOUND, "sh", *argv]
