"""Adapters to frameworks. `lighthouse_attention.use` finds the right one."""
