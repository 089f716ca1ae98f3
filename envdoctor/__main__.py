"""`python -m envdoctor`, also from an unbuilt checkout. The syntax of this file is that of every Python."""

import sys

if sys.version_info < (3, 8):  # noqa: UP036 - an older Python must get one line, not a traceback
    sys.stderr.write(
        "envdoctor: needs Python 3.8 or newer to run; name the older one to examine with --python\n"
    )
    sys.exit(2)

if __name__ == "__main__":
    from envdoctor.bare import provide_packaging

    provide_packaging()
    from envdoctor.cli import main

    sys.exit(main())
