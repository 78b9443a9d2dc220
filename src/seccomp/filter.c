/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seccomp/seccomp.h"
#include "seccomp/tables.h"
#include "util/str.h"

const struct seccomp_filter *seccomp_filter_for(unsigned features)
{
    return &seccomp_filters[seccomp_filter_index[features & (SECCOMP_FEATURE_COMBINATIONS - 1)]];
}

const struct seccomp_filter *seccomp_filter_named(const char *name)
{
    for (size_t i = 0; i < seccomp_filter_count; i++) {
        if (str_eq(seccomp_filters[i].name, name))
            return &seccomp_filters[i];
    }
    return NULL;
}

unsigned seccomp_filter_features(const struct seccomp_filter *filter)
{
    /* The last of those that share a filter is the one that names what MOUNT implies. */
    unsigned f = SECCOMP_FEATURE_COMBINATIONS - 1;
    while (f && seccomp_filter_for(f) != filter)
        f--;
    return f;
}
