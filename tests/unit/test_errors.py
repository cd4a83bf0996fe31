"""The tree of errors: one suffix, one reason for each class, and what is retryable in place."""

from __future__ import annotations

import pytest

from notifier import errors
from notifier.errors import NotFoundError, NotifierError, OwnershipLostError, RefusedError, TemporaryError


def tree(root=NotifierError):
    """Every class of the tree that errors.py defines."""
    for one in root.__subclasses__():
        if one.__module__ == errors.__name__:
            yield from (one, *tree(one))


@pytest.mark.parametrize("one", sorted(tree(), key=lambda one: one.__name__), ids=lambda one: one.__name__)
def test_each_is_an_error_by_name_and_has_a_reason(one):
    """And the docstring of the module shows it."""
    assert one.__name__.endswith("Error")
    assert one.default_reason in errors.REASONS
    assert f"── {one.__name__} " in errors.__doc__


def test_lost_ownership_is_no_fault_of_the_broker_and_not_retryable_in_place():
    """A loop that tries a temporary fault again would fail for ever; its command still exits as a temporary fault."""
    assert OwnershipLostError.__bases__ == (NotifierError,)
    assert not OwnershipLostError.retryable
    assert OwnershipLostError.exit_status == TemporaryError.exit_status == 3


def test_not_found_is_a_refusal():
    """Caught as one, and told from the others by class."""
    assert NotFoundError().reason == "not_found"
    assert issubclass(NotFoundError, RefusedError)
