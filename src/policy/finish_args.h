/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_POLICY_FINISH_ARGS_H
#define CARREL_POLICY_FINISH_ARGS_H

#include "policy/source.h"

/* The readers of finish-args files, one per form. Private to this room. */

struct finish_args {
    struct source *s;
    const char *text;
    size_t size, pos;
    struct place at; /* of text[pos] */
    size_t count;    /* arguments taken so far */
};

#define FINISH_ARGS_MAX 4000

/* The byte at the cursor, or '\0' at the end (the text holds no NUL). */
char fa_peek(const struct finish_args *f);
/* Whether the text goes on with word. */
bool fa_at(const struct finish_args *f, const char *word);
/* Moves on by n bytes, counting lines and columns. */
void fa_skip(struct finish_args *f, size_t n);
/* Merges one argument. */
void fa_take(struct finish_args *f, const char *arg, struct place at);
/* Tells that the text can not be read on; always -1. */
int fa_broken(struct finish_args *f, const char *hint, const char *message);
/* Appends a character in UTF-8; false for what is none (surrogates, NUL). */
bool fa_put_char(struct buf *out, unsigned cp);
/* Reads a number of exactly n hexadecimal digits at the cursor; -1 when there is none. */
long fa_hex(struct finish_args *f, size_t n);

/* Each reads from the cursor on and returns 0, or -1 after an error. */
int fa_read_json(struct finish_args *f);
int fa_read_yaml(struct finish_args *f);
int fa_read_plain(struct finish_args *f);

#endif
