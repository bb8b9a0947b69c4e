"""The console: who may use it, its pages' API, and what its users did."""
