"""Typed configuration: schema, loader with file:line:column errors, examples."""
