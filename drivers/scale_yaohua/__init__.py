"""Yaohua XK3190 weighing indicators that send continuously: A9 binary frames, ASCII lines, reversed digits."""
