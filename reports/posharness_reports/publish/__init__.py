"""Putting compiled reports where others read them."""
