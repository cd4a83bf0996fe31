"""The secure message broker for notifications under UN Security Council resolution 2396 (2017)."""
