"""What tests of several tiers build their worlds from."""
