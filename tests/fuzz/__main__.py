"""Coverage-guided fuzzing of every parser: `python tests/fuzz [TARGET...] --seconds 30` (or `--runs 100000`).

Each target runs in a process of its own, with capped memory and a time limit for one input, and starts from
its committed corpus. What is found on the way stays below `build/fuzz/` and is where the next run goes on; a
finding ends up there too, and the exit status is 1. `make fuzz SECONDS=30` installs what this needs.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
WORK = HERE.parents[1] / "build" / "fuzz"
MEMORY_MB = 1024
INPUT_SECONDS = 5
LONGEST_INPUT = 24 * 1024
sys.path.insert(0, str(HERE.parent))


def main() -> int:
    """Runs the targets one after the other; 1 where one has a finding."""
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description="Fuzz the parsers.")
    parser.add_argument("targets", nargs="*", help="which ones; all, where none is named")
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument("--runs", type=int, default=-1, help="inputs for each target, at most")
    parser.add_argument("--seeds", action="store_true", help="write the valid seeds anew, and end")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        return _fuzz(given.targets[0], given.seconds, given.runs)
    from fuzz.seeds import write
    from fuzz.targets import TARGETS

    if given.seeds:
        write(CORPUS)
        return 0
    unknown = set(given.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    findings = [name for name in given.targets or TARGETS if not _clean(name, given.seconds, given.runs)]
    print(f"findings in: {', '.join(findings)}" if findings else "no findings")
    return 1 if findings else 0


def _clean(name: str, seconds: int, runs: int) -> bool:
    """Whether the target ran to its end; says how far it came, and where a finding is."""
    (WORK / name).mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(HERE), "--inside", name, "--seconds", str(seconds), "--runs", str(runs)]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    lines = done.stderr.splitlines()
    last = next((line for line in reversed(lines) if "cov:" in line), "no coverage was reported")
    print(f"{name:20} {time.monotonic() - started:4.0f} s  {last.partition(chr(9))[2].strip() or last}", flush=True)
    if done.returncode:
        told = [line for line in lines if not line.startswith(("#", "INFO", "WARNING", "Instrumenting", "stat::"))]
        print(done.stdout[-4000:], *told[-15:], sep="\n")
    return done.returncode == 0


def _fuzz(name: str, seconds: int, runs: int) -> int:
    """One target, in this process; libFuzzer ends it."""
    try:
        import atheris
    except ImportError:
        print("atheris is not installed: pip install '.[evidence]' (CPython 3.11 to 3.13 on Linux)", file=sys.stderr)
        return 2
    resource.setrlimit(resource.RLIMIT_AS, (4 * MEMORY_MB << 20, 4 * MEMORY_MB << 20))
    with atheris.instrument_imports(
        include=["notifier", "json", "tomllib", "fastavro._read_py", "fastavro.io.binary_decoder"]
    ):
        from fuzz.targets import TARGETS
    target = TARGETS[name]
    found = WORK / name
    arguments = [
        sys.argv[0],
        f"-max_total_time={seconds}",
        f"-runs={runs}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-timeout={INPUT_SECONDS}",
        f"-max_len={LONGEST_INPUT}",
        f"-dict={HERE / 'words.dict'}",
        f"-artifact_prefix={found}/finding-",
        "-print_final_stats=1",
        str(found),
        str(CORPUS / name),
    ]

    def once(data: bytes) -> None:
        target(data)

    atheris.Setup(arguments, once)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
