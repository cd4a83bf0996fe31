"""The audit log as data: entries, Merkle tree, tiles and checkpoints."""
