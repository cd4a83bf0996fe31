"""The broker behind a protocol, on Kafka and in memory."""
