/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wayland-roundtrip N SIZE SOCKET...
 *
 * Asks each compositor's socket N times for an answer (wl_display.sync), in blocks that take turns.
 * With a SIZE each question also commits a window's contents of SIZE x SIZE points in shared
 * memory. Prints for each socket the median and the 99th percentile in microseconds.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 100, WARM_UP = 300 };
enum { DISPLAY = 1, REGISTRY, SYNC, COMPOSITOR, SHM, POOL, BUFFER, SURFACE };

struct peer {
    int fd;
    uint32_t compositor, shm; /* names of the globals */
    uint8_t in[1 << 16];
    size_t n_in;
    uint32_t out[256];
    size_t n_out;
    double *took;
    size_t n;
};

static void fail(const char *what)
{
    fprintf(stderr, "wayland-roundtrip: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void put(struct peer *p, uint32_t object, uint32_t opcode, int n, const uint32_t *words)
{
    p->out[p->n_out++] = object;
    p->out[p->n_out++] = (uint32_t)(8 + 4 * n) << 16 | opcode;
    memcpy(p->out + p->n_out, words, 4 * (size_t)n);
    p->n_out += (size_t)n;
}

static void put_bind(struct peer *p, uint32_t name, const char *interface, uint32_t id)
{
    uint32_t words[32] = {name, (uint32_t)strlen(interface) + 1};
    size_t n = (strlen(interface) + 4) / 4;
    memcpy(words + 2, interface, strlen(interface));
    words[2 + n] = 1;
    words[3 + n] = id;
    put(p, REGISTRY, 0, (int)(4 + n), words);
}

static void flush(struct peer *p, int fd)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {p->out, 4 * p->n_out};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    if (sendmsg(p->fd, &m, MSG_NOSIGNAL) != (ssize_t)iov.iov_len)
        fail("sendmsg");
    p->n_out = 0;
}

/* Takes events until the sync's number is free again. */
static void wait_for_answer(struct peer *p)
{
    for (;;) {
        uint32_t *w = (uint32_t *)(void *)p->in;
        size_t size = p->n_in >= 8 ? w[1] >> 16 : 8;
        if (p->n_in < size || p->n_in < 8) {
            ssize_t n = recv(p->fd, p->in + p->n_in, sizeof p->in - p->n_in, 0);
            if (n <= 0)
                fail("the connection ended");
            p->n_in += (size_t)n;
            continue;
        }
        uint32_t object = w[0], opcode = w[1] & 0xffff, first = size > 8 ? w[2] : 0;
        if (object == REGISTRY && opcode == 0 && strcmp((char *)(w + 4), "wl_compositor") == 0)
            p->compositor = w[2];
        if (object == REGISTRY && opcode == 0 && strcmp((char *)(w + 4), "wl_shm") == 0)
            p->shm = w[2];
        p->n_in -= size;
        memmove(p->in, p->in + size, p->n_in);
        if (object == DISPLAY && opcode == 1 && first == SYNC)
            return;
    }
}

static void start(struct peer *p, const char *path, uint32_t points)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    p->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&a, sizeof a) < 0)
        fail(path);
    put(p, DISPLAY, 1, 1, (uint32_t[]){REGISTRY});
    put(p, DISPLAY, 0, 1, (uint32_t[]){SYNC});
    flush(p, -1);
    wait_for_answer(p);
    if (!points)
        return;
    uint32_t bytes = points * points * 4;
    int fd = memfd_create("pixels", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, bytes) < 0)
        fail("memfd");
    put_bind(p, p->compositor, "wl_compositor", COMPOSITOR);
    put_bind(p, p->shm, "wl_shm", SHM);
    put(p, SHM, 0, 2, (uint32_t[]){POOL, bytes});
    put(p, POOL, 0, 6, (uint32_t[]){BUFFER, 0, points, points, points * 4, 0});
    put(p, COMPOSITOR, 0, 1, (uint32_t[]){SURFACE});
    put(p, DISPLAY, 0, 1, (uint32_t[]){SYNC});
    flush(p, fd);
    close(fd);
    wait_for_answer(p);
}

static double ask(struct peer *p, uint32_t points)
{
    struct timespec a, b;
    if (points) {
        put(p, SURFACE, 1, 3, (uint32_t[]){BUFFER, 0, 0});
        put(p, SURFACE, 2, 4, (uint32_t[]){0, 0, points, points});
        put(p, SURFACE, 6, 0, (uint32_t[]){0});
    }
    put(p, DISPLAY, 0, 1, (uint32_t[]){SYNC});
    clock_gettime(CLOCK_MONOTONIC, &a);
    flush(p, -1);
    wait_for_answer(p);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    size_t n = strtoul(argv[1], NULL, 10), peers = (size_t)argc - 3;
    uint32_t points = (uint32_t)strtoul(argv[2], NULL, 10);
    struct peer *p = calloc(peers, sizeof *p);
    for (size_t i = 0; p && i < peers; i++) {
        p[i].took = calloc(n + BLOCK, sizeof(double));
        start(&p[i], argv[3 + i], points);
        for (int k = 0; k < WARM_UP; k++)
            ask(&p[i], points);
    }
    for (size_t done = 0; p && done < n; done += BLOCK)
        for (size_t i = 0; i < peers; i++)
            for (int k = 0; k < BLOCK; k++)
                p[i].took[p[i].n++] = ask(&p[i], points);
    for (size_t i = 0; p && i < peers; i++) {
        qsort(p[i].took, p[i].n, sizeof(double), by_size);
        printf("%.2f %.2f\n", p[i].took[p[i].n / 2], p[i].took[p[i].n * 99 / 100]);
    }
    return 0;
}
