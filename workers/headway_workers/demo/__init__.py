"""One study from start to end on this machine: a server, some workers, a live display and a figure."""
