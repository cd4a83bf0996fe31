"""Comparisons of secrets in constant time: the time of a refusal does not tell how much was right."""

from __future__ import annotations

import hmac


def test_the_commitment_is_compared_in_constant_time(cast, monkeypatch):
    """The one comparison with something derived from the content key."""
    compared = []

    def compare_digest(one, other):
        compared.append((bytes(one), bytes(other)))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare_digest)
    sealed = cast.seal()
    cast.open(cast.deliver(sealed.envelope, "DEU/spoc"), "DEU/spoc")
    assert any(one == other and len(one) == 32 for one, other in compared), "it is compared another way"
