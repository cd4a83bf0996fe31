"""Run notifier in a child of the fork server (tests/support/fork_server.py), pass signals on, end as it ends.

It runs hundreds of times: `socket` and `signal` would take longer to import than everything here, so the modules
below them serve.
"""

import _signal
import _socket
import marshal
import os
import sys

environment = dict(os.environ)
streams = []
for number in (0, 1, 2):
    try:
        os.fstat(number)
        streams.append(number)
    except OSError:
        pass
server = _socket.socket(_socket.AF_UNIX)
server.connect(environment.pop("NOTIFIER_FORK_SERVER"))
wanted = marshal.dumps([sys.argv[1:], os.getcwd(), environment, streams])
rights = b"".join(number.to_bytes(4, sys.byteorder) for number in streams)
server.sendmsg(
    [len(wanted).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)] if streams else []
)
server.sendall(wanted)
said = b""
while b"\n" not in said:
    said += server.recv(64) or sys.exit(70)
born, _, status = said.partition(b"\n")


def pass_on(number, _frame):
    try:
        os.kill(int(born), number)
    except ProcessLookupError:  # it has ended, and its status comes
        return


for number in (_signal.SIGINT, _signal.SIGTERM):
    _signal.signal(number, pass_on)
status = status or server.recv(1)
sys.exit(status[0] if status else 70)
