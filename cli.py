"""Run consentgate from a checkout: `python cli.py --help`."""

from gateway.commands import main

if __name__ == "__main__":
    main()
