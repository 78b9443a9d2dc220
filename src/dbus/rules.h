/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_DBUS_RULES_H
#define CARREL_DBUS_RULES_H

#include "dbus/wire.h"
#include "filter/relay.h"

/*
 * What one app may do on one bus. The text form has a line for each rule, with words and escapes
 * as in a plan (util/word.h), behind the first line RULES_HEADER:
 *
 *   app ID                              who it is, for messages
 *   none|see|talk|own NAME              NAME or NAME.*, which is NAME and all below it
 *   call NAME MEMBER PATH [ARG...]      calls and signals to it, besides what talk allows
 *   broadcast NAME MEMBER PATH [ARG...] signals that it sends to all
 *   withhold INTERFACE.MEMBER           calls that the app never gets, whoever makes them: they are
 *                                       answered as by a program that does not know the member
 *   sloppy-names                        unique names are seen, whoever has them
 *   names-inside                        a name that no rule shows may be taken: the app
 *                                       hears that it has it, and the bus is told nothing
 *   log none|refused|all
 *   limit WHAT NUMBER                   see rules.c
 *
 * MEMBER is INTERFACE.MEMBER, INTERFACE.* or *; PATH is an object path, one with a slash and a star
 * behind it (itself and all below) or *; ARG is argN=TEXT or argN^=BEGINNING, where argument N
 * (from 0) counts as a text of type s, o or g.
 *
 * Of several rules for a name all count, as in Flatpak, and the greatest level holds; but `none`
 * ends the search for those that stand for more names (org.a.* where org.a.b is none).
 */
#define RULES_HEADER "carrel-bus 1"

enum level { LEVEL_NONE, LEVEL_SEE, LEVEL_TALK, LEVEL_OWN };
enum rule_kind { RULE_LEVEL, RULE_CALL, RULE_BROADCAST };
enum log_what { LOG_NONE, LOG_REFUSED, LOG_ALL };

enum {
    RULES_MOST_BYTES = 256 << 10,
    RULES_MOST = 2048,
    RULES_MOST_NAMES = 1000,
    RULE_MOST_ARGS = 4,
    RULES_MOST_WITHHELD = 16,
    RULE_ARG_MOST = 63,             /* highest N */
    RULES_ARGS_LOOKED_AT = 8 << 10, /* bytes of a body in which rules look for arguments */
};

struct rule_arg {
    unsigned n;
    bool beginning;
    const char *text;
};

struct rule {
    const char *name;
    bool below; /* NAME.* */
    enum rule_kind kind;
    enum level level;               /* of RULE_LEVEL */
    const char *interface, *member; /* NULL: any */
    const char *path;               /* NULL: any */
    bool path_below;
    struct rule_arg args[RULE_MOST_ARGS];
    unsigned n_args;
};

struct rules {
    char *text;
    struct rule *v; /* sorted by name */
    size_t n, cap;
    struct {
        const char *interface, *member;
    } withheld[RULES_MOST_WITHHELD];
    size_t n_withheld;
    const char *app;
    enum log_what log;
    bool sloppy, names_inside;
    struct relay_limits limits;
    size_t message_most;
    unsigned pending_most, matches_most;
};

/*
 * Takes the text over (it is changed; text[size] must be writable). Returns 0, or -1 with *line,
 * *column (from 1) and *why set; then the rules are empty.
 */
int rules_read(struct rules *r, char *text, size_t size, int *line, int *column, const char **why);
void rules_free(struct rules *r);

/* The level of a well-known name. A rule for calls or broadcasts counts as talk. */
enum level rules_level(const struct rules *r, const char *name);

enum rule_answer { RULE_NO, RULE_YES, RULE_NEEDS_ARGS };
/*
 * Whether this message may go to (RULE_CALL) or come from (RULE_BROADCAST) the owner of a name. a
 * are its arguments, or NULL when they are not there yet: RULE_NEEDS_ARGS when it depends on them.
 */
enum rule_answer rules_allow(const struct rules *r, const char *name, enum rule_kind kind,
                             const struct message *m, const struct arguments *a);

/* Whether a call to the app is kept from it. One that names no interface may mean any. */
bool rules_withhold(const struct rules *r, const struct message *m);

/* Whether any rule speaks of this very NAME or NAME.*: for finding what has changed. */
bool rules_mention(const struct rules *r, const char *name, bool below);

#endif
