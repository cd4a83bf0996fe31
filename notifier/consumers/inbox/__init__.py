"""The inbox: received messages, stored once, together with the position in the feed."""
