"""The command line as a module, for child processes: the script `headway` may not be on their path."""

from headway.cli.main import main

if __name__ == "__main__":
    main()
