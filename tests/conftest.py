"""Settings that every tier shares.

No test asserts on time, so no generated example has a deadline. The examples that hypothesis draws are the same in
every run; with `NOTIFIER_LONG` they are random.
"""

import os
import signal
import tempfile

from hypothesis import settings
from xdist.workermanage import NodeManager

from support import memory
from support.drawing import examples

settings.register_profile("gate", deadline=None, derandomize=True, max_examples=examples(100))
settings.register_profile("long", deadline=None)
settings.load_profile("long" if "NOTIFIER_LONG" in os.environ else "gate")

# Homes are copied and databases synced thousands of times, which costs a disk's file system several times the
# processor time.
if (folder := memory.folder()) is not None:
    os.environ.setdefault("TMPDIR", folder)
    tempfile.tempdir = None  # where it was looked up before

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
# An end by SIGTERM or a lost terminal is an interrupt, too: fixtures end the processes that they started.
signal.signal(signal.SIGTERM, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.default_int_handler)
NodeManager.EXIT_TIMEOUT = 120  # seconds until workers are killed, whose fixtures may be ending a broker
