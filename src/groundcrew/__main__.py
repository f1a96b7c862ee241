"""`python -m groundcrew` is the `groundcrew` command."""

import sys

from groundcrew.app import main

sys.exit(main())
