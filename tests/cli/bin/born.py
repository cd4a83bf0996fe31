"""Has the notifier run by a child of the nursery (tests/support/nursery.py), passes signals on, ends as it ends."""

import contextlib
import json
import os
import signal
import socket
import sys

environment = dict(os.environ)
streams = []
for number in (0, 1, 2):
    try:
        os.fstat(number)
        streams.append(number)
    except OSError:
        pass
with socket.socket(socket.AF_UNIX) as nursery:
    nursery.connect(environment.pop("NOTIFIER_NURSERY"))
    wanted = [sys.argv[1:], os.getcwd(), environment, streams]
    socket.send_fds(nursery, [json.dumps(wanted).encode() + b"\n"], streams)
    born = int(nursery.makefile("rb", 0).readline())

    def pass_on(number, _frame):
        with contextlib.suppress(ProcessLookupError):  # it has ended, and its status comes
            os.kill(born, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, pass_on)
    status = nursery.recv(1)
sys.exit(status[0] if status else 70)
