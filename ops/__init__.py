"""Central operations: stores every event of every lane, acknowledges after commit, reports."""
