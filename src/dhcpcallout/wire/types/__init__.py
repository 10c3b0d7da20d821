"""Codecs by value type: an option's bytes to a typed value and back, and the value to text and back."""
