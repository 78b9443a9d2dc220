/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The facts that every start needs, whatever the policy says. */
#include "facts/store.h"

#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#endif

#define MAX_PASSWD    (4u << 20)
#define MAX_XAUTH     (256u << 10)
#define MAX_USER_DIRS (64u << 10)

/* A login name that is safe to stand in a passwd file and on a command line. */
static bool sane_user(const char *s)
{
    size_t n = s ? strlen(s) : 0;
    return n > 0 && n <= 64 && s[0] != '-' &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@+") == n;
}

/* Field number k (from 0) of a passwd line of n bytes. */
static const char *passwd_field(struct arena *a, const char *line, size_t n, int k)
{
    const char *end = line + n;
    for (; k > 0; k--) {
        const char *colon = memchr(line, ':', (size_t)(end - line));
        if (!colon)
            return "";
        line = colon + 1;
    }
    const char *colon = memchr(line, ':', (size_t)(end - line));
    return arena_strndup(a, line, (size_t)((colon ? colon : end) - line));
}

/* The local user database, without NSS: a start must not wait for a directory server. */
static void look_up_user(struct facts *f, const char **home)
{
    struct buf b = {.arena = f->arena};
    if (file_read("/etc/passwd", MAX_PASSWD, &b) < 0)
        return;
    for (size_t i = 0; i < b.len;) {
        const char *line = b.data + i, *newline = memchr(line, '\n', b.len - i);
        size_t n = newline ? (size_t)(newline - line) : b.len - i;
        const char *uid = passwd_field(f->arena, line, n, 2);
        char *end;
        errno = 0;
        unsigned long v = strtoul(uid, &end, 10);
        if (*uid && *end == '\0' && errno == 0 && v == f->uid) {
            const char *name = passwd_field(f->arena, line, n, 0);
            if (sane_user(name))
                f->user = name;
            *home = passwd_field(f->arena, line, n, 5);
            return;
        }
        i += n + 1;
    }
}

static void gather_identity(struct facts *f)
{
    const char *home = NULL;
    f->uid = getuid();
    f->gid = getgid();
    look_up_user(f, &home);
    if (!f->user && sane_user(facts_env(f, "USER")))
        f->user = facts_env(f, "USER");
    if (!f->user && sane_user(facts_env(f, "LOGNAME")))
        f->user = facts_env(f, "LOGNAME");
    if (!f->user)
        f->user = "user";
    const char *told = facts_env(f, "HOME");
    f->home = told ? path_clean(f->arena, told) : NULL;
    if (!f->home && home)
        f->home = path_clean(f->arena, home);
    if (!f->home)
        f->home = "/nonexistent";
}

static void gather_runtime_dir(struct facts *f)
{
    const char *told = facts_env(f, "XDG_RUNTIME_DIR");
    const char *path = told ? path_clean(f->arena, told) : NULL;
    struct stat st;
    /* The XDG base directory specification: ours, mode 0700. Anything else is somebody's trap. */
    if (path && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == f->uid &&
        (st.st_mode & 0777) == 0700)
        f->runtime_dir = path;
}

/* Whether a switch in /proc/sys holds this one digit. */
static bool switch_says(const char *path, char value)
{
    char text[8];
    cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
    return n >= 1 && text[0] == value && (n == 1 || text[1] == '\n');
}

/*
 * Ubuntu's third switch, kernel.apparmor_restrict_unprivileged_userns, is not judged here: whether
 * it forbids anything depends on the profile that carrel-core itself will run under, which only
 * an attempt can tell. The core says what to do when it is refused.
 */
static void gather_kernel(struct facts *f)
{
    static const struct {
        const char *path;
        char value;
        bool for_root; /* holds for root too */
        const char *obstacle;
    } switches[] = {
        {"/proc/sys/user/max_user_namespaces", '0', true,
         "user namespaces are switched off (sysctl user.max_user_namespaces=0)"},
        {"/proc/sys/kernel/unprivileged_userns_clone", '0', false,
         "user namespaces are for root only (sysctl kernel.unprivileged_userns_clone=0)"},
    };
    struct utsname u;
    if (uname(&u) == 0) {
        f->hostname = arena_strdup(f->arena, u.nodename);
        f->kernel = arena_strdup(f->arena, u.release);
    } else {
        f->hostname = "localhost";
        f->kernel = "0";
    }
    struct sysinfo s;
    if (sysinfo(&s) == 0)
        f->memory = (uint32_t)((uint64_t)s.totalram * s.mem_unit >> 20);
    long abi = syscall(__NR_landlock_create_ruleset, NULL, 0, 1u /* …_VERSION */);
    f->landlock_abi = abi > 0 ? (int)abi : 0;
    for (size_t i = 0; i < ARRAY_SIZE(switches) && !f->userns_obstacle; i++)
        if ((switches[i].for_root || f->uid != 0) &&
            switch_says(switches[i].path, switches[i].value))
            f->userns_obstacle = switches[i].obstacle;
}

static void gather_xauth(struct facts *f)
{
    const char *display = facts_env(f, "DISPLAY"), *path = facts_env(f, "XAUTHORITY");
    struct x_display x;
    struct buf b = {.arena = f->arena};
    if (!display || !display_parse(display, &x))
        return;
    if (!path || !*path)
        path = path_join(f->arena, f->home, ".Xauthority");
    if (file_read(path, MAX_XAUTH, &b) < 0)
        return;
    /* SUSE's login sets this name, which the entries then carry when the host's name changes. */
    const char *name = facts_env(f, "XAUTHLOCALHOSTNAME");
    if (!xauth_find(b.data, b.len, f->hostname, x.number, &f->xauth) && name)
        xauth_find(b.data, b.len, name, x.number, &f->xauth);
}

static void gather_user_dirs(struct facts *f)
{
    const char *told = facts_env(f, "XDG_CONFIG_HOME");
    const char *config = told ? path_clean(f->arena, told) : NULL;
    struct buf b = {.arena = f->arena};
    f->user_dirs[0] = path_join(f->arena, f->home, "Desktop"); /* the one that has a default */
    if (!config)
        config = path_join(f->arena, f->home, ".config");
    if (file_read(path_join(f->arena, config, "user-dirs.dirs"), MAX_USER_DIRS, &b) == 0)
        user_dirs_parse(f->arena, f->home, b.data, b.len, f->user_dirs);
}

void facts_gather(struct facts *f, char *const environ_[])
{
    for (size_t i = 0; environ_[i]; i++) {
        const char *equals = strchr(environ_[i], '=');
        if (!equals || equals == environ_[i])
            continue;
        f->env = arena_grow(f->arena, f->env, f->n_env, &f->cap_env, sizeof *f->env);
        f->env[f->n_env++] = (struct env_fact){
            .name = arena_strndup(f->arena, environ_[i], (size_t)(equals - environ_[i])),
            .value = equals + 1,
        };
    }
    gather_identity(f);
    gather_runtime_dir(f);
    gather_kernel(f);
    gather_xauth(f);
    gather_user_dirs(f);
}
