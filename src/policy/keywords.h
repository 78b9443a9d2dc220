/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_POLICY_KEYWORDS_H
#define CARREL_POLICY_KEYWORDS_H

#include "util/arena.h"
#include <stddef.h>

/*
 * Every word of the policy language in one table. The parser, its "did you mean" hints, the
 * completion and the check of carrel-policy(5) are made from it: a word that stands here is known
 * everywhere, and one that does not is known nowhere.
 */
enum keyword_kind {
    KEYWORD_GROUP,        /* a group we read; in is "" */
    KEYWORD_PASSED_GROUP, /* passed over silently; a '*' at the end stands for any rest */
    KEYWORD_KEY,          /* in: the group */
    KEYWORD_PASSED_KEY,   /* passed over silently */
    KEYWORD_WORD,         /* in: "GROUP/KEY", or "condition", "mode" */
};

/* How the value of a key in one of our own [Carrel …] groups is checked. */
enum value_type {
    VALUE_OTHER,   /* not one of ours: its reader in policy.c knows */
    VALUE_BOOL,    /* true | false */
    VALUE_WORD,    /* one of the key's words */
    VALUE_WORDS,   /* a list of the key's words */
    VALUE_INTEGER, /* least … most, with a suffix K, M or G (powers of 1024); kept in plain digits
                    */
    VALUE_COMMANDS,  /* a list of names without '/' */
    VALUE_VARIABLES, /* a list of names of environment variables */
    VALUE_PACKAGE,   /* the name of a Debian package */
    VALUE_BUS_RULES, /* a list of rules of the bus filter: call|broadcast NAME MEMBER PATH [ARG...]
                      */
    VALUE_DESKTOP,   /* the name of a .desktop file, with or without that ending */
    VALUE_ARGUMENTS, /* a list of words of a command line, such as -x or --long */
    VALUE_CHORD,     /* a key and what is held with it, or none: util/chord.h */
};

struct keyword {
    enum keyword_kind kind;
    const char *in, *name;
    int value; /* of a word: the enum it stands for (fs_base, fs_mode, bus_access) */
    enum value_type type;
    const char *def; /* of a key of ours: what holds when no file says anything */
    long long least, most;
    const char *meaning; /* one line */
};

extern const struct keyword keywords[];
extern const size_t n_keywords;

/* The row with this kind, place and name, or NULL. */
const struct keyword *keyword_find(enum keyword_kind kind, const char *in, const char *name);
/* Whether a group of this name is passed over. */
int keyword_group_passed(const char *name);
/* The known name that was most likely meant, or NULL. */
const char *keyword_nearest(enum keyword_kind kind, const char *in, const char *name);
/* A hint for an unknown name: 'did you mean "x"?' or 'known: a, b, c'; in the arena. */
const char *keyword_hint(struct arena *a, enum keyword_kind kind, const char *in, const char *name);

#endif
