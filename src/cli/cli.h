/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_CLI_H
#define CARREL_CLI_CLI_H

#include "catalog/catalog.h"
#include "facts/facts.h"
#include "run/run.h"
#include "util/arena.h"
#include "util/diag.h"

#include <stdbool.h>

/* Exit codes of ours; all others are the app's. */
enum {
    EXIT_FOUND_FAULTS = 1, /* check and doctor: what they looked at is not in order */
    EXIT_REFUSED = 125,
    EXIT_NOT_EXECUTABLE = 126,
    EXIT_NOT_FOUND = 127,
};

/* One row of an option table; it drives the parser, --help, the completion and the test that each
 * option stands in its manual. A table ends with a row whose name is NULL. */
struct option {
    const char *name; /* without the dashes */
    const char *arg;  /* what its value is, NULL when it takes none */
    const char *help; /* NULL: for tests, not shown */
};

struct cli;

struct command {
    const char *name, *operands, *summary;
    const struct option *options;
    bool permissions; /* takes Flatpak's options (policy_options) too */
    bool passes_on;   /* what follows the first operand belongs to the app */
    int least, most;  /* operands; most < 0: any number */
    int (*run)(struct cli *c);
};

/* An option that was given. */
struct given {
    const struct option *option;
    const char *value; /* NULL when it takes none */
    const char *text;  /* "--name=value" */
    int column;        /* which argument, from 1 */
    bool of_policy;    /* one for policy_merge_option */
};

struct cli {
    struct arena arena;
    struct diags diags;
    struct facts facts;
    struct catalog catalog;
    const char *libexec, *datadir;
    const char *own_path; /* of this program */
    int free_fd;          /* see run_prepare */
    bool no_output;       /* standard output was closed, and is /dev/null since */

    const struct command *command;
    struct given *given;
    size_t n_given, cap_given;
    const char *const *operands; /* NULL-terminated */
    size_t n_operands;
};

extern const struct command *const cli_commands[]; /* ends with NULL */

/* ---- options.c ---- */

/* Reads the arguments behind the command's name, argv[2] on. Returns 0, or -1 with an error. */
int cli_parse(struct cli *c, int argc, char **argv);
bool cli_has(const struct cli *c, const char *option);
/* The last value given, or NULL. */
const char *cli_value(const struct cli *c, const char *option);
/* Text of `carrel --help` or of one command's. */
void cli_help(const struct command *command, struct buf *out);
/* Every command and option, one a line, for completion and tests. */
void cli_words(struct buf *out);

/* ---- output.c ---- */

/* An error without a place. Returns EXIT_REFUSED. */
int cli_fail(struct cli *c, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Writes the text to standard output. Returns 0, or EXIT_REFUSED when it cannot be written. */
int cli_print(struct cli *c, const struct buf *text);
/* Writes to standard error the diagnostics that are at least this severe. */
void cli_print_diags(const struct cli *c, enum severity least);

/* Sets libexec, datadir and own_path. Returns 0, or EXIT_REFUSED with an error. */
int cli_find_tree(struct cli *c);
/* What --tty and the standard descriptors ask for; streams: which of 0, 1 and 2 are to be a
 * terminal of its own, NULL for none. Returns 0, or an exit code with an error. */
int cli_terminal(struct cli *c, enum run_terminal *out, const char **streams);
/* Facts and catalog; needed by all commands that look at apps. Returns 0 or -1. */
int cli_look_around(struct cli *c);
/* ~/.var/app/ID on the host, where the app's own home is. */
const char *cli_app_home(struct cli *c, const char *id);

#endif
