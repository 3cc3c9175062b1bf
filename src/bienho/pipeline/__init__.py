"""The only room that knows the order of stages. Public names of the room; commands import its modules by name."""

from bienho.pipeline.app import App, open_app

__all__ = ["App", "open_app"]
