"""The built-in claims, one file each: that relative and trained positions are better."""
