from tests.support.journals import journal, path

__all__ = ["journal", "path"]
