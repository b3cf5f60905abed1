"""What a recording is measured by: for baselines, for probes, for anybody. No registry.

Functions give named numbers. One that is not known is not there; nothing stands in its place.
"""
