"""The built-in report sections, one file each.

What draws and computes is imported inside `build`: finding the sections must not wait for pandas and seaborn.
"""
