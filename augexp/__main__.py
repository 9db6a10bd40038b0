"""`python -m augexp`: the same as the console script."""

from augexp.cli.main import main

if __name__ == "__main__":
    main()
