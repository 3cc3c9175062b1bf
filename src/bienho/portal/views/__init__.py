"""Views are thin: read through a presenter, render a template."""
