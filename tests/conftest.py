"""What every test may rely on."""

import signal

# A shell's background jobs ignore SIGINT and hand that down to what they start; a terminal's do not. Tests of
# Ctrl-C want a terminal's.
signal.signal(signal.SIGINT, signal.default_int_handler)
