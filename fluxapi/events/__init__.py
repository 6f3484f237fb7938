"""Events: from the journal through the table and the hub to the subscribers."""
