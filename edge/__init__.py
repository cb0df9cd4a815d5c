"""The lane controller: a pure core (`edge.core`) and the shell around it."""

__version__ = "0.1.0"
