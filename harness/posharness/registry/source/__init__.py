"""A digest of the source of a plugin, with everything that its code reaches."""
