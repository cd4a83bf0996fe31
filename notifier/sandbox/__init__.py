"""The sandbox: a real Kafka, a directory, example authorities and all services on one machine."""
