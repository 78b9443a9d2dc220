/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_EXPORTED_H
#define CARREL_CLI_EXPORTED_H

#include "cli/cli.h"
#include "util/buf.h"

/*
 * What would start an app unconfined, and the files of the person's that take its place:
 * exported.c finds them, desktop.c writes and removes them, ways.c finds what stays.
 */
enum { APPLICATIONS, SERVICES, AUTOSTART, UNITS, SHIMS, FOLDERS };

struct exported_file {
    int folder;
    const char *name; /* below the folder; may have a '/' in it */
    struct buf text;
};

struct exported {
    struct cli *c;
    const char *id, *desktop, *carrel, *prefix;
    const char *const *names; /* of the app's programs, NULL-terminated */
    struct exported_file *v;
    size_t n, cap;
};

/* The person's folder that stands before the system's ones of that kind. */
const char *own_folder(struct cli *c, int folder);

/* Writes the file into that folder, at once as a whole. Returns 0 or -errno. desktop.c. */
int put_own_file(struct cli *c, const struct exported_file *f);

/* Looks the app up and gathers what enable would write. Returns 0, or an exit status with an
 * error. */
int exported_find(struct cli *c, const char *name, struct exported *e);

/* Whether a file of that kind starts a program of the app, by any of its commands. */
bool exported_starts(const struct exported *e, int folder, const struct buf *text);

/* Calls f for each file below dir, sorted, with its path from there. depth 1: dir alone. */
typedef void found_file(void *arg, const char *name);
void walk_files(struct arena *a, const char *dir, int depth, found_file *f, void *arg);
/* How deep the files of each kind may lie. */
int folder_depth(int folder);

/* The text of a file of at most DESKTOP_MAX_BYTES that has no NUL byte. */
bool read_text(struct arena *a, const char *path, struct buf *text);

const char *base_name(const char *path);

/* Says what still starts the app unconfined, and what to do about it. ways.c. */
void tell_ways(const struct exported *e);

#endif
