"""Looks at a box before its service starts, and beside it while it runs: what is wrong, and the step that mends it.

Nothing is changed: what a start would write down (versions seen of keysets and manifests) goes to a throw-away copy.
"""
