/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_UTIL_UTF8_H
#define CARREL_UTIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the first character of n bytes (RFC 3629: no overlong forms, no surrogates).
 * Returns its length in bytes, or 0 when there is no valid one. */
size_t utf8_decode(const char *s, size_t n, uint32_t *cp);
/* Whether a character may be shown on a terminal as it is: no C0/C1 control, no DEL, no
 * bidirectional override or isolate, no line or paragraph separator. */
bool utf8_safe(uint32_t cp);

#endif
