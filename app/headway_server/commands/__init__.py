"""The server's commands, a file a subject; the client's command line finds them through entry points."""
