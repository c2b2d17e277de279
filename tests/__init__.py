"""A package, because others install one of the same name, which would hide a folder without this file."""
