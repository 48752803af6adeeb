"""`python3 /opt/nautilus/migrations check|dry-run|execute`."""

import sys

from runner import main

if __name__ == "__main__":
    sys.exit(main())
