"""The built-in report sections: one package each, with what only that section uses.

The package of a section holds its class, and `content.py` what it says. Only `build` imports `content`, so
that listing the sections does not wait for pandas and seaborn.
"""
