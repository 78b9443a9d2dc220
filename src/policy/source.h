/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_POLICY_SOURCE_H
#define CARREL_POLICY_SOURCE_H

#include "policy/policy.h"

/*
 * One layer while it is read: where its words go, how strong they are, and where its faults are
 * told. Private to this room.
 */
struct source {
    struct policy *p;
    struct diags *d;
    unsigned rank;
    /* A person types these words right now: an unknown one is an error. In a file it may come from
     * a newer Flatpak, so there it is a warning. */
    bool strict;
    /* Diagnostics shown so far, by severity: a file of junk is told of a few times, not a million.
     */
    unsigned shown[DIAG_ERROR + 1];
};

/* Most problems of one severity that are shown for one source. */
#define SOURCE_MAX_SHOWN 50

void source_diag(struct source *s, enum severity severity, struct place at, const char *hint,
                 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Puts the diagnostics from number from on, all of one file, in the order of their places. */
void source_sort_diags(struct diags *d, size_t from);

/*
 * Whether text can be read at all: not too large, UTF-8, without NUL bytes or a byte order mark.
 * If not, says so with the place.
 */
bool source_text_ok(struct source *s, const char *name, const char *text, size_t size);

/* at moved on by the characters of the n bytes at text (none of them a newline). */
struct place place_after(struct place at, const char *text, size_t n);

/* The first character of s that must not stand in a path, a name or a value: control characters
 * and those that change the direction of text. Returns NULL when there is none. */
const char *unsafe_char(const char *s);

#endif
