"""One device alone, as its driver sees it: what to press, what should change, and what to do where it does not.

The drivers are the lane's own. Nothing is decided here, no record is written, and the boom moves only where a person
typed that it shall.
"""
