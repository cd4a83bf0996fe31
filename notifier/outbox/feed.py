"""The own feed, as its originator reads it: records in, verified decisions of the hub out."""

from __future__ import annotations

import structlog

from notifier.directory.snapshot import DirectorySource
from notifier.envelope import ParsedDelivery, SignedStatement, Statement, parse_feed, verify_statement
from notifier.errors import REASONS, EnvelopeError, MalformedError
from notifier.outbox.sealer import Sealer
from notifier.outbox.stream import HubDecision
from notifier.transport.base import Record

log = structlog.get_logger("notifier.publisher")


class DecisionReader:
    """Verifies records of the feed with the keys that the directory names."""

    def __init__(self, sealer: Sealer, directory: DirectorySource) -> None:
        self._sealer = sealer
        self._directory = directory

    async def decision(self, record: Record) -> HubDecision | None:
        """Return the decision in a record; None for a delivery, and for what the hub did not sign for this authority.

        Raises `DirectoryError` or `TemporaryError` where the directory cannot be refreshed.
        """
        try:
            parsed = parse_feed(record.value or b"")
            if isinstance(parsed, ParsedDelivery):
                return None
            statement = await self._verified(parsed)
        except (EnvelopeError, MalformedError) as error:
            log.warning("feed record ignored", offset=record.offset, reason=error.reason)
            return None
        if statement.kind != "decision" or statement.audience != self._sealer.name:
            log.warning("feed record ignored", offset=record.offset, reason="bad_statement")
            return None
        # The reason is shown and counted: whatever a hub may have put there, it is one that there is.
        known = statement.reason if statement.reason in REASONS else "malformed"
        return HubDecision(
            statement.digest,
            None if statement.outcome == "accepted" else known,
            statement.stream,
            statement.number,
            (statement.rules_version, statement.directory_version),
            self._owns(statement),
            statement.accepted_at,
            statement.envelope_id,
        )

    def _owns(self, statement: Statement) -> bool:
        """Return whether the statement says that an envelope under a key of this authority was in turn.

        One from before statements named the signer says so only where it accepts: the hub then knew the key.
        """
        if statement.signer is None:
            return statement.outcome == "accepted"
        return self._sealer.owns(statement.signer, self._directory.snapshot().directory)

    async def _verified(self, signed: SignedStatement) -> Statement:
        """Return the verified statement; an unknown key may be a new one, so the directory is refreshed once."""
        hub = self._directory.snapshot().directory.hub
        if hub.signing_key(signed.key_id) is None:
            await self._directory.refresh()
            hub = self._directory.snapshot().directory.hub
        return verify_statement(signed, hub_id=hub.hub_id, hub_signer=hub.signing_key)
