"""Ray: connection, checks of machines, the engine, and what its actors do."""
