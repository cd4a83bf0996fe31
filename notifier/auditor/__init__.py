"""The auditor service, which keeps the log and signs its checkpoints, and the independent verifier."""
