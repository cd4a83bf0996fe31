"""The directory: who takes part, with which keys, signed by its role holders."""
