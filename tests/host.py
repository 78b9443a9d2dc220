# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the kernel that the tests run on can do, where tests differ by it."""

import ctypes
import os

LANDLOCK_CREATE_RULESET = 444
VERSION = 1  # LANDLOCK_CREATE_RULESET_VERSION
ABI_OF_SCOPES = 6  # Linux 6.12


def landlock_has_scopes():
    return ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), VERSION) >= ABI_OF_SCOPES


def is_linux(major, minor):
    """Whether it is that version or a later one."""
    return tuple(int(n) for n in os.uname().release.split("-")[0].split(".")[:2]) >= (major, minor)
