"""The outbox: durable messages, their state for each recipient, and the relay that sends them."""
