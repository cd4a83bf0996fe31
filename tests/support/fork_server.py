"""A process that has imported the notifier, and has a child run each command: the import is most of a command's time.

`python fork_server.py SOCKET` serves until it is ended. What is sent is what a process is: arguments, folder,
environment and open streams. The answer is the number of the process, for signals, and at its end the exit status.
"""

from __future__ import annotations

import gc
import importlib
import marshal
import os
import pkgutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "cli" / "bin"))


def main() -> None:
    """Imports everything, then serves."""
    import notifier

    for module in pkgutil.walk_packages(notifier.__path__, "notifier."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.freeze()  # a child that collects garbage need not copy every page of what was imported
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(sys.argv[1])
        listening.listen()
        print("ready", flush=True)
        while True:
            connection, _ = listening.accept()
            if not os.fork():
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _run(connection)
            connection.close()


def _run(connection: socket.socket) -> None:
    """The command, in this process; does not return."""
    from on_clock import set_clock

    from notifier.cli.main import main as notifier

    size, given, _, _ = socket.recv_fds(connection, 8, 3)
    data = connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
    arguments, folder, environment, streams = marshal.loads(data)  # by the same interpreter
    _open(dict(zip(streams, given, strict=True)))
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["notifier", *arguments]
    set_clock()
    connection.send(f"{os.getpid()}\n".encode())
    status: Any = 70
    try:
        notifier()
    except SystemExit as end:
        status = end.code or 0
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        connection.send(bytes((int(status),)))
        os._exit(int(status))


def _open(given: dict[int, int]) -> None:
    """Standard streams as the interpreter makes them: None where one is closed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if number not in given:
            os.close(number)
            setattr(sys, name, None)
            continue
        os.dup2(given[number], number)
        errors = "backslashreplace" if name == "stderr" else "strict"
        mode = "r" if name == "stdin" else "w"
        stream = open(number, mode, encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115 - it stays
        stream.reconfigure(line_buffering=name == "stderr")
        setattr(sys, name, stream)
    for descriptor in given.values():
        os.close(descriptor)


if __name__ == "__main__":
    main()
