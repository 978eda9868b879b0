"""The frames of a store, prepared for the sections, and how to split them."""
