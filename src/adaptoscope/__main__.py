"""Run the commands as ``python -m adaptoscope``."""

from adaptoscope.cli import main

if __name__ == "__main__":
    main()
