"""The command line of edgebnn that waits for silent hosts for seconds where people's waits for a minute."""

import sys

from edgebnn.cli import main
from edgebnn.farm import connection, lease, transport

transport.KEEPALIVE_S, transport.DROP_AFTER_S = 1.0, 4.0
transport.ANSWER_WITHIN_S = connection.ANSWER_WITHIN_S = 10
connection.COMMAND_WITHIN_S = 8.0
lease.BEAT_S, lease.SILENT_S = 1.0, 8.0

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
