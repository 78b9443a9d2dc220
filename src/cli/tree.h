/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_CLI_TREE_H
#define CARREL_CLI_TREE_H

#include "util/diag.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Work on folders that an app could write to, and so may have filled with traps: everything goes
 * by descriptor and name, no symbolic link is ever followed, and no other file system is entered.
 * Errors go to d, with the path below the start.
 */
#define TREE_MAX_DEPTH 256

/*
 * Opens the folder `path` (relative, may be "") below the descriptor, one part after the other.
 * With create, missing folders are made, mode 0700. Returns an O_RDONLY descriptor, or -errno
 * (-ELOOP or -ENOTDIR when a part is a symbolic link or no folder).
 */
int tree_open(int below, const char *path, bool create);

struct tree_size {
    unsigned long long bytes, files;
};
/* Counts what lies in the folder (fd is not consumed), which messages call `where`. Returns 0 or -1
 * with an error. */
int tree_measure(int fd, const char *where, struct tree_size *out, struct diags *d);

/* Removes `name` in the folder `at`, `where` in messages, with all it holds. Returns 0, or -1 with
 * an error. */
int tree_remove(int at, const char *where, const char *name, struct diags *d);

/*
 * Copies what `from` is a descriptor of (a file or folder, O_RDONLY) to the new name `to` in the
 * folder `at`. Kept: ownership (as far as the caller may set it), modes less set-id bits, times,
 * extended attributes, holes, hard links among the copied files; symbolic links are copied as
 * links. FIFOs, sockets and devices are left out, with a warning. On failure -1 with an error,
 * and what was copied so far is removed.
 */
int tree_copy(int from, const char *label, int at, const char *to, struct diags *d);

#endif
