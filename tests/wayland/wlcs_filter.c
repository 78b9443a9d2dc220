/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A module for wlcs(1), the conformance tests of Wayland compositors: the compositor of another
 * module, whose clients come by way of carrel-wayland, each by one of its own. Where they are found
 * stands in the environment:
 *
 *     CARREL_WLCS_MODULE  the module with the compositor (Mir's)
 *     CARREL_WLCS_FILTER  carrel-wayland; without it clients come directly
 *     CARREL_WLCS_POWERS  what the filter may let through
 *     CARREL_WLCS_FOLDER  an empty one, for sockets
 *
 * wlcs and the compositor share a process, and a client is a descriptor that the compositor hands
 * out, by whose number it knows the client later. So that number becomes the filter's client, and
 * what it was before is the filter's server, behind a thread that copies.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wlcs/display_server.h>

enum { LISTENING = 3, SETTINGS = 5, CONTROL = 6, OUT_OF_THE_WAY = 200 };
enum { SIZE = 65536, MOST_FDS = 28 };

static const WlcsServerIntegration *real;
static int (*real_client_socket)(WlcsDisplayServer *);
static void (*real_stop)(WlcsDisplayServer *);
static _Atomic int running; /* clients that come by a filter */

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "wlcs_filter: %s: %s\n", what, strerror(errno));
    abort();
}

static int must(int result, const char *what)
{
    if (result < 0)
        fail(what);
    return result;
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "";
}

/* ---- one client ---- */

/* The filter first looks itself what the compositor has, and then comes for its client. */
enum { LOOK, CLIENT, CONNECTIONS };

struct client {
    int servers[CONNECTIONS]; /* what the compositor gave */
    int upstream;             /* where the filter comes for it */
    int control;              /* the supervisor's end */
    pid_t filter;
};

static struct sockaddr_un address(const char *what, unsigned number)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%.80s/%.8s-%u", setting("CARREL_WLCS_FOLDER"), what,
             number);
    return a;
}

static int listen_at(const struct sockaddr_un *a)
{
    int fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must(bind(fd, (const struct sockaddr *)a, sizeof *a), a->sun_path);
    must(listen(fd, 8), "listen");
    return fd;
}

/* Bytes and descriptors, as they come. Returns false at the end. */
static bool copy(int from, int to)
{
    static _Thread_local char bytes[SIZE];
    union {
        char room[CMSG_SPACE(MOST_FDS * sizeof(int))];
        struct cmsghdr align;
    } u;
    struct iovec v = {bytes, sizeof bytes};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = u.room, .msg_controllen = sizeof u.room};
    ssize_t n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
    if (n <= 0)
        return n < 0 && errno == EINTR;
    struct cmsghdr *c = m.msg_controllen ? CMSG_FIRSTHDR(&m) : NULL;
    size_t n_fds = c ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
    v.iov_len = (size_t)n;
    ssize_t sent = sendmsg(to, &m, MSG_NOSIGNAL);
    for (size_t i = 0; i < n_fds; i++)
        close(((int *)CMSG_DATA(c))[i]);
    for (ssize_t more; sent >= 0 && sent < n; sent += more)
        if ((more = send(to, bytes + sent, (size_t)(n - sent), MSG_NOSIGNAL)) < 0)
            return false;
    return sent == n;
}

/* Until the client has gone. A compositor that ends a connection has said why before. */
static void relay(int filter, int server)
{
    struct pollfd p[] = {{.fd = filter, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    while (filter >= 0 && (poll(p, 2, -1) >= 0 || errno == EINTR)) {
        if (p[1].revents && !copy(server, filter)) {
            shutdown(filter, SHUT_WR);
            p[1].fd = -1;
        }
        if (p[0].revents && !copy(filter, server))
            break;
    }
    close(filter);
    close(server);
}

static void *serve(void *data)
{
    struct client *c = data;
    for (int i = 0; i < CONNECTIONS; i++)
        relay(accept4(c->upstream, NULL, NULL, SOCK_CLOEXEC), c->servers[i]);
    close(c->upstream);
    close(c->control);
    kill(c->filter, SIGKILL);
    waitpid(c->filter, NULL, 0);
    free(c);
    running--;
    return NULL;
}

static int settings_file(const struct sockaddr_un *upstream)
{
    int fd = must(memfd_create("settings", MFD_CLOEXEC), "memfd_create");
    dprintf(fd, "carrel-wayland 1\nsocket %s\npower %s\n", upstream->sun_path,
            setting("CARREL_WLCS_POWERS"));
    must((int)lseek(fd, 0, SEEK_SET), "lseek");
    return fd;
}

static void start_filter(struct client *c, int listening, const struct sockaddr_un *upstream)
{
    int ends[2], settings = settings_file(upstream), moved[3];
    char *program = (char *)setting("CARREL_WLCS_FILTER"), *argv[] = {program, NULL};
    char *none[] = {NULL};
    posix_spawn_file_actions_t a;
    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), "socketpair");
    const int from[] = {listening, settings, ends[1]}, to[] = {LISTENING, SETTINGS, CONTROL};
    posix_spawn_file_actions_init(&a);
    for (int i = 0; i < 3; i++) {
        moved[i] = must(fcntl(from[i], F_DUPFD_CLOEXEC, OUT_OF_THE_WAY), "fcntl");
        posix_spawn_file_actions_adddup2(&a, moved[i], to[i]);
        close(from[i]);
    }
    c->control = ends[0];
    errno = posix_spawn(&c->filter, program, &a, NULL, argv, none);
    if (errno)
        fail(program);
    posix_spawn_file_actions_destroy(&a);
    for (int i = 0; i < 3; i++)
        close(moved[i]);
}

static int through_filter(int look, int server)
{
    static _Atomic unsigned count;
    unsigned number = count++;
    struct sockaddr_un shown = address("shown", number), upstream = address("up", number);
    struct client *c = calloc(1, sizeof *c);
    pthread_t thread;
    if (!c)
        fail("calloc");
    int listening = listen_at(&shown);
    c->servers[LOOK] = look;
    c->servers[CLIENT] = server;
    c->upstream = listen_at(&upstream);
    start_filter(c, listening, &upstream);
    int fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    must(connect(fd, (struct sockaddr *)&shown, sizeof shown), "connect");
    running++;
    errno = pthread_create(&thread, NULL, serve, c);
    if (errno)
        fail("pthread_create");
    pthread_detach(thread);
    return fd;
}

static int client_socket(WlcsDisplayServer *server)
{
    int fd = real_client_socket(server);
    if (fd < 0 || !*setting("CARREL_WLCS_FILTER"))
        return fd;
    int look = must(real_client_socket(server), "a client");
    int client = through_filter(look, must(fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY), "fcntl"));
    must(dup3(client, fd, O_CLOEXEC), "dup3");
    close(client);
    return fd;
}

/*
 * Mir falls over a client that goes while it stops. Directly, a client that has closed its
 * descriptor is gone; by way of a filter it is a moment later.
 */
static void stop(WlcsDisplayServer *server)
{
    const struct timespec pause = {0, 5000000};
    for (int i = 0; running && i < 2000; i++)
        nanosleep(&pause, NULL);
    nanosleep(&pause, NULL);
    nanosleep(&pause, NULL);
    real_stop(server);
}

/* ---- the module ---- */

static WlcsDisplayServer *create(int argc, char const **argv)
{
    void *module = real ? NULL : dlopen(setting("CARREL_WLCS_MODULE"), RTLD_NOW | RTLD_LOCAL);
    if (!real && module)
        real = dlsym(module, "wlcs_server_integration");
    if (!real) {
        fprintf(stderr, "wlcs_filter: %s\n", dlerror());
        abort();
    }
    WlcsDisplayServer *server = real->create_server(argc, argv);
    real_client_socket = server->create_client_socket;
    server->create_client_socket = client_socket;
    real_stop = server->stop;
    server->stop = stop;
    return server;
}

static void destroy(WlcsDisplayServer *server)
{
    real->destroy_server(server);
}

__attribute__((visibility("default"))) WlcsServerIntegration const wlcs_server_integration = {
    .version = WLCS_SERVER_INTEGRATION_VERSION,
    .create_server = create,
    .destroy_server = destroy,
};
