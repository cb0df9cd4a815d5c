"""Topics, payloads and publishing for central operations."""
