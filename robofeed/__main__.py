"""`python -m robofeed`: the same as the `robofeed` script."""

from robofeed.cli import main

if __name__ == "__main__":
    main()
