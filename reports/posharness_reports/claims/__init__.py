"""The built-in claims, one file each: that positions are best told relative to each other, and learned."""
