"""The error tree, sorted by who must act.

EdgebnnError
├── ConfigError          the user mends a file or an argument; nothing has run
├── InfrastructureError  a machine, a network or a disk failed; worth another try
│   └── PassingError     it may mend itself: silence, a dropped connection, heat
└── JobError             the job itself failed (a NaN loss, the trainer's own error)

The command line prints the message alone and exits with `exit_status`; no failure
ever writes a record. Other exit statuses: 70, an error that no one foresaw, whose traceback
is in the file that its line names (unexpected.py); 130, interrupted; 141, its reader has gone;
of the workflow's stages, 128 and its number for a signal (ended.py).
"""

from edgebnn.printable import printable
from edgebnn.secrecy import masked


class EdgebnnError(Exception):
    """Base of every error that edgebnn raises on purpose. Its message holds no secret and is fit for a terminal."""

    exit_status = 1

    def __str__(self) -> str:
        return masked(printable(super().__str__()))


class ConfigError(EdgebnnError):
    """Something the user wrote is wrong: the message names file, key, value and what is allowed."""

    exit_status = 2


class InfrastructureError(EdgebnnError):
    """Something between the user and the result failed: host, network, disk, port."""

    exit_status = 3


class PassingError(InfrastructureError):
    """An infrastructure failure that may pass: the same device may do well a moment later."""


class JobError(EdgebnnError):
    """The job ran and failed by itself; the message ends with its last lines."""

    exit_status = 1
