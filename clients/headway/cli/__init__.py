"""The command line: one module a subject; commands of the other rooms are loaded when they are called."""
