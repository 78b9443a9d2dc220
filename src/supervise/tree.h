/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CARREL_SUPERVISE_TREE_H
#define CARREL_SUPERVISE_TREE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The root of a sandbox, for a process that has joined its mount namespace with privileges over it.
 * No symbolic link is followed anywhere: what the app has put there may be one. All return -1 with
 * errno set when they fail.
 */

/* Opens (O_PATH) what a path leads to without links. */
int open_strictly(int at, const char *path, int flags);
/* The id of the mount that a descriptor lies on, or 0. */
uint64_t mount_id(int fd);
/* To be called before the namespace is joined, while /proc is the caller's: which file systems the
 * host has, and are not the sandbox's own. Returns a descriptor for tree_make. */
int tree_host_mounts(void);
/*
 * Opens what is at path, an empty file or folder that is made when nothing is there; *made counts
 * the components that were. Things are made only on file systems of the sandbox's own, else errno
 * is EXDEV.
 */
int tree_make(int host_mounts, const char *path, bool folder, int *made);
/* Takes the last `made` components away again, as far as they are empty. */
void tree_unmake(const char *path, int made);
/* Detaches what is mounted at path if it is the mount with this id, else errno is ENOENT. */
int tree_unmount(const char *path, uint64_t id);

#endif
