"""Keys, cache, plan, executor, events and the worker."""
