"""Publishing compiled reports where others can read them."""
