"""Container engines of somebody else that tell their results as lines."""
