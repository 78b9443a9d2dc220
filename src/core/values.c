/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/core.h"

#include <linux/sched.h>
#include <string.h>
#include <sys/resource.h>

const struct name_bit namespace_names[] = {
    {"user", CLONE_NEWUSER},     {"mount", CLONE_NEWNS},
    {"pid", CLONE_NEWPID},       {"ipc", CLONE_NEWIPC},
    {"uts", CLONE_NEWUTS},       {"net", CLONE_NEWNET},
    {"cgroup", CLONE_NEWCGROUP}, {NULL, 0},
};

const struct name_bit bind_flag_names[] = {
    {"ro", BIND_RO},
    {"rw", 0},
    {"dev", BIND_DEV},
    {"noexec", BIND_NOEXEC},
    {"optional", BIND_OPTIONAL},
    {NULL, 0},
};

const struct name_bit rlimit_names[] = {
    {"as", RLIMIT_AS},
    {"core", RLIMIT_CORE},
    {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE},
    {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},
    {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
    {NULL, 0},
};

/* The system's header may be older than the kernel: the bits are linux/landlock.h's. */
const struct name_bit landlock_right_names[] = {
    {"execute", 1 << 0},
    {"write_file", 1 << 1},
    {"read_file", 1 << 2},
    {"read_dir", 1 << 3},
    {"remove_dir", 1 << 4},
    {"remove_file", 1 << 5},
    {"make_char", 1 << 6},
    {"make_dir", 1 << 7},
    {"make_reg", 1 << 8},
    {"make_sock", 1 << 9},
    {"make_fifo", 1 << 10},
    {"make_block", 1 << 11},
    {"make_sym", 1 << 12},
    {"refer", 1 << 13},
    {"truncate", 1 << 14},
    {"ioctl_dev", 1 << 15},
    {NULL, 0},
};

const struct name_bit landlock_scope_names[] = {
    {"abstract_unix_socket", 1 << 0},
    {"signal", 1 << 1},
    {NULL, 0},
};

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

bool value_number(const struct word *w, int base, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < w->n; i++) {
        int d = digit(w->s[i]);
        if (d >= base || v > (max - (uint64_t)d) / (uint64_t)base)
            return false;
        v = v * (uint64_t)base + (uint64_t)d;
    }
    *out = v;
    return w->n > 0;
}

bool value_path(const struct word *w)
{
    if (w->n == 0 || w->s[0] != '/' || w->n > 4095 || memchr(w->s, '\0', w->n))
        return false;
    for (size_t i = 0; i < w->n && w->n > 1;) {
        const char *name = w->s + i + 1; /* behind a slash */
        size_t n = strcspn(name, "/");
        if (n == 0 || (n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
            return false;
        i += n + 1;
    }
    return true;
}

bool value_name(const struct name_bit *table, const char *s, size_t n, uint64_t *bit)
{
    for (; table->name; table++)
        if (strlen(table->name) == n && memcmp(table->name, s, n) == 0) {
            *bit = table->bit;
            return true;
        }
    return false;
}

bool value_names(const struct name_bit *table, const struct word *w, uint64_t *bits)
{
    *bits = 0;
    if (w->n == 1 && w->s[0] == '-')
        return true;
    for (size_t i = 0; i <= w->n;) {
        const char *comma = memchr(w->s + i, ',', w->n - i);
        size_t n = comma ? (size_t)(comma - (w->s + i)) : w->n - i;
        uint64_t bit;
        if (!value_name(table, w->s + i, n, &bit))
            return false;
        *bits |= bit;
        i += n + 1;
    }
    return true;
}
