"""Run notifier in a child of the fork server (tests/support/fork_server.py), pass signals on, end as it ends."""

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
with socket.socket(socket.AF_UNIX) as fork_server:
    fork_server.connect(environment.pop("NOTIFIER_FORK_SERVER"))
    wanted = [sys.argv[1:], os.getcwd(), environment, streams]
    socket.send_fds(fork_server, [json.dumps(wanted).encode() + b"\n"], streams)
    born = int(fork_server.makefile("rb", 0).readline())

    def pass_on(number, _frame):
        with contextlib.suppress(ProcessLookupError):  # it has ended, and its status comes
            os.kill(born, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, pass_on)
    status = fork_server.recv(1)
sys.exit(status[0] if status else 70)
