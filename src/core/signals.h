/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CORE_SIGNALS_H
#define CARREL_CORE_SIGNALS_H

#include <signal.h>
#include <stdint.h>

enum { LAST_SIGNAL = 64 };

/* The kernel's form of a set: bit N-1 is signal N. */
static const uint64_t all_signals = ~0ull;

static inline uint64_t signal_bit(int sig)
{
    return 1ull << (sig - 1);
}

#endif
