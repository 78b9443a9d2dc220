/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "autostart/autostart.h"

#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int exchange(int folder, const char *one, const char *other)
{
    return syscall(SYS_renameat2, folder, one, folder, other, RENAME_EXCHANGE) < 0 ? -errno : 0;
}

/*
 * Puts the text in the place of the file that was read. Both change places, in one step: what is
 * gone by then is not brought back, and what was written by then is put back.
 */
static int replace(int folder, const char *name, const struct stat *was, const struct buf *text)
{
    const char *staged = arena_printf(text->arena, ".%s.carrel-new", name);
    struct stat now;
    unlinkat(folder, staged, 0);
    cleanup_fd int fd =
        openat(folder, staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : file_write_all(fd, text->data, text->len);
    if (r == 0)
        r = exchange(folder, staged, name);
    if (r == 0 && fstatat(folder, staged, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
        (now.st_ino != was->st_ino || now.st_dev != was->st_dev ||
         now.st_mtim.tv_sec != was->st_mtim.tv_sec || now.st_mtim.tv_nsec != was->st_mtim.tv_nsec ||
         now.st_size != was->st_size))
        r = exchange(folder, staged, name) == 0 ? -EAGAIN : 0;
    unlinkat(folder, staged, 0);
    return r;
}

static int mend_once(struct arena *a, int folder, const char *id, const char *carrel)
{
    const char *name = arena_printf(a, "%s.desktop", id);
    struct buf text = {.arena = a}, out = {.arena = a};
    struct stat st;
    cleanup_fd int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ELOOP ? AUTOSTART_FOREIGN : -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return AUTOSTART_FOREIGN;
    int r = file_read_fd(fd, AUTOSTART_MOST_BYTES, &text);
    if (r < 0)
        return r;
    int what = autostart_rewrite(a, text.data ? text.data : "", text.len, id, carrel, &out);
    if (what == AUTOSTART_ANEW || what == AUTOSTART_OFF)
        r = replace(folder, name, &st, &out);
    /* Gone meanwhile: the app has had it taken back. */
    return r == -ENOENT ? AUTOSTART_FOREIGN : r < 0 ? r : what;
}

int autostart_mend(int folder, const char *id, const char *carrel)
{
    enum { TRIES = 10 };
    int r = -EAGAIN;
    for (int i = 0; i < TRIES && r == -EAGAIN; i++) {
        struct arena a = {NULL};
        r = mend_once(&a, folder, id, carrel);
        arena_release(&a);
    }
    return r;
}
