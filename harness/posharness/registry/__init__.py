"""The registry: what plugs in, found by name, with its parameters and the digest of its source."""
