"""What holds for all tests: none reads or leaves anything in the cache of whoever runs them."""

from __future__ import annotations

import os

os.environ["PASSROLE_CHECKS_CACHE_DIR"] = ""
