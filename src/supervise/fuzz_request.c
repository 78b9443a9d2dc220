/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What comes on the control socket: one message a line, behind a digit that says how many
 * descriptors go along. Each gets one answer that is well formed, or the connection ends; no
 * descriptor stays, what is granted has a clean path, and all of it is listed. The app has a filter
 * on the session bus that has not started yet.
 */
#include "fuzz.h"
#include "supervise/supervise.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_MESSAGE = 2 * PATH_MAX, MAX_ANSWER = 64 << 10, MOST_FDS = 3, MAX_RECEIVED = 32 };

static void want(bool holds)
{
    if (!holds)
        abort();
}

/* ---- in the place of grant.c ---- */

struct outcome grant_add(struct supervisor *s, const char *path, int fd, bool rw, time_t seconds)
{
    want(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && path[0] == '/' && strlen(path) < PATH_MAX);
    want(!strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../") && seconds >= 0);
    struct grant *g = NULL;
    for (int i = 0; i < s->n_grants && !g; i++)
        g = strcmp(s->grants[i].path, path) == 0 ? &s->grants[i] : NULL;
    if (!g && s->n_grants == MAX_GRANTS)
        return (struct outcome){"too many grants", 11};
    g = g ? g : &s->grants[s->n_grants++];
    snprintf(g->path, sizeof g->path, "%s", path);
    g->rw = rw;
    g->mount = 7;
    return (struct outcome){NULL, 0};
}

struct outcome grant_end(struct supervisor *s, struct grant *g)
{
    want(g >= s->grants && g < s->grants + s->n_grants && *g->path);
    *g->path = '\0';
    return (struct outcome){NULL, 0};
}

void complain(const char *what, const char *about, int error)
{
    (void)what;
    (void)about;
    (void)error;
}

/* ---- in the place of service.c ---- */

bool services_shareable(const struct supervisor *s)
{
    return s->app == 1;
}

/* ---- the person's end ---- */

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_size = sizeof(sa_family_t); /* the kernel chooses a name */
static int files[MOST_FDS];

/* Once. The last of what is sent is a control group's folder, where there is one. */
static void prepare(struct supervisor *s)
{
    s->control = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    want(bind(s->control, (struct sockaddr *)&address, address_size) == 0);
    want(listen(s->control, 1) == 0);
    address_size = sizeof address;
    want(getsockname(s->control, (struct sockaddr *)&address, &address_size) == 0);
    for (int i = 0; i < MOST_FDS; i++)
        files[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int group = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
    files[0] = group >= 0 ? group : files[0];
    s->services[0] = (struct service){.name = "dbus", .control = -1, .rules = -1};
    s->services[0].data = memfd_create("rules", MFD_CLOEXEC);
    s->n_services = 1;
    s->parent = -1;
    s->app = s->init = 1;
    s->app_fd = s->plan = files[1];
    for (int i = 0; i < NS_COUNT; i++)
        s->ns[i] = files[1];
}

static int send_message(const uint8_t *text, size_t size, int n_fds)
{
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof files)];
    } control = {.space = {0}};
    size_t bytes = sizeof *files * (size_t)n_fds;
    struct iovec v = {(void *)(uintptr_t)text, size};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    want(connect(fd, (struct sockaddr *)&address, address_size) == 0);
    if (bytes) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(bytes);
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(bytes);
        memcpy(CMSG_DATA(&control.head), files, bytes);
    }
    want(sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)size);
    return fd;
}

static size_t count_words(const char *text, size_t size)
{
    size_t n = 0;
    want(size == 0 || text[size - 1] == '\0');
    for (size_t i = 0; i < size; i += strlen(text + i) + 1)
        n++;
    return n;
}

static void check_list(const struct supervisor *s, const char *text, size_t size)
{
    const char *at = text;
    for (int i = 0; i < s->n_grants; i++) {
        const struct grant *g = &s->grants[i];
        if (!*g->path)
            continue;
        want(strcmp(at, g->rw ? "rw" : "ro") == 0);
        at += strlen(at) + 1;
        at += strlen(at) + 1;
        want(strcmp(at, g->path) == 0);
        at += strlen(at) + 1;
    }
    want(at == text + size);
}

/* Each name is a line of what the filter will read, and nothing else is. */
static void check_rules(const struct supervisor *s)
{
    static char text[MAX_NAMES * 300];
    ssize_t n = s->services[0].rules < 0 ? 0 : pread(s->services[0].rules, text, sizeof text, 0);
    const char *at = text;
    for (int i = 0; i < s->n_names; i++) {
        char line[300];
        int size = snprintf(line, sizeof line, "%s %s\n", s->names[i].level, s->names[i].name);
        want(strncmp(at, line, (size_t)size) == 0 && strcspn(line, "\n") + 1 == (size_t)size);
        at += size;
    }
    want(s->services[0].rules < 0 || at == text + n);
}

/* asked: the first word of the message. */
static void check_answer(const struct supervisor *s, int fd, const char *asked)
{
    static char text[MAX_ANSWER + 1];
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(MAX_RECEIVED * sizeof(int))];
    } control;
    struct iovec v = {text, MAX_ANSWER};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    for (size_t i = 0; c && i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
        int got;
        memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
        close(got);
    }
    if (n <= 0)
        return;
    size_t words = count_words(text, (size_t)n);
    if (strcmp(text, "error") == 0) {
        want(words == 3 && !c);
        return;
    }
    want(strcmp(text, "ok") == 0 &&
         !c == (strcmp(asked, "join") != 0 && strcmp(asked, "share") != 0));
    if (strcmp(asked, "grants") == 0)
        check_list(s, text + 3, (size_t)n - 3);
}

static int open_files(void)
{
    enum { HIGHEST = 256 };
    int n = 0;
    for (int fd = 0; fd < HIGHEST; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void one(struct supervisor *s, const uint8_t *text, size_t size, int n_fds)
{
    char asked[8] = "";
    int before = open_files(), had = s->services[0].rules >= 0;
    memcpy(asked, text, size < sizeof asked - 1 ? size : sizeof asked - 1);
    int fd = send_message(text, size, n_fds);
    request_answer(s);
    check_answer(s, fd, asked);
    close(fd);
    want(s->n_guests <= 1);
    while (s->n_guests)
        close(s->guests[--s->n_guests]);
    if (s->group >= 0)
        close(s->group);
    s->group = -1;
    check_rules(s);
    if (s->services[0].rules >= 0 && s->n_names == 0) {
        close(s->services[0].rules);
        s->services[0].rules = -1;
    }
    want(open_files() - (s->services[0].rules >= 0) == before - had);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct supervisor s;
    static bool ready;
    if (!ready)
        prepare(&s);
    ready = true;
    s.n_grants = s.n_names = 0;
    if (s.services[0].rules >= 0)
        close(s.services[0].rules);
    s.services[0].rules = -1;
    s.group = -1;
    for (size_t i = 0; i < size;) {
        const uint8_t *end = memchr(data + i, '\n', size - i);
        size_t n = end ? (size_t)(end - data) - i : size - i;
        if (n > 1 && n <= MAX_MESSAGE)
            one(&s, data + i + 1, n - 1, data[i] % (MOST_FDS + 1));
        i += n + 1;
    }
    one(&s, (const uint8_t *)"grants", sizeof "grants", 0);
    return 0;
}
