"""The Lark adapter."""
