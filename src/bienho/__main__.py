"""`python -m bienho`: the command line without a console script, whose first line a path with blanks can break."""

from bienho.cli.main import main

if __name__ == "__main__":
    main(prog_name="bienho")
