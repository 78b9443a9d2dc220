/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_POLICY_LINT_H
#define CARREL_POLICY_LINT_H

#include "policy/policy.h"

/*
 * Warns of grants that give away more than they seem to, at the place of the deciding word, each
 * with one sentence what it gives away and a hint what does with less. A policy may still want
 * them; nothing here refuses anything. home: the person's, by which a path from the root on is
 * known to lie in it; NULL: nobody's.
 */
void policy_lint(const struct policy *p, const char *home, struct diags *d);

#endif
