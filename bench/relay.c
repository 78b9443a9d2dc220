/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What no process between an app and its bus can do without: it waits, reads, and sends on, both
 * ways. Nothing is looked at, limited or filtered. usage: relay PATH SERVER epoll|threads
 *
 * epoll:   one process that waits for all its sockets, as carrel-dbus does: three calls a message.
 * threads: one thread that waits in read for each direction: two calls a message.
 *
 * Takes one client after the other. Any failure exits with the line's number, cut to eight bits.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DO(call) do_or_end((long)(call), __LINE__)

static long do_or_end(long result, int line)
{
    if (result < 0)
        _exit(line);
    return result;
}

/* False: the side is at its end. */
static bool pass(int from, int to, uint8_t *area, size_t size)
{
    ssize_t n = recv(from, area, size, 0);
    for (ssize_t at = 0, m; at < n; at += m)
        if ((m = send(to, area + at, (size_t)(n - at), MSG_NOSIGNAL)) <= 0)
            return false;
    return n > 0;
}

static void by_epoll(const int fd[2])
{
    static uint8_t area[64 << 10];
    int epoll = (int)DO(epoll_create1(EPOLL_CLOEXEC));
    for (unsigned i = 0; i < 2; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
        DO(epoll_ctl(epoll, EPOLL_CTL_ADD, fd[i], &e));
    }
    for (bool on = true; on;) {
        struct epoll_event e[8];
        int n = (int)DO(epoll_wait(epoll, e, 8, -1));
        for (int i = 0; i < n; i++)
            on = pass(fd[e[i].data.u32], fd[!e[i].data.u32], area, sizeof area) && on;
    }
    close(epoll);
}

static void *one_way(void *arg)
{
    static uint8_t areas[2][64 << 10];
    const int *fd = arg;
    while (pass(fd[0], fd[1], areas[fd[2]], sizeof areas[0]))
        ;
    shutdown(fd[0], SHUT_RDWR);
    shutdown(fd[1], SHUT_RDWR);
    return NULL;
}

static void by_threads(const int fd[2])
{
    pthread_t other;
    int up[3] = {fd[0], fd[1], 0}, down[3] = {fd[1], fd[0], 1};
    DO(-pthread_create(&other, NULL, one_way, down));
    one_way(up);
    pthread_join(other, NULL);
}

static void address(struct sockaddr_un *a, const char *path)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(a->sun_path, sizeof a->sun_path, "%s", path);
}

int main(int argc, char **argv)
{
    struct sockaddr_un a, server;
    if (argc != 4)
        return 1;
    address(&a, argv[1]);
    address(&server, argv[2]);
    int listening = (int)DO(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    DO(bind(listening, (struct sockaddr *)&a, sizeof a));
    DO(listen(listening, 8));
    for (;;) {
        int fd[2] = {(int)DO(accept(listening, NULL, NULL)),
                     (int)DO(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))};
        DO(connect(fd[1], (struct sockaddr *)&server, sizeof server));
        if (strcmp(argv[3], "threads") == 0)
            by_threads(fd);
        else
            by_epoll(fd);
        close(fd[0]);
        close(fd[1]);
    }
}
