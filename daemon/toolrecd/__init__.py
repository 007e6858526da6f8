"""The resident daemon: server, engine, recommendation, life cycle, and the `toolrecd` command."""
