"""The directory: participants, authorities and their keys, signed by its role holders."""
