/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_SECCOMP_TABLES_H
#define CARREL_SECCOMP_TABLES_H

#include "seccomp/seccomp.h"

/* What the generator writes (filters.gen.c). */

/* The different filters, and for each set of features the index of its own. */
extern const struct seccomp_filter seccomp_filters[];
extern const size_t seccomp_filter_count;
extern const uint8_t seccomp_filter_index[SECCOMP_FEATURE_COMBINATIONS];

/* The numbers of the calls, by ABI: for reading the programs. */
struct seccomp_number {
    uint32_t arch; /* AUDIT_ARCH_… */
    int number;
    const char *name;
};
extern const struct seccomp_number seccomp_numbers[];
extern const size_t seccomp_number_count;

/* The name of an error that a filter answers with, or NULL for others. */
const char *seccomp_errno_name(int error);

/* The set of features a filter was made for. */
unsigned seccomp_filter_features(const struct seccomp_filter *filter);

#endif
