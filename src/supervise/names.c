/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names on a bus that the app is given while it runs. The filter of that bus gets its rules anew:
 * those that it was started with, and a line for each such name. One that nobody has used yet finds
 * them when it starts.
 */
#include "supervise/supervise.h"
#include "util/pass.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000 };

/* ---- what may be asked for ---- */

/* In the person's words, and in the plan's. */
static const char *const buses[][2] = {
    {"session", "dbus"}, {"system", "dbus-system"}, {"accessibility", "dbus-a11y"}};

/* *name is the bus' name that stays. */
static struct service *filter_of(struct supervisor *s, const char *bus, const char **name)
{
    for (size_t i = 0; i < sizeof buses / sizeof *buses; i++)
        for (int k = 0; strcmp(buses[i][0], bus) == 0 && k < s->n_services; k++)
            if (strcmp(s->services[k].name, buses[i][1]) == 0) {
                *name = buses[i][0];
                return &s->services[k];
            }
    return NULL;
}

/* What stands in a line of the rules holds nothing but a name, which the filter will take: one that
 * has not started yet could not refuse it any more. */
static bool name_ok(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
    size_t n = strlen(name), elements = 0;
    if (n >= sizeof((struct named *)0)->name)
        return false;
    if (n > 2 && strcmp(name + n - 2, ".*") == 0)
        n -= 2;
    for (size_t i = 0; i < n; elements++) {
        if (!strchr(letters, name[i]))
            return false;
        while (i < n && (strchr(letters, name[i]) || (name[i] >= '0' && name[i] <= '9')))
            i++;
        if (i < n && (name[i++] != '.' || i == n))
            return false;
    }
    return elements >= 2;
}

static bool level_ok(const char *level)
{
    return strcmp(level, "see") == 0 || strcmp(level, "talk") == 0 || strcmp(level, "own") == 0;
}

/* ---- the rules ---- */

static bool copy(int from, int to)
{
    char part[4096];
    off_t at = 0;
    for (ssize_t n; (n = pread(from, part, sizeof part, at)) != 0; at += n)
        if (n < 0 || write(to, part, (size_t)n) != n)
            return false;
    return true;
}

/* A sealed memory file, or -1 with errno. */
static int compose(const struct supervisor *s, const struct service *v)
{
    int fd = memfd_create("rules", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    bool good = fd >= 0 && copy(v->data, fd);
    for (int i = 0; good && i < s->n_names; i++)
        if (s->names[i].filter == v)
            good = dprintf(fd, "%s %s\n", s->names[i].level, s->names[i].name) > 0;
    if (good &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

/* What it says besides "ok" is not for a person's eyes: the app may have got hold of it. */
static bool tell(int control, int rules)
{
    char said[8] = "";
    struct pollfd p = {.fd = control, .events = POLLIN};
    while (recv(control, said, sizeof said, MSG_DONTWAIT) > 0) /* too late for another question */
        ;
    ssize_t n = pass_send(control, "rules", strlen("rules"), &rules, 1, MSG_DONTWAIT);
    if (n < 0) {
        errno = (int)-n;
        return false;
    }
    errno = ETIMEDOUT;
    if (poll(&p, 1, PATIENCE_MS) <= 0)
        return false;
    n = recv(control, said, sizeof said, MSG_DONTWAIT);
    errno = EPROTO;
    return n == 2 && memcmp(said, "ok", 2) == 0;
}

static struct outcome apply(struct supervisor *s, struct service *v)
{
    int fd = compose(s, v);
    if (fd < 0)
        return (struct outcome){"cannot write the rules", errno};
    if (v->pid == 0) { /* nobody has knocked yet */
        if (v->rules >= 0)
            close(v->rules);
        v->rules = fd;
        return (struct outcome){NULL, 0};
    }
    bool told = tell(v->control, fd);
    int error = errno;
    close(fd);
    return told ? (struct outcome){NULL, 0}
                : (struct outcome){"the bus filter did not take the rules", error};
}

/* ---- the table ---- */

static struct named *find(struct supervisor *s, const struct service *v, const char *level,
                          const char *name)
{
    for (int i = 0; i < s->n_names; i++)
        if (s->names[i].filter == v && strcmp(s->names[i].level, level) == 0 &&
            strcmp(s->names[i].name, name) == 0)
            return &s->names[i];
    return NULL;
}

static time_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec;
}

struct outcome name_add(struct supervisor *s, const char *bus, const char *level, const char *name,
                        time_t seconds)
{
    struct service *v = filter_of(s, bus, &bus);
    if (!level_ok(level) || !name_ok(name))
        return (struct outcome){"no such name on a bus", EINVAL};
    if (!v)
        return (struct outcome){"the app has no filter on that bus", ENOTCONN};
    if (v->pid < 0)
        return (struct outcome){"the app's bus filter has ended", ENOTCONN};
    struct named *had = find(s, v, level, name);
    if (had) {
        had->ends = seconds ? now() + seconds : 0;
        return (struct outcome){NULL, 0};
    }
    if (s->n_names == MAX_NAMES)
        return (struct outcome){"too many names", ENOSPC};
    struct named *d = &s->names[s->n_names++];
    *d = (struct named){.filter = v, .bus = bus, .ends = seconds ? now() + seconds : 0};
    snprintf(d->level, sizeof d->level, "%s", level);
    snprintf(d->name, sizeof d->name, "%s", name);
    struct outcome o = apply(s, v);
    if (o.failed)
        s->n_names--;
    return o;
}

struct outcome name_end(struct supervisor *s, const char *bus, const char *level, const char *name)
{
    struct service *v = filter_of(s, bus, &bus);
    struct named *d = v ? find(s, v, level, name) : NULL;
    if (!d)
        return (struct outcome){"it was not granted", ENOENT};
    struct named was = *d;
    memmove(d, d + 1, sizeof *d * (size_t)(s->names + --s->n_names - d));
    if (v->pid < 0) /* it went with its filter */
        return (struct outcome){NULL, 0};
    struct outcome o = apply(s, v);
    if (o.failed)
        s->names[s->n_names++] = was;
    return o;
}

time_t names_expire(struct supervisor *s)
{
    time_t t = now(), next = 0;
    for (int i = s->n_names; i-- > 0;) {
        struct named was = s->names[i];
        if (!was.ends)
            continue;
        if (was.ends <= t) {
            struct outcome o = name_end(s, was.bus, was.level, was.name);
            if (!o.failed)
                continue;
            complain("a name could not be taken back", o.failed, o.error);
            was.ends = s->names[s->n_names - 1].ends = t + 1; /* and again: it must not stay */
        }
        next = !next || was.ends < next ? was.ends : next;
    }
    return next;
}
