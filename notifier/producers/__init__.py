"""Publishing: from a document to an entry of the outbox."""
