"""The driver to copy: a device that sends its count. No such device exists; all else is as it must be."""
