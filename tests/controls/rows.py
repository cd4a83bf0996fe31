"""The table: an attack (by its number in the threat table, or in words), its test, and what takes its controls away.

The broker's own controls (22, 23) cannot be taken away here: their rows take them out of the list of grants, and
tests/integration/test_acl_matrix.py asserts each cell on a real broker.
"""

from __future__ import annotations

from dataclasses import dataclass

PARSING = "tests/unit/notification/test_parsing.py"
ROUTER = "tests/simulation/test_router.py"
DIRECTORY = "tests/unit/directory/test_directory.py"
TERRITORIES = "tests/unit/routing/test_territories.py"
APPROVALS = "tests/unit/producers/test_approvals.py"
DECISION = "tests/unit/routing/test_decision.py"
FORWARDING = "tests/unit/routing/test_forwarding.py"
PASSED_ON = "tests/simulation/test_forwarding.py"
CASE = "tests/simulation/test_updates.py"
UPDATES = "tests/unit/routing/test_updates.py"
TYPES = "tests/unit/routing/test_types.py"
FIELDS = "tests/unit/notification/test_fields.py"
PROPERTIES = "tests/unit/routing/test_properties.py"
FETCHING = "tests/unit/directory/test_fetching.py"
HUB = "tests/unit/routing/test_hub.py"


@dataclass(frozen=True)
class Row:
    """`without` has one ``module:attribute = expression`` a line (tests/controls/plugin.py)."""

    attack: str
    test: str
    without: str


def attack(name: str, test: str, *without: str) -> Row:
    """A row of an attack's own module."""
    module, _, function = test.partition("::")
    return Row(name, f"tests/attacks/test_{module}.py::{function}", "\n".join(without))


# A client of the directory that begins anew each time.
FORGETFUL = (
    "notifier.directory.client:DirectoryClient._updater = lambda self, *rest: "
    "[module('shutil').rmtree(self._cache.path('metadata'), ignore_errors=True), original(self, *rest)][1]"
)

# A hub that judges by the versions before the current ones, whichever a slip names.
ANY_VERSION = (
    "notifier.routing.hub:_versions = lambda slip, snapshot, now: "
    "(snapshot.previous_directory or snapshot.directory, snapshot.previous_rules or snapshot.rules)"
)

ATTACKS = (
    attack("1 forged sender", "01_forged_sender::test_the_hub_takes_nothing_in_another_s_name",
           "notifier.envelope.verifying:signature_holds = lambda *_: True"),
    attack("1 wrong authority for the key", "01_forged_sender::test_the_hub_takes_nothing_in_another_s_name",
           "notifier.envelope.verifying:check_signer = "
           "lambda prefix, header, hub_id, signer, *_: signer(prefix.signer)"),
    attack("1 forged sender, at the recipient",
           "01_forged_sender::test_a_recipient_takes_nothing_in_another_s_name_from_the_hub_either",
           "notifier.envelope.verifying:signature_holds = lambda *_: True"),
    attack("2 authorship theft", "02_authorship_theft::test_the_signer_s_key_is_bound_into_every_key",
           "notifier.envelope.format:Prefix.hh = property(lambda self: blake(b'ntf1/header', self.header_bytes))"),
    attack("3 replay", "03_replay::test_a_replay_is_refused_before_and_after_a_restart",
           "notifier.routing.hub:place = lambda *_: 'in_turn'"),
    attack("3 replay after a restart", "03_replay::test_a_replay_is_refused_before_and_after_a_restart",
           "notifier.routing.partition:_apply = lambda record, _streams: original(record, {})"),
    attack("3 foreign partition", "03_replay::test_a_stream_has_one_partition",
           "notifier.routing.hub:partition_of = lambda *_: Anything()"),
    attack("3 another hub", "03_replay::test_an_envelope_for_one_hub_is_none_for_another",
           "notifier.envelope.verifying:check_signer = "
           "lambda prefix, header, _hub, *rest: original(prefix, header, header.hub_id, *rest)"),
    attack("3 the delivery again", "03_replay::test_a_delivery_that_comes_again_is_one_message",
           "notifier.consumers.inbox:Inbox.digest = lambda self, *parts: self._runtime.entropy(32)"),
    attack("4 reorder", "04_reorder::test_shuffled_records_change_nothing_until_they_come_in_turn",
           "notifier.routing.hub:place = lambda *_: 'in_turn'"),
    attack("5 dropped for one", "05_dropped_for_one::test_a_recipient_names_what_was_kept_from_it",
           "notifier.consumers.filling:Batch._follow = nothing"),
    attack("6 recipients and withheld are the rules'", "06_recipients::test_an_originator_tells_whom_the_rules_say",
           "notifier.routing.hub:_misaddressed = lambda *_: None"),
    attack("6 the list is signed", "06_recipients::test_the_operator_cannot_edit_the_list",
           "notifier.envelope.sealing:stanza_hashes = lambda hh, stanzas: [b''] * len(stanzas)",
           "notifier.envelope.verifying:stanza_hashes = lambda hh, stanzas: [b''] * len(stanzas)"),
    attack("6 the list is rebuilt", "06_recipients::test_an_originator_has_no_hidden_addressee",
           "notifier.routing.hub:check_stanzas = lambda envelope, slip, recipient: "
           "{recipient(one.rid)[0].name: one.rid for one in envelope.parts.stanzas if recipient(one.rid)}"),
    attack("6 renumbered", "06_recipients::test_a_stanza_by_somebody_who_knows_every_secret_is_not_the_listed_one",
           "notifier.envelope.opening:stanza_hash = lambda *_: Anything()"),
    attack("7 passed on as if addressed", "07_passing_on::test_nobody_is_made_an_addressee",
           "notifier.envelope.opening:stanza_hash = lambda *_: Anything()"),
    attack("8 two texts", "08_two_texts::test_a_second_content_key_opens_for_nobody",
           "notifier.envelope.opening:hmac = SimpleNamespace(compare_digest=lambda *_: True)"),
    attack("9 suite not listed", "09_downgrade::test_a_suite_that_nobody_listed_is_refused",
           "notifier.envelope.verifying:read_prefix = lambda raw, _suites: original(raw, range(256))",
           "notifier.envelope.opening:read_prefix = lambda raw, _suites: original(raw, range(256))",
           "notifier.directory.model:Key.suite = property(lambda _: Anything(), lambda *_: None)",
           "notifier.envelope.format:Prefix.hh = "
           "property(lambda self: blake(b'ntf1/header', self.signer + self.header_bytes))"),
    attack("9 suite not bound", "09_downgrade::test_where_two_suites_are_read_the_byte_is_still_bound",
           "notifier.envelope.format:Prefix.hh = "
           "property(lambda self: blake(b'ntf1/header', self.signer + self.header_bytes))"),
    attack("10 one signature of two", "10_poisoned_directory::test_one_signature_of_two_is_not_enough",
           "notifier.directory.repository:THRESHOLD = 1"),
    attack("10 put in by force",
           "10_poisoned_directory::test_a_version_with_one_signature_put_in_by_force_is_refused",
           "tuf.api._payload:_DelegatorMixin.verify_delegate = lambda *_: None"),
    attack("10 altered target", "10_poisoned_directory::test_an_altered_document_is_refused",
           "tuf.api._payload:TargetFile.verify_length_and_hashes = lambda *_: None"),
    attack("10 another role", "10_poisoned_directory::test_the_holders_of_one_role_change_nothing_of_the_other",
           "notifier.directory.repository:DelegatedRole = "
           "lambda name, keys, threshold, **_: original(name, keys, threshold, False, paths=['*/*'])"),
    attack("10 another root", "10_poisoned_directory::test_another_root_is_another_hub",
           "tuf.api._payload:_DelegatorMixin.verify_delegate = lambda *_: None"),
    attack("11 rolled back", "11_frozen_directory::test_an_older_directory_is_refused", FORGETFUL),
    attack("11 rolled back rules", "11_frozen_directory::test_older_rules_under_a_new_timestamp_are_refused",
           FORGETFUL),
    attack("11 expired", "11_frozen_directory::test_a_frozen_directory_ends_with_its_grace",
           "notifier.directory.snapshot:Snapshot.check_fresh = lambda *_: None"),
    attack("11 expired, after a new start", "11_frozen_directory::test_the_grace_is_not_renewed_by_starting_again",
           "notifier.directory.client:DirectoryClient._now = "
           "lambda self: dt.datetime.fromtimestamp(1_795_000_000, dt.UTC)"),
    attack("11 frozen hub", "11_frozen_directory::test_a_hub_decides_nothing_upon_it",
           "notifier.directory.snapshot:Snapshot.check_fresh = lambda *_: None"),
    attack("11 frozen recipient", "11_frozen_directory::test_a_recipient_neither_accepts_nor_skips",
           "notifier.directory.snapshot:Snapshot.check_fresh = lambda *_: None"),
    attack("11 frozen publisher", "11_frozen_directory::test_a_publisher_seals_nothing",
           "notifier.directory.snapshot:Snapshot.check_fresh = lambda *_: None"),
    attack("12 old rules", "12_old_rules::test_old_rules_serve_a_day_and_no_longer", ANY_VERSION),
    attack("12 rules of two versions ago", "12_old_rules::test_rules_of_two_versions_ago_do_not_serve_at_all",
           ANY_VERSION),
    attack("12 a directory from before a revocation",
           "12_old_rules::test_a_directory_from_before_a_revocation_does_not_serve_at_all",
           "notifier.directory.model:Directory.revoked_since = lambda *_: False"),
    attack("12 versions to come", "12_old_rules::test_versions_that_nobody_signed_are_not_taken_at_their_word",
           ANY_VERSION),
    attack("13 edited tile", "13_rewritten_history::test_every_edited_byte_is_found",
           "notifier.audit.verify:_check_tiles = lambda *_: None"),
    attack("13 edited record", "13_rewritten_history::test_every_edited_byte_is_found",
           "notifier.audit.verify:_check_records = lambda *_: None"),
    attack("13 signed upon an edited log", "13_rewritten_history::test_an_auditor_signs_nothing_upon_an_edited_log",
           "notifier.audit.store:LogStore._restore = lambda self: original(self) if not self.size else "
           "(lambda last: (Frontier([[leaf_hash(one) for one in last]]), last, Leaf.decode(last[-1]).offset + 1))"
           "(tiles.decode_bundle(self._path(TileName(None, 0, self.size).path).read_bytes()))"),
    attack("13 written anew", "13_rewritten_history::test_a_log_written_anew_is_not_the_one_that_others_saw",
           "notifier.audit.merkle:verify_consistency = lambda *_: None"),
    attack("15 revoked key", "15_stolen_key::test_a_backdated_envelope_after_the_revocation_is_refused",
           "notifier.directory.model:Key.accepted = lambda *_: True"),
    attack("15 revoked key, by the sender's clock",
           "15_stolen_key::test_a_backdated_envelope_after_the_revocation_is_refused",
           "notifier.routing.partition:judge = lambda readable, *rest, now, **named: "
           "original(readable, *rest, now=readable.header.issued_at, **named)"),
    attack("15 permission, at the hub", "15_stolen_key::test_a_key_says_no_more_than_its_authority_may",
           "notifier.routing.hub:_objection = lambda *_: None"),
    attack("15 permission, at the recipient", "15_stolen_key::test_a_key_says_no_more_than_its_authority_may",
           "notifier.consumers.reading:_notification = lambda body, *_: decode(body.notification)"),
    attack("15 restrictions are dated", "15_stolen_key::test_a_restriction_counts_from_its_date",
           "notifier.directory.model:Authority._standing = "
           "lambda self, at: Standing(at, self.state, self.publishes)"),
    attack("15 a restriction, at the recipient", "15_stolen_key::test_a_restriction_counts_from_its_date",
           "notifier.directory.model:Authority.active_at = lambda *_: True"),
    attack("17 low-order encryption key", "17_weak_keys::test_an_encryption_key_of_low_order_is_refused",
           "notifier.directory.keys:exchange = lambda *_: b'x'"),
    attack("17 malformed signing key", "17_weak_keys::test_a_signing_key_outside_the_main_subgroup_is_refused",
           "notifier.directory.keys:bindings = "
           "SimpleNamespace(crypto_core_ed25519_is_valid_point=lambda _: True)"),
    attack("17 enrolment", "17_weak_keys::test_no_such_key_is_enrolled",
           "notifier.directory.enrolment:check_encryption_key = lambda _: None",
           "notifier.directory.enrolment:exchange = lambda *_: bytes(32)"),
    attack("17 in the directory", "17_weak_keys::test_a_directory_that_lists_one_is_refused",
           "notifier.directory.document:check_encryption_key = lambda _: None",
           "notifier.directory.document:check_signing_key = lambda _: None"),
    attack("17 on use, at the hub", "17_weak_keys::test_what_everybody_could_open_nobody_opens",
           "notifier.envelope.verifying:exchange = otherwise(original, bytes(32))"),
    attack("17 on use, at the recipient", "17_weak_keys::test_what_everybody_could_open_nobody_opens",
           "notifier.envelope.opening:exchange = otherwise(original, bytes(32))"),
    attack("19 refusals at the hub", "19_poison::test_a_partition_keeps_moving",
           "notifier.routing.hub:EnvelopeError = ZeroDivisionError",
           "notifier.routing.partition:_examined = "
           "lambda record, hub: examine(record.value, hub.snapshot.directory, hub.decryption)"),
    attack("19 refusals at a recipient", "19_poison::test_a_feed_keeps_moving",
           "notifier.consumers.reading:EnvelopeError = ZeroDivisionError",
           "notifier.consumers.subscriber:_read_one = "
           "lambda record, recipient, now: read(record.value, recipient, now)"),
    attack("19 the unforeseen, at the hub",
           "19_poison::test_a_fault_of_the_software_at_the_hub_costs_one_record",
           "notifier.routing.partition:_examined = "
           "lambda record, hub: examine(record.value, hub.snapshot.directory, hub.decryption)"),
    attack("19 the unforeseen, at a recipient",
           "19_poison::test_a_fault_of_the_software_at_a_recipient_costs_one_record",
           "notifier.consumers.subscriber:_read_one = "
           "lambda record, recipient, now: read(record.value, recipient, now)"),
    attack("24 a hub that goes by headers", "24_forged_headers::test_headers_and_keys_change_nothing",
           "notifier.routing.partition:_examined = lambda record, hub: Unreadable(bytes(32), 'malformed') "
           "if (b'org.notifier.notice.v1' in dict(record.headers).values()) else original(record, hub)"),
    attack("24 a recipient that goes by headers", "24_forged_headers::test_headers_and_keys_change_nothing",
           "notifier.consumers.subscriber:_read_one = "
           "lambda record, *rest: module('notifier.consumers.reading').Notice() "
           "if (b'org.notifier.notice.v1' in dict(record.headers).values()) else original(record, *rest)"),
    attack("24 a tombstone over a stream", "24_forged_headers::test_a_stream_is_not_forgotten_by_deleting_it",
           "notifier.routing.partition:_apply = lambda record, streams: "
           "(streams.clear(), 0)[1] if record.value is None else original(record, streams)"),
    attack("24 a stream's memory taken away",
           "24_forged_headers::test_where_the_operator_takes_all_memory_of_it_a_recipient_still_has_its_own",
           "notifier.consumers.inbox:Inbox.digest = lambda self, *parts: self._runtime.entropy(32)"),
    attack("25 wrong feed", "25_wrong_feed::test_another_s_delivery_is_not_ours",
           "notifier.envelope.opening:_check_statement = lambda *_: None"),
    attack("25 wrong feed, nobody addressed", "25_wrong_feed::test_our_delivery_is_not_another_s",
           "notifier.envelope.opening:_check_statement = lambda *_: None"),
    attack("25 another's statement", "25_wrong_feed::test_a_statement_for_another_tells_an_originator_nothing",
           "notifier.producers.courier:verify_statement = "
           "lambda *rest, **named: original(*rest, **named)._replace(kind='decision', audience=Anything())"),
    attack("30 forged rejection", "30_forged_statements::test_a_forged_rejection_is_not_believed",
           "notifier.envelope.statements:signature_holds = lambda *_: True"),
    attack("30 a path that is not bound", "30_forged_statements::test_a_forged_rejection_is_not_believed",
           "notifier.envelope.statements:_signed_form = lambda *_: b''"),
    attack("30 forged acceptance", "30_forged_statements::test_a_forged_acceptance_opens_nothing",
           "notifier.envelope.opening:_check_statement = lambda *_: None"),
    attack("30 a neighbour's leaf", "30_forged_statements::test_a_neighbour_s_leaf_cannot_be_guessed",
           "notifier.routing.batch:Statement = lambda salt, **rest: original(bytes(16), **rest)"),
    attack("31 another's id", "31_squatted_id::test_another_authority_s_message_under_the_same_id_is_its_own",
           "notifier.consumers.reading:Message.originator = 'anybody'"),
    attack("31 another text", "31_squatted_id::test_another_text_from_the_same_is_kept_and_alarmed",
           "notifier.consumers.filling:Message.body_digest = property(lambda _: bytes(32))"),
    attack("32 reflection at the hub", "32_reflection::test_the_hub_tells_nobody_what_nobody_signed",
           "notifier.envelope.verifying:signature_holds = lambda *_: True"),
    attack("32 reflection at a recipient", "32_reflection::test_a_recipient_owes_nobody_an_answer_for_it",
           "notifier.consumers.reading:UNSIGNED = frozenset()"),
    attack("21 log injection", "21_log_injection::test_a_text_cannot_begin_a_line_or_move_the_cursor",
           "notifier.ops.logging:_printable = lambda text: text"),
    attack("21 by an exception", "21_log_injection::test_an_exception_s_text_cannot_either",
           "notifier.ops.logging:_printable = lambda text: text"),
    attack("21 in what is shown", "21_log_injection::test_no_text_of_a_sender_acts_on_its_reader",
           "notifier.cli.inbox:escaped = lambda text: text"),
    attack("21 in a file", "21_log_injection::test_no_text_of_a_sender_acts_on_its_reader",
           "notifier.escaping:_IN_JSON = re.compile('(?!)')"),
    attack("21 by a hub's reason", "21_log_injection::test_no_text_of_a_hub_acts_at_an_originator",
           "notifier.producers.courier:REASONS = Everything()"),
    attack("27 no fence", "27_two_routers::test_a_router_that_comes_back_writes_nothing",
           "notifier.transport.memory:MemoryTransactional._own = lambda _: None"),
    attack("27 an id for each router", "27_two_routers::test_a_router_that_comes_back_writes_nothing",
           "notifier.routing.partition:router_transactional_id = lambda _: module('secrets').token_hex(8)"),
    attack("27 a position that goes back", "27_two_routers::test_a_position_never_goes_back",
           "notifier.transport.memory:MemoryTransactional._own = lambda _: None"),
    attack("28 size cap", "28_flood::test_what_is_too_large_is_not_looked_at",
           "notifier.envelope.verifying:parse_record = lambda name, data: codec(name).decode(data)"),
    attack("28 a transaction without end", "28_flood::test_a_transaction_has_an_end",
           "notifier.routing.partition:_by_output = lambda reads: [reads]"),
    attack("28 streams without end", "28_flood::test_one_authority_cannot_fill_the_hub_with_streams",
           "notifier.routing.batch:Counter = lambda _: module('collections').defaultdict(int)"),
    attack("28 looking without end", "28_flood::test_naming_versions_to_come_does_not_slow_the_rest",
           "notifier.routing.router:LOOK_AGAIN_S = 0"),
    attack("47 slow at a start", "47_slow_directory::test_a_byte_a_second_does_not_stop_a_start[drip]",
           "notifier.directory.fetching:Deadline._over = lambda _: None",
           "notifier.directory.fetching:Deadline.left = lambda _: 60.0"),
    attack("47 slow where it is decided", "47_slow_directory::test_a_refresh_that_never_ends_delays_nobody",
           "notifier.routing.router:Router._decide = "
           "lambda self, *rest: after(self._directory.refresh(), lambda: original(self, *rest))"),
    attack("22 another's feed", "22_foreign_topics::test_an_authority_reads_its_feed_and_writes_intake",
           "notifier.sandbox.acls:_authority = lambda authority: "
           "[*original(authority), Grant(authority.principal, 'topic', 'notifier.feed.TUR.spoc.v1', 'read')]"),
    attack("22 writing for the hub", "22_foreign_topics::test_an_authority_reads_its_feed_and_writes_intake",
           "notifier.sandbox.acls:_authority = lambda authority: "
           "[*original(authority), Grant(authority.principal, 'topic', authority.feed, 'write')]"),
    attack("22 a hub that reads feeds", "22_foreign_topics::test_the_hub_s_services_do_their_own_work",
           "notifier.sandbox.acls:_router = lambda feeds, partitions: "
           "[*original(feeds, partitions), *(Grant('router', 'topic', feed, 'read') for feed in feeds)]"),
    attack("22 rights by pattern", "22_foreign_topics::test_a_right_names_one_principal_and_one_topic",
           "notifier.sandbox.acls:_router = lambda *rest: [*original(*rest), Grant('router', 'topic', '*', 'read')]"),
    attack("22 suspended", "22_foreign_topics::test_a_suspended_authority_has_no_right_and_no_feed",
           "notifier.directory.model:Authority.active = property(lambda _: True)"),
    attack("22 granted by default", "22_foreign_topics::test_what_is_not_granted_is_denied",
           "notifier.sandbox.broker:_PROPERTIES = original.replace('if.no.acl.found=false', 'if.no.acl.found=true')"),
    attack("23 a group for two", "23_foreign_groups::test_each_belongs_to_one_principal",
           "notifier.sandbox.acls:_authority = lambda authority: "
           "[*original(authority), Grant(authority.principal, 'group', ROUTER_GROUP, 'read')]"),
    attack("23 a foreign group", "23_foreign_groups::test_an_authority_has_its_own_group_and_no_transaction",
           "notifier.sandbox.acls:_authority = lambda authority: "
           "[*original(authority), Grant(authority.principal, 'group', 'notifier.TUR.spoc', 'read')]"),
    attack("23 a router's transactional id",
           "23_foreign_groups::test_an_authority_has_its_own_group_and_no_transaction",
           "notifier.sandbox.acls:_authority = lambda authority: [*original(authority), "
           "Grant(authority.principal, 'transactional_id', router_transactional_id(0), 'write')]"),
    attack("20 caps before parsing", "20_bombs::test_a_bomb_is_one_clean_refusal",
           "notifier.envelope.format:ENVELOPE_BYTES = 2**40"),
    attack("20 a document's size", "20_bombs::test_a_bomb_is_one_clean_refusal",
           "notifier.notification.checking:DOCUMENT_BYTES = 2**40"),
    attack("20 a document's depth", "20_bombs::test_a_bomb_is_one_clean_refusal",
           "notifier.notification.checking:_check_depth = lambda *_: None"),
    attack("20 faults without end", "20_bombs::test_a_bomb_is_one_clean_refusal",
           "notifier.errors:MOST_FAULTS = 2**40"),
    attack("20 compressed batches", "20_bombs::test_nothing_is_compressed",
           "notifier.sandbox.administration:Topic = lambda name, partitions, settings: "
           "original(name, partitions, {**settings, 'compression.type': 'producer'})"),
    attack("33 a nationality's code", "33_refugee::test_everybody_sees_what_they_would_of_somebody_else[a code]",
           "notifier.notification.model:REFUGEES = frozenset()"),
    attack("33 the kind of a document",
           "33_refugee::test_everybody_sees_what_they_would_of_somebody_else[the kind of a document]",
           "notifier.notification.model:REFUGEE_DOCUMENTS = frozenset()"),
    attack("33 a machine readable zone",
           "33_refugee::test_everybody_sees_what_they_would_of_somebody_else[the nationality in a zone]",
           "notifier.notification.model:Document.of_refugee = property(lambda self: self.kind in REFUGEE_DOCUMENTS)"),
    attack("33 what is taken out before sealing",
           "33_refugee::test_everybody_sees_what_they_would_of_somebody_else[all of them]",
           "notifier.producers.letters:for_sealing = lambda notification: "
           "replace(original(notification), subject=notification.subject)"),
    attack("33 the state that is feared",
           "33_refugee::test_everybody_sees_what_they_would_of_somebody_else[the status]",
           "notifier.routing.safeguards:is_feared = lambda *_: False"),
    attack("33 the order of events",
           "33_refugee::test_a_status_that_is_known_later_is_told_by_no_order_of_events[a code]",
           "notifier.producers.ties:_not_told_for_fear = lambda *_: {}",
           "notifier.routing.safeguards:origins_of_refugee = lambda *_: frozenset()"),
    attack("33 a resend", "33_refugee::test_a_resend_with_the_status_is_refused",
           "notifier.producers.outbox:Outbox._known = lambda self, row, _, state: Stored("
           "_text(row.notification_id), Plan.from_document(self._open('plan', row.notification_id, row.plan)), "
           "*state)"),
    attack("34 self-approval", "34_own_exception::test_nobody_releases_what_they_submitted[their own]",
           "notifier.producers.work:held_of = lambda *said: replace(original(*said), submitted_by='nobody')"),
    attack("34 in another's name", "34_own_exception::test_nobody_releases_what_they_submitted[in another's name]",
           "notifier.producers.approvals:signature_holds = lambda *_: True"),
    attack("34 unsigned", "34_own_exception::test_nobody_releases_what_they_submitted[without a signature]",
           "notifier.producers.approvals:signature_holds = lambda *_: True"),
    attack("34 retired", "34_own_exception::test_nobody_releases_what_they_submitted[a retired person's]",
           "notifier.producers.people:People._person = "
           "lambda self, row: replace(original(self, row), retired=None)"),
    attack("34 without the permission",
           "34_own_exception::test_nobody_releases_what_they_submitted[a person's who may not]",
           "notifier.producers.approvals:NEEDS = dict.fromkeys(NEEDS, 'release')"),
    attack("34 for another digest",
           "34_own_exception::test_nobody_releases_what_they_submitted[for another text]",
           "notifier.producers.approvals:_check_content = lambda ruling, held, person: "
           "original(ruling, replace(held, notification_digest=ruling.notification_digest), person)"),
    attack("34 in the file", "34_own_exception::test_an_approval_in_the_file_releases_nothing",
           "notifier.producers.publisher:planned = lambda notification, *rest: "
           "original(notification, *rest, notification.local.approvals)"),
)  # fmt: skip

OTHERS = (
    Row("freshness", f"{ROUTER}::test_freshness_is_judged_by_the_hub_s_clock",
        "notifier.routing.hub:_objection = lambda *_: None"),
    Row("12 a publisher evaluates anew by the rules that the hub names",
        "tests/simulation/test_rules.py::test_what_was_sealed_under_old_rules_goes_again_under_the_new",
        "notifier.producers.work:planned = lambda notification, ties, snapshot, *known: replace(original("
        "notification, ties, replace(snapshot, rules=module('notifier.routing.rules').default_rules()), *known), "
        "rules_version=snapshot.rules.version)"),
    Row("safeguards: rules_changed",
        "tests/simulation/test_rules.py::test_what_was_sealed_under_old_rules_goes_again_under_the_new",
        "notifier.producers.work:planned = lambda notification, ties, snapshot, approvals, _approved: "
        "original(notification, ties, snapshot, approvals)"),
    Row("12 a publisher that cannot see those rules yet sends nothing in vain",
        "tests/simulation/test_rules.py::test_a_publisher_whose_source_is_behind_waits_and_sends_nothing_in_vain",
        "notifier.producers.courier:Courier._check_versions = lambda *_: None"),
    Row("33 a recipient's why", "tests/unit/consumers/test_why_told.py::"
        "test_what_a_recipient_is_told_shows_nothing_of_who_was_not",
        "notifier.consumers.why:why_told = lambda notification, _authority, directory, rules, *_: "
        "[entry.to_json() for entry in decide(notification, directory, rules).entries]"),
    Row("24 plain HTTP", f"{FETCHING}::test_plain_http_is_for_this_machine",
        "notifier.config:DirectorySettings.__post_init__ = lambda _: None"),
    Row("24 the directory's server shows who it is", f"{FETCHING}::test_another_authority_s_certificate_is_refused",
        "ssl:create_default_context = lambda **_: module('ssl')._create_unverified_context()"),
    Row("10 a renewal that nobody signed stands in nobody's way",
        "tests/unit/directory/test_rules_versions.py::test_whoever_holds_no_key_of_a_role_renews_nothing[rules]",
        "notifier.directory.repository:Repository.renew = lambda self, role: [found := self._latest(role), "
        "setattr(found.signed, 'version', found.signed.version + 1), self._submit(role, found)][-1]"),
    Row("7 nobody is told before the hub accepted",
        "tests/unit/producers/test_oversight.py::test_oversight_sees_every_entry_as_the_originator_does",
        "notifier.producers.recipients:shown = lambda *_: RecipientState.TOLD"),
    Row("6 whoever has no key holds up nobody",
        "tests/simulation/test_unreachable.py::test_whoever_has_no_key_holds_up_nobody_and_is_told_by_itself[revoked]",
        "notifier.producers.courier:without_key = lambda *_: []"),
    Row("6 whose feed is missing holds up nobody",
        "tests/simulation/test_unreachable.py::test_whose_feed_is_missing_holds_up_nobody",
        "notifier.producers.aside:Aside.refused = lambda self, row, _: self._work.defer(row, NO_FEED)"),
    Row("18 a record's key is opaque",
        "tests/unit/envelope/test_names.py::test_a_stream_s_partition_and_key_are_those_of_the_document",
        "notifier.envelope:stream_key = lambda originator, _: originator.encode()"),
    Row("18 the rows of a database are sealed",
        "tests/simulation/test_publisher.py::test_the_outbox_file_tells_nothing",
        "notifier.storage:RowCipher.seal = lambda self, _, text: text\n"
        "notifier.storage:RowCipher.open = lambda self, _, text: text"),
    Row("21 the name of a file",
        "tests/cli/test_help_and_errors.py::test_the_name_of_a_file_acts_on_no_terminal[missing]",
        "notifier.cli.documents:escaped = lambda text: text\nnotifier.cli.main:escaped = lambda text: text"),
    Row("oversight reads no contents",
        "tests/unit/producers/test_oversight.py::test_no_row_of_contents_opens_with_the_key_of_decisions",
        "notifier.producers.compartments:DECISIONS = (b'message/',)"),
    Row("oversight writes nothing", "tests/cli/test_why.py::test_oversight_writes_nothing[publish]",
        "notifier.config:refuse_oversight = lambda _: None"),
    Row("oversight may send nothing", "tests/cli/test_why.py::test_the_directory_lets_oversight_send_nothing",
        "notifier.directory.world:permissions_of = lambda _: module('notifier.routing.facts').PERMISSIONS"),
    Row("rules in which a word means nothing",
        "tests/cli/test_rules.py::test_what_is_wrong_with_a_file_is_said_and_nothing_is_published",
        "notifier.directory.rulebook:check = lambda _: None"),
    Row("forward: handling codes", f"{FORWARDING}::test_a_handling_code_decides_about_domestic_agencies",
        "notifier.routing.forwarding:is_shareable = lambda _: True"),
    Row("forward: release to", f"{FORWARDING}::test_only_inside_what_the_originator_releases_it_to",
        "notifier.routing.forwarding:is_released_to = lambda *_: True"),
    Row("forward: not to, by other software",
        f"{FORWARDING}::test_never_to_whom_other_software_says_that_the_originator_excludes",
        "notifier.routing.forwarding:is_excluded = lambda *_: False"),
    Row("forward: an exclusion that nobody knows",
        f"{FORWARDING}::test_whom_the_originator_excludes_is_told_by_nobody_who_does_not_know_it[DEU/border-handling1]",
        "notifier.notification.model:as_it_leaves = lambda handling: replace(handling, not_to=())"),
    Row("forward: an exclusion that nobody knows, passed on whole",
        f"{PASSED_ON}::test_whom_the_originator_excludes_gets_nothing_by_another_either[DEU/border-DEU/border]",
        "notifier.notification.model:as_it_leaves = lambda handling: replace(handling, not_to=())"),
    Row("forward: another state", f"{FORWARDING}::test_another_state_only_where_the_originator_names_it",
        "notifier.routing.forwarding:is_ours_to_tell = lambda *_: True"),
    Row("forward: no child to the front line", f"{FORWARDING}::test_nothing_of_a_child_goes_to_the_front_line",
        "notifier.routing.forwarding:is_kept_from = lambda _: False"),
    Row("forward: a child waits for a reviewer of the forwarder's own",
        f"{PASSED_ON}::test_a_child_goes_to_no_front_line_and_waits_for_a_reviewer",
        "notifier.routing.forwarding:needs_child_review = lambda _: False"),
    Row("forward: what a screener may see", f"{PASSED_ON}::test_domestic_agencies_get_what_their_role_may_see",
        "notifier.notification.profiles:ROLES = {}"),
    Row("forward: a drill stays one",
        f"{PASSED_ON}::test_a_drill_stays_a_drill_and_reaches_no_operational_sink",
        "notifier.producers.publisher:derive = lambda *given: replace(original(*given), exercise=False)"),
    Row("forward: a lineage is never claimed",
        f"{PASSED_ON}::test_nobody_publishes_a_parent_or_a_response_by_hand",
        "notifier.producers.publisher:TYPES = ('response', *TYPES)"),
    Row("forward: a digest answers no guess",
        f"{FORWARDING}::test_a_digest_answers_no_guess_about_what_its_reader_was_not_told",
        "notifier.notification.digest:cut = lambda notification, _: notification"),
    Row("update: a revoked nationality", f"{CASE}::test_a_revoked_nationality_stops_what_is_sent_later",
        "notifier.producers.ties:_Said._only_by_revoked = lambda *_: False"),
    Row("update: what waits to be sealed", f"{CASE}::test_what_waits_to_be_sealed_is_stopped_too",
        "notifier.producers.ties:_Said._stop = lambda *_: None"),
    Row("update: fear is not forgotten", f"{CASE}::test_a_state_that_is_feared_now_is_told_no_more",
        "notifier.producers.ties:_known_before = lambda *_: Local()"),
    Row("update: a refugee who is known later",
        f"{CASE}::test_a_refugee_who_is_known_as_one_later_has_no_state_told",
        "notifier.producers.ties:_not_told_for_fear = lambda *_: {}"),
    Row("update: whom the case keeps out",
        "tests/unit/producers/test_ties.py::test_an_update_forgets_nobody_whom_the_case_keeps_out",
        "notifier.producers.ties:_check_handling = lambda *_: None"),
    Row("update: nothing but the text that it names", f"{CASE}::test_only_its_own_notification_s_text_can_be_updated",
        "notifier.producers.ties:_check = lambda *_: None"),
    Row("enrolment without possession", f"{DIRECTORY}::test_enrolment_asks_for_both_proofs",
        "notifier.directory.enrolment:signature_holds = lambda *_: True"),
    Row("safeguards: suppression", f"{DECISION}::test_not_to_and_release_to_suppress",
        "notifier.routing.decision:suppressions = lambda *_: ()"),
    Row("safeguards: feared_state", f"{DECISION}::test_a_refugee_s_states_are_suppressed_and_the_others_told",
        "notifier.routing.safeguards:is_feared = lambda *_: False"),
    Row("safeguards: refugee_origin", f"{DECISION}::test_a_refugee_s_states_are_suppressed_and_the_others_told",
        "notifier.routing.safeguards:origins_of_refugee = lambda *_: frozenset()"),
    Row("safeguards: not_to", f"{DECISION}::test_not_to_and_release_to_suppress",
        "notifier.routing.safeguards:is_excluded = lambda *_: False"),
    Row("safeguards: not_released_to", f"{DECISION}::test_not_to_and_release_to_suppress",
        "notifier.routing.safeguards:is_released_to = lambda *_: True"),
    Row("territories: a prohibition reaches the family",
        f"{TERRITORIES}::test_a_prohibition_reaches_the_whole_family",
        "notifier.notification.territories:Territories.family = lambda self, code: frozenset({code})"),
    Row("territories: what an update stops reaches the family",
        "tests/unit/producers/test_ties.py::test_what_is_stopped_for_a_state_is_stopped_for_its_family",
        "notifier.notification.territories:Territories.family = lambda self, code: frozenset({code})"),
    Row("territories: a permission never goes up", f"{TERRITORIES}::test_a_permission_goes_down_and_never_up",
        "notifier.notification.territories:Territories.releases = lambda self, released, name: "
        "bool({*self.family(name.partition('/')[0])} & {*released})"),
    Row("territories: leave to forward never goes up", f"{TERRITORIES}::test_forwarding_keeps_to_the_family",
        "notifier.notification.territories:Territories.covers = lambda self, granted, code: "
        "code in self.family(granted)"),
    Row("territories: the state that answers is told",
        f"{TERRITORIES}::test_where_nobody_takes_part_the_absence_is_shown_at_the_state",
        "notifier.notification.territories:Territories.told_of = "
        "lambda self, code, role, takes_part: ((f'{code}/{role}', None),)"),
    Row("territories: the originator's own",
        f"{TERRITORIES}::test_the_originator_s_own_are_its_territories_and_the_state_that_answers",
        "notifier.notification.territories:Territories.own = lambda self, code: frozenset({code})"),
    Row("territories: the hub's table is the signed one",
        f"{TERRITORIES}::test_the_hub_checks_by_the_table_that_was_signed",
        "notifier.routing.rules:Territories = "
        "lambda rows: module('notifier.notification.territories').BUILT_IN_TABLE"),
    Row("places: a code that sources give to two states",
        f"{TERRITORIES}::test_a_code_that_sources_give_to_two_states_holds_with_both_and_may_be_feared_as_either",
        "notifier.notification.places:DIFFERING = {}"),
    Row("places: one place however it is written",
        f"{TERRITORIES}::test_one_place_is_told_to_the_same_however_it_is_written[True-San Juan]",
        "notifier.notification.places:_FOLDED = {}"),
    Row("cases: a document that shows no citizenship",
        f"{DECISION}::test_a_document_that_shows_no_citizenship_leaves_the_nationality_unknown[UNO]",
        "notifier.routing.legs:shows_no_citizenship = lambda _: False"),
    Row("safeguards: child_review", f"{DECISION}::test_everything_about_a_child_waits_for_review",
        "notifier.routing.safeguards:needs_child_review = lambda *_: False"),
    Row("safeguards: INTERPOL and a child", f"{DECISION}::test_everything_about_a_child_waits_for_review",
        "notifier.routing.safeguards:bars_interpol = lambda *_: False"),
    Row("safeguards: INTERPOL and a child that it was told of",
        f"{UPDATES}::test_interpol_hears_no_more_of_whoever_is_a_child_now",
        "notifier.routing.decision:bars_interpol = lambda *_: False"),
    Row("safeguards: torture_or_death_risk", f"{DECISION}::test_a_risk_of_torture_holds_that_state_until_an_approval",
        "notifier.routing.safeguards:is_at_risk = lambda *_: False"),
    Row("safeguards: torture without an assurance",
        f"{DECISION}::test_a_risk_is_released_by_the_reference_of_an_assurance_alone",
        "notifier.notification.model:Approval.says_enough = property(lambda _: True)"),
    Row("safeguards: an assurance that says nothing",
        f"{APPROVALS}::test_an_assurance_that_says_nothing_counts_never",
        "notifier.producers.approvals:says_something = bool\nnotifier.notification.model:says_something = bool"),
    Row("safeguards: consular_not_requested", f"{TYPES}::test_who_is_told",
        "notifier.routing.safeguards:is_asked_for = lambda *_: True"),
    Row("safeguards: nationality_unconfirmed", f"{DECISION}::test_a_doubtful_nationality_holds_its_leg_alone",
        "notifier.routing.legs:doubt_about = lambda *_: None"),
    Row("safeguards: former_state", f"{DECISION}::test_a_former_state_holds_with_its_successors",
        "notifier.routing.legs:successors = lambda _: None"),
    Row("safeguards: a code that is no citizenship", f"{DECISION}::test_a_stateless_person_has_no_nationality_leg",
        "notifier.routing.legs:is_citizenship = lambda _: True"),
    Row("safeguards: accompanying family", f"{DECISION}::test_accompanying_family_is_nobody_s_deportation",
        "notifier.routing.legs:only_accompanies = lambda *_: False"),
    Row("safeguards: the originator's own state", f"{DECISION}::test_the_originator_s_own_state_is_not_told",
        "notifier.routing.decision:_Case.own = property(lambda _: '')"),
    Row("safeguards: an approval names a state",
        f"{DECISION}::test_a_risk_of_torture_holds_that_state_until_an_approval",
        "notifier.routing.decision:_Approved.releases = "
        "lambda self, hold, _: hold in [one for one, _ in self._released]"),
    Row("safeguards: XXB and XXC are stripped",
        f"{PROPERTIES}::test_what_leaves_does_not_say_that_somebody_is_a_refugee",
        "notifier.notification.model:REFUGEES = frozenset()"),
    Row("safeguards: nobody is told by a fact that was taken out",
        f"{PROPERTIES}::test_what_leaves_speaks_for_everybody_who_is_told",
        "notifier.notification.model:_residences = lambda subject: subject.residences"),
    Row("safeguards: an empty list of nationalities would tell",
        f"{PARSING}::test_a_refugee_of_no_known_nationality_leaves_as_one_of_an_unknown_nationality",
        "notifier.notification.model:UNKNOWN = 'unsaid'"),
    Row("safeguards: whoever was told before obeys",
        f"{UPDATES}::test_whoever_was_told_before_obeys_suppression_and_holds",
        "notifier.routing.decision:suppressions = lambda *_: ()"),
    Row("safeguards: the hub knows whom a type names",
        f"{HUB}::test_an_update_names_whom_the_new_facts_add_and_others_who_take_part",
        "notifier.routing.hub:_rightly_named = lambda *_: True"),
    Row("rights: a field that nobody may have", f"{PARSING}::test_every_fault_is_listed_at_once",
        "notifier.notification.checking:Object.end = lambda _: None"),
    Row("rights: no field for religion, ethnicity or opinion", f"{FIELDS}::test_no_field_is_read_that_is_not_allowed",
        "notifier.notification.parsing:_subject = lambda one: (one.maybe('religion'), original(one))[1]"),
    Row("rights: no grading", f"{PARSING}::test_rights_are_checks",
        "notifier.notification.checking:Object.nested = "
        "lambda self, name, read, *, optional=False: "
        "original(self, name, read, optional=optional or name == 'grading')"),
    Row("rights: no date of review", f"{PARSING}::test_rights_are_checks",
        "notifier.notification.checking:Object.matching = lambda self, name, check, says, *, optional=False: "
        "original(self, name, check, says, optional=optional or name == 'review_date')"),
    Row("rights: no category", f"{PARSING}::test_rights_are_checks",
        "notifier.notification.checking:Object.choice = lambda self, name, allowed: "
        "original(self, name, allowed) if self.has(name) else allowed[0]"),
    Row("rights: no grounds", f"{PARSING}::test_rights_are_checks",
        "notifier.notification.parsing:_described = lambda one, categories, **_: "
        "original(one, categories, grounded=False)"),
    Row("rights: a label is no offence", f"{PARSING}::test_rights_are_checks",
        "notifier.notification.parsing:_LABELS = frozenset()"),
    Row("rights: family is listed nowhere", f"{PARSING}::test_accompanying_family_carries_no_suspect_s_number",
        "notifier.notification.parsing:_check_family = lambda *_: None"),
    Row("rights: free text is labelled", "tests/cli/test_inbox.py::test_free_text_is_labelled_wherever_it_is_shown",
        "notifier.notification.freetext:unverified = lambda _: []"),
    Row("rights: what was given is not repeated", f"{PARSING}::test_what_was_given_is_never_repeated",
        "notifier.notification.checking:Object.fault = lambda self, name, says: "
        "original(self, name, f'{says}, not {self._rest}')"),
    Row("rights: a notification that was refused is not repeated",
        "tests/simulation/test_nothing_personal.py::test_a_whole_run_says_nothing_about_the_person",
        "notifier.notification.checking:Object.fault = lambda self, name, says: "
        "original(self, name, f'{says}, not {self._rest}')"),
    Row("rights: released and excluded", f"{PARSING}::test_nobody_is_released_to_and_excluded",
        "notifier.notification.model:Handling.excludes = lambda *_: False"),
    Row("a drill reaches no operational sink",
        "tests/simulation/test_subscriber.py::test_sinks_take_in_order_go_on_after_a_restart_and_are_spared_exercises",
        "notifier.consumers.sinks:JsonLines.operational = False"),
    Row("cases: each of several nationalities", f"{DECISION}::test_every_nationality_is_told",
        "notifier.routing.legs:_nationality_legs = lambda subject: list(original(subject))[:1]"),
    Row("safeguards: nationality_unknown", f"{DECISION}::test_an_unknown_nationality_holds_and_the_other_legs_go",
        "notifier.routing.legs:is_citizenship = "
        "lambda one: original(one) and one.state not in (UNKNOWN, UNSPECIFIED)"),
    Row("safeguards: unresolved_place", f"{DECISION}::test_a_place_that_does_not_resolve_holds_its_leg",
        "notifier.routing.legs:_movement_legs = "
        "lambda *given: (leg for leg in original(*given) if leg.state is not None)"),
    Row("safeguards: not_a_participant",
        f"{DECISION}::test_a_state_without_an_authority_is_named_and_waits",
        "notifier.directory.model:Directory.participates = lambda *_: True"),
    Row("cases: a revoked nationality", f"{DECISION}::test_a_revoked_nationality_is_no_leg",
        "notifier.routing.legs:is_citizenship = lambda one: original(replace(one, status='documented'))"),
    Row("cases: a refugee's document",
        f"{DECISION}::test_codes_and_documents_make_a_refugee_whatever_the_status_says",
        "notifier.notification.model:Document.of_refugee = property(lambda _: False)"),
    Row("cases: a refugee's machine readable zone",
        f"{PARSING}::test_a_machine_readable_zone_alone_makes_a_refugee[TD1-XXB]",
        "notifier.notification.model:Document.of_refugee = property(lambda self: self.kind in REFUGEE_DOCUMENTS)"),
    Row("cases: British classes", f"{DECISION}::test_british_classes_are_the_united_kingdom_s_and_d_is_germany",
        "notifier.routing.legs:participant_of = lambda code: code"),
    Row("cases: a refugee status that is unknown is warned of",
        "tests/unit/notification/test_warnings.py::test_free_text_about_a_refugee",
        "notifier.notification.warnings:_warnings = "
        "lambda notification: (one for one in original(notification) if '/refugee' not in one.pointer)"),
    Row("profiles", "tests/unit/notification/test_profiles.py::"
        "test_a_recipient_reads_what_its_profile_names_and_nothing_more[consular-False]",
        "notifier.producers.letters:cut = lambda notification, _: notification"),
    Row("profiles: a child's", "tests/unit/notification/test_profiles.py::"
        "test_a_recipient_reads_what_its_profile_names_and_nothing_more[spoc-True]",
        "notifier.producers.letters:is_for_a_child = lambda *_: False"),
    Row("profiles: nobody reads who is excluded", "tests/unit/notification/test_profiles.py::"
        "test_nobody_reads_whom_the_originator_excludes[release_to1-not_to1-leaves1]",
        "notifier.notification.model:as_it_leaves = lambda handling: handling\n"
        "notifier.producers.letters:encode = "
        "lambda one: module('notifier.codec').codec('Notification').encode_object(one)"),
    Row("profiles: refugees", "tests/unit/notification/test_profiles.py::"
        "test_no_profile_lets_through_what_is_local_or_shows_a_refugee",
        "notifier.producers.letters:for_sealing = lambda notification: replace(notification, local=None)"),
    Row("files: a name is on the disk when a write returns",
        "tests/unit/test_files.py::test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_after",
        "notifier.files:sync_folder = lambda _folder: None"),
    Row("files: a private key is its owner's alone",
        "tests/unit/test_files.py::test_a_private_key_is_its_owner_s_alone_from_the_first_byte",
        "notifier.keyfiles:put = lambda path, data, mode: original(path, data)"),
    Row("files: a path is never read as a URL",
        "tests/unit/test_any_folder.py::test_a_database_lies_in_the_folder_of_its_configuration",
        "notifier.storage:file_of = lambda address: "
        "(path := original(address)) and Path(module('urllib.parse').unquote(str(path).partition('?')[0]))"),
    Row("review: a plan evaluated again keeps its holds",
        "tests/simulation/test_review.py::test_no_time_out_releases",
        "notifier.producers.work:approvals_of = lambda *_: "
        "[module('notifier.notification.model').Approval('child_review', 'nobody', '')]\n"
        "notifier.producers.work:planned = lambda *given: original(*given[:4])"),
    Row("review: nobody whom nobody saw",
        "tests/simulation/test_review.py::test_an_approval_does_not_release_whom_nobody_saw",
        "notifier.producers.review:released = lambda stored, before, after, *_: frozenset(after)"),
    Row("review: the authority's own key is no person's",
        "tests/cli/test_review.py::test_the_authority_s_own_key_is_no_person_s[--key]",
        "notifier.cli.person:_refuse_own = lambda *_: None"),
    Row("review: an interrupt takes no key away",
        "tests/cli/test_review.py::test_an_interrupt_takes_no_key_away",
        "notifier.cli.person:NotifierError = BaseException"),
    Row("review: a refusal is final",
        "tests/simulation/test_review.py::test_a_refusal_stays_and_says_whose_it_is",
        "notifier.producers.review:_refuses = lambda *_: False"),
    Row("review: an assurance",
        "tests/simulation/test_review.py::"
        "test_a_state_that_may_torture_is_told_after_its_assurance_and_the_others_at_once",
        "notifier.producers.approvals:says_enough = lambda _: True"),
    Row("nothing local leaves", f"{PARSING}::test_what_leaves_has_no_local_part_and_shows_no_refugee",
        "notifier.notification.model:REFUGEES = frozenset()"),
)  # fmt: skip

ROWS = ATTACKS + OTHERS
