"""Takes each control away and expects its test to fail: `make test-controls`. No control can rot unseen.

Not here: controls that are the broker's own (22, 23: tests/integration/test_acl_matrix.py asserts each cell),
and those whose absence cannot be patched in from outside (2, 9: the signer's id and the suite are bytes of every
key; tests/vectors shows them).
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ENVELOPE = "tests/unit/envelope/test_envelope.py"
INSIDERS = "tests/unit/envelope/test_insiders.py"
PARSING = "tests/unit/notification/test_parsing.py"
STATEMENTS = "tests/unit/envelope/test_statements.py"
ROUTER = "tests/simulation/test_router.py"
SUBSCRIBER = "tests/simulation/test_subscriber.py"
DIRECTORY = "tests/unit/directory/test_directory.py"
DECISION = "tests/unit/routing/test_decision.py"


@dataclass(frozen=True)
class Row:
    """An attack (by its number in the threat table, or in words), its test, the control, what takes its place."""

    attack: str
    test: str
    control: str
    without: str


ROWS = (
    Row("1 forged sender", f"{ENVELOPE}::test_stanzas_cannot_be_cut_added_or_swapped",
        "notifier.envelope.verifying:signature_holds", "lambda *_: True"),
    Row("3 replay", f"{ROUTER}::test_a_replay_is_refused_before_and_after_a_restart",
        "notifier.routing.hub:place", "lambda *_: 'in_turn'"),
    Row("3 foreign partition", f"{ROUTER}::test_order_is_the_stream_s_and_a_stream_has_one_partition",
        "notifier.routing.hub:partition_of", "lambda *_: Anything()"),
    Row("4 reorder", f"{ROUTER}::test_order_is_the_stream_s_and_a_stream_has_one_partition",
        "notifier.routing.hub:place", "lambda *_: 'in_turn'"),
    Row("5 dropped for one", f"{SUBSCRIBER}::test_a_missing_number_is_reported_by_name_until_it_comes",
        "notifier.consumers.filling:MOST_GAPS", "1"),
    Row("6 recipients and withheld are the rules'", f"{ROUTER}::test_a_refusal_in_turn_becomes_the_tail",
        "notifier.routing.hub:_misaddressed", "lambda *_: None"),
    Row("7 passed on as if addressed", f"{INSIDERS}::test_a_stanza_that_its_originator_did_not_list_is_refused",
        "notifier.envelope.opening:stanza_hash", "lambda *_: Anything()"),
    Row("8 two texts", f"{INSIDERS}::test_two_content_keys_cannot_show_two_texts",
        "notifier.envelope.opening:hmac", "SimpleNamespace(compare_digest=lambda *_: True)"),
    Row("10 one signature of two", f"{DIRECTORY}::test_one_signature_of_two_is_not_enough",
        "notifier.directory.repository:THRESHOLD", "1"),
    Row("11 frozen directory", f"{DIRECTORY}::test_a_frozen_directory_fails_closed_after_its_grace",
        "notifier.directory.snapshot:Snapshot.check_fresh", "lambda *_: None"),
    Row("12 old rules", f"{ROUTER}::test_a_refusal_in_turn_becomes_the_tail",
        "notifier.routing.hub:_versions", "lambda slip, snapshot, now: (snapshot.directory, snapshot.rules)"),
    Row("15 revoked key", f"{DIRECTORY}::test_a_key_is_retired_and_revoked",
        "notifier.directory.model:Key.accepted", "lambda *_: True"),
    Row("17 low-order encryption key", f"{DIRECTORY}::test_low_order_encryption_keys_are_refused",
        "notifier.directory.keys:exchange", "lambda *_: b'x'"),
    Row("17 low-order signing key", f"{DIRECTORY}::test_low_order_and_malformed_signing_keys_are_refused",
        "notifier.directory.keys:bindings",
        "SimpleNamespace(crypto_core_ed25519_is_valid_point=lambda _: True)"),
    Row("19 poison record", f"{SUBSCRIBER}::test_poison_is_refused_kept_and_passed_over",
        "notifier.consumers.reading:parse_feed", "lambda value: value.no_such_thing"),
    Row("21 log injection", "tests/unit/ops/test_ops.py::test_a_text_cannot_begin_a_line_or_move_the_cursor",
        "notifier.ops.logging:_printable", "lambda text: text"),
    Row("25 wrong feed", f"{ENVELOPE}::test_a_statement_about_something_else_is_refused",
        "notifier.envelope.opening:_check_statement", "lambda *_: None"),
    Row("27 two routers", "tests/simulation/test_schedules.py",
        "notifier.transport.memory:MemoryTransactional._own", "lambda _: None"),
    Row("28 streams without end", f"{ROUTER}::test_one_originator_cannot_fill_the_hub_with_streams",
        "notifier.routing.batch:Counter", "lambda _: __import__('collections').defaultdict(int)"),
    Row("30 forged statement", f"{STATEMENTS}::test_nothing_about_a_statement_can_be_changed",
        "notifier.envelope.statements:signature_holds", "lambda *_: True"),
    Row("31 squatted id", f"{SUBSCRIBER}::test_another_text_under_a_known_id_is_kept_and_alarmed",
        "notifier.consumers.filling:Message.body_digest", "property(lambda _: bytes(32))"),
    Row("32 reflection", f"{SUBSCRIBER}::test_poison_is_refused_kept_and_passed_over",
        "notifier.consumers.reading:UNSIGNED", "frozenset()"),
    Row("freshness", f"{ROUTER}::test_freshness_is_judged_by_the_hub_s_clock",
        "notifier.routing.hub:_objection", "lambda *_: None"),
    Row("enrolment without possession", f"{DIRECTORY}::test_enrolment_asks_for_both_proofs",
        "notifier.directory.enrolment:signature_holds", "lambda *_: True"),
    Row("suppression", f"{DECISION}::test_not_to_and_release_to_suppress",
        "notifier.routing.decision:_suppressions", "lambda *_: ()"),
    Row("refugees", f"{DECISION}::test_a_refugee_s_states_are_suppressed_and_the_rest_is_held",
        "notifier.routing.decision:_origins_of_refugee", "lambda _: frozenset()"),
    Row("children", f"{DECISION}::test_until_the_safeguards_come_everything_about_a_child_is_held",
        "notifier.routing.decision:gated", "lambda _: False"),
    Row("nothing local leaves", f"{PARSING}::test_what_leaves_has_no_local_part_and_shows_no_refugee",
        "notifier.notification.model:REFUGEES", "frozenset()"),
)  # fmt: skip


def run(row: Row) -> tuple[Row, bool, str]:
    """Whether the row's test fails without its control, as it must, and what pytest said."""
    environment = os.environ | {
        "NOTIFIER_WITHOUT": f"{row.control}={row.without}",
        "PYTHONPATH": str(HERE),
        "NOTIFIER_SEEDS": "50",
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "plugin", "-p", "no:cacheprovider", row.test]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    return row, done.returncode == 1, done.stdout[-800:] + done.stderr[-800:]


def main() -> int:
    """Runs every row, two at a time; 1 where a test did not notice."""
    unseen = 0
    with ThreadPoolExecutor(2) as pool:
        for row, noticed, said in pool.map(run, ROWS):
            print(f"{'noticed' if noticed else 'UNSEEN':8} {row.attack}: without {row.control}", flush=True)
            if not noticed:
                unseen += 1
                print(said)
    print(f"{len(ROWS) - unseen} passed, {unseen} failed")
    return 1 if unseen else 0


sys.exit(main())
