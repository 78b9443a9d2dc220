/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLIP_HELPER_H
#define CARREL_CLIP_HELPER_H

#include <linux/filter.h>
#include <stddef.h>

/*
 * A process that `carrel clip` starts for one act of the person's: it stays for as long as what it
 * carries can be pasted. Its descriptors begin at CLIP_FIRST, and at CLIP_OUTCOME goes one line:
 * "ok" and words "TYPE BYTES", or "error" and a text.
 */
enum { CLIP_FIRST = 3, CLIP_OUTCOME = 6, CLIP_FAILED = 125 };

/* The end of the person's terminal is not the end of what was copied, and nobody's end is ours. */
void clip_detach(void);
/* Gives up all but the descriptors and these system calls, before the first byte from outside. */
void clip_confine(const struct sock_filter *filter, size_t n);
/* The line; rest may be "". */
void clip_say(const char *word, const char *rest);
/* The line with "error", and the end. error: an errno, or 0. */
_Noreturn void clip_fail(const char *what, int error);

#endif
