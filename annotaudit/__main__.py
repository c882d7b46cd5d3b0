"""``python -m annotaudit``: the command line, where the command itself is not on the path."""

from annotaudit.cli import main

if __name__ == "__main__":
    main()
