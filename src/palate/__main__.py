"""`python -m palate`, the same as `palate`."""

from palate.cli import main

if __name__ == "__main__":
    main()
