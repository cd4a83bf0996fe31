"""Mutation testing of the pure core: python tools/mutation.py [MODULE...] [--minimum 90] [--jobs 2].

Changes one thing at a time in a copy of what is committed, and runs the tests that reach it: a change that no
test notices is a survivor. Prints the score of each module as the table of docs/internals/mutation.md, writes the
survivors with their differences to build/mutation/survivors.diff, and exits with 1 where the whole score is below the
minimum. `make mutation` installs what this needs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "build" / "mutation"
MODULES = (
    *("envelope/format", "envelope/opening", "crypto/keys", "crypto/primitives"),
    *("envelope/sealing", "envelope/statements", "envelope/verifying"),
    *("policy/decision", "policy/legs", "policy/safeguards", "routing/admission", "routing/sequence"),
    "audit/merkle",
)
TESTS = ("tests/unit/envelope", "tests/unit/audit/test_merkle.py", "tests/unit/policy", "tests/unit/routing")
APART = (
    "tests/unit/rules/test_document.py",  # about documents
    "tests/unit/policy/test_properties.py",  # draws hundreds of notifications: too slow to run for each mutant
)
COPIED = ("notifier", "schemas", "examples", "tests", "docs", "tools")
KILLED = {1, 3, -24, 24, 36, 152, 255}  # in mutmut's records: a test failed, or it did not come to an end


def main() -> int:
    """Run the mutants of the named modules, or of all."""
    parser = argparse.ArgumentParser(prog="python tools/mutation.py")
    parser.add_argument("modules", nargs="*", help=f"of {', '.join(MODULES)}")
    parser.add_argument("--minimum", type=float, default=90, help="score in percent, below which this fails")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    unknown = set(given.modules) - set(MODULES)
    if unknown:
        parser.error(f"not among the mutated modules: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="notifier-mutation-") as folder:
        copy = Path(folder) / "notifier"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(copy)], check=True)
        modules = given.modules or list(MODULES)
        (copy / "setup.cfg").write_text(settings(modules))
        mutmut = Path(sys.executable).with_name("mutmut")
        done = subprocess.run([mutmut, "run", "--max-children", str(given.jobs)], cwd=copy, check=False)
        if done.returncode:
            return done.returncode
        return report(copy, modules, mutmut, given.minimum)


def settings(modules: list[str]) -> str:
    """Return the settings of mutmut."""
    lists = {
        "source_paths": [f"notifier/{module}.py" for module in modules],
        "pytest_add_cli_args_test_selection": TESTS,
        "pytest_add_cli_args": [f"--deselect={test}" for test in APART],
        "also_copy": COPIED,
    }
    return "[mutmut]\n" + "".join(f"{name}=\n    " + "\n    ".join(values) + "\n" for name, values in lists.items())


def report(copy: Path, modules: list[str], mutmut: Path, minimum: float) -> int:
    """Print the table and write the survivors; return 1 where the score is below `minimum`."""
    shutil.rmtree(REPORT, ignore_errors=True)
    REPORT.mkdir(parents=True)
    whole: Counter[str] = Counter()
    print("\n| module | mutants | killed | survived | score |\n|---|---:|---:|---:|---:|")
    with (REPORT / "survivors.diff").open("w") as survivors:
        for module in modules:
            codes = json.loads((copy / "mutants" / "notifier" / f"{module}.py.meta").read_text())["exit_code_by_key"]
            count = Counter("killed" if code in KILLED else "survived" for code in codes.values())
            whole += count
            print(row(module, count))
            for name in (name for name, code in codes.items() if code not in KILLED):
                shown = subprocess.run([mutmut, "show", name], cwd=copy, capture_output=True, text=True, check=False)
                print(shown.stdout, file=survivors)
    print(row("all", whole))
    print(f"\nsurvivors: {(REPORT / 'survivors.diff').relative_to(ROOT)}")
    return 1 if score(whole) < minimum else 0


def row(name: str, count: Counter[str]) -> str:
    """Return one line of the table."""
    return f"| {name} | {count.total()} | {count['killed']} | {count['survived']} | {score(count):.1f} % |"


def score(count: Counter[str]) -> float:
    """Killed mutants in a hundred."""
    return 100 * count["killed"] / max(count.total(), 1)


if __name__ == "__main__":
    sys.exit(main())
