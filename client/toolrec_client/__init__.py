"""The `toolrec` client and the `caro` shim; the standard library only."""
