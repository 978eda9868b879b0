"""The built-in positional encodings and attentions, offered through the same hooks as any other plugin."""
