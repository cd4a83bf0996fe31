"""The auditor: the service that keeps the log and signs its checkpoints, and the verifier that trusts nobody."""
