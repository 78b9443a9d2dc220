/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dbus-calls SOCKET N: asks a bus for its id N times, each after the answer to the one before.
 * Prints the median and the 90th percentile in microseconds. Without a library, so that what is
 * measured is the way there and back.
 */
#include "dbus/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void lines(int fd, const char *say, size_t n, int want)
{
    char c;
    if (write(fd, say, n) != (ssize_t)n)
        exit(1);
    while (want > 0) {
        if (read(fd, &c, 1) != 1)
            exit(1);
        want -= c == '\n';
    }
}

/* Waits for the reply to this serial. */
static void answer(int fd, uint32_t serial)
{
    static uint8_t bytes[1 << 16];
    static size_t n;
    for (;;) {
        struct message m;
        size_t need;
        const char *why;
        while (wire_read(bytes, n, true, &m, &need, &why) == WIRE_OK && n >= m.head + m.body) {
            size_t size = m.head + m.body;
            bool found = m.has_reply_serial && m.reply_serial == serial;
            memmove(bytes, bytes + size, n -= size);
            if (found)
                return;
        }
        ssize_t got = recv(fd, bytes + n, sizeof bytes - n, 0);
        if (got <= 0)
            exit(1);
        n += (size_t)got;
    }
}

static void call(int fd, const char *member, uint32_t serial)
{
    uint8_t bytes[512];
    struct out o = {bytes, 0, sizeof bytes};
    struct message m = {.type = WIRE_CALL,
                        .serial = serial,
                        .path = "/org/freedesktop/DBus",
                        .interface = "org.freedesktop.DBus",
                        .member = member,
                        .destination = "org.freedesktop.DBus"};
    wire_begin(&o, &m);
    if (!wire_end(&o) || send(fd, bytes, o.n, 0) != (ssize_t)o.n)
        exit(1);
    answer(fd, serial);
}

static int by_time(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = argc == 3 ? atoi(argv[2]) : 0, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    double *us = calloc(n > 0 ? (size_t)n : 1, sizeof *us);
    char say[64];
    if (n <= 0 || !us || fd < 0)
        return 2;
    snprintf(a.sun_path, sizeof a.sun_path, "%s", argv[1]);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        return 1;
    /* One line after the other: some filters do not bear more. */
    lines(fd, "\0AUTH EXTERNAL\r\n", 16, 1);
    lines(fd, "DATA\r\n", 6, 1);
    lines(fd, "BEGIN\r\n", (size_t)snprintf(say, sizeof say, "BEGIN\r\n"), 0);
    call(fd, "Hello", 1);
    for (int i = 0; i < n; i++) {
        struct timespec before, after;
        clock_gettime(CLOCK_MONOTONIC, &before);
        call(fd, "GetId", (uint32_t)i + 2);
        clock_gettime(CLOCK_MONOTONIC, &after);
        us[i] = (double)(after.tv_sec - before.tv_sec) * 1e6 +
                (double)(after.tv_nsec - before.tv_nsec) / 1e3;
    }
    qsort(us, (size_t)n, sizeof *us, by_time);
    printf("%.2f %.2f\n", us[n / 2], us[n * 9 / 10]);
    return 0;
}
