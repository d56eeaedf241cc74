"""`python -m unlit` is the command `unlit`."""

from unlit.cli.main import main

if __name__ == "__main__":
    main()
