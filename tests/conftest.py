"""What holds for all tests: none reads or leaves anything in the cache of whoever runs them, none fails because a
machine is busy, and an exception that nobody expected fails the test instead of becoming a fault in a result."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ["PASSROLE_CHECKS_CACHE_DIR"] = ""
os.environ["PASSROLE_CHECKS_DEBUG"] = "1"
settings.register_profile("unhurried", settings.get_profile(settings.get_current_profile_name()), deadline=None)
settings.load_profile("unhurried")
