"""Golden decisions: every row of the table, every special case, and every pair of them."""
