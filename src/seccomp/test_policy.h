/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_SECCOMP_TEST_POLICY_H
#define CARREL_SECCOMP_TEST_POLICY_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * For the tests: the policy of the filters stated a second time, in another form (what is refused,
 * everything else that the kernel headers name is allowed) and with numbers from the kernel headers
 * instead of libseccomp.
 */

/* Also a right answer, see test_policy.c; else the same as *action. */
struct policy_answer {
    uint32_t action, or_action;
};

struct policy_answer policy_expect(unsigned features, const struct seccomp_data *data);
/* Whether the filter may look at the arguments of this call. */
bool policy_has_arguments(const struct seccomp_data *data);
/* Whether Flatpak's filter (1.18, without multiarch: x86_64 only) refuses this call. The upper
 * halves of the arguments are zero. */
bool flatpak_refuses(unsigned features, const struct seccomp_data *data);
/* The name of a call by the kernel headers, or NULL. */
const char *policy_call_name(uint32_t arch, int number);
/* One above the greatest number that anything here has a name for. */
int policy_number_end(void);

#endif
