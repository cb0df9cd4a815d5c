"""Releases of this program on a box without the internet: one archive, side by side, switched as one.

What runs on a bare machine (`archive`, `layout`, `install`) is standard library alone.
"""
