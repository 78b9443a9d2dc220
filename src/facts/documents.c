/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The folder of the document portal: it is mounted when the portal runs, and the portal is started
 * by the bus when somebody calls it. So the bus is asked, once, where the folder is not there yet.
 * Two messages whose bytes are known beforehand, and of what comes back only the frame is read.
 */
#include "facts/store.h"

#include "util/file.h"
#include "util/str.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 25000 }; /* milliseconds; D-Bus' own for a service that starts */

/* Of its kind of file system it tells nobody (statfs(2) is refused). */
static bool is_mounted(const struct facts *f)
{
    struct stat above, doc;
    const char *path = path_join(f->arena, f->runtime_dir, "doc");
    return stat(f->runtime_dir, &above) == 0 && stat(path, &doc) == 0 && S_ISDIR(doc.st_mode) &&
           doc.st_dev != above.st_dev;
}

/* ---- what is said ---- */

/* A header field of type s or o: its code, signature, text; aligned to eight bytes. */
static void field(struct buf *out, char code, char type, const char *text)
{
    uint32_t n = (uint32_t)strlen(text);
    while (out->len % 8)
        buf_char(out, '\0');
    const char head[] = {code, 1, type, 0};
    buf_bytes(out, head, sizeof head);
    buf_bytes(out, (const char *)&n, sizeof n);
    buf_bytes(out, text, n + 1);
}

/* A call without arguments, in the machine's byte order. */
static void put_call(struct buf *all, uint32_t serial, const char *to, const char *path,
                     const char *interface, const char *member)
{
    struct buf b = {.arena = all->arena};
    const char first[] = {__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'l' : 'B', 1, 0, 1};
    uint32_t words[] = {0, serial, 0}; /* size of the body, serial, size of the fields */
    buf_bytes(&b, first, sizeof first);
    buf_bytes(&b, (const char *)words, sizeof words);
    field(&b, 1, 'o', path);
    field(&b, 2, 's', interface);
    field(&b, 3, 's', member);
    field(&b, 6, 's', to);
    words[2] = (uint32_t)b.len - 16;
    memcpy(b.data + 4, words, sizeof words);
    while (b.len % 8)
        buf_char(&b, '\0');
    buf_bytes(all, b.data, b.len);
}

static struct buf what_is_said(struct facts *f)
{
    struct buf b = {.arena = f->arena};
    buf_char(&b, '\0');
    buf_str(&b, "AUTH EXTERNAL ");
    for (const char *p = arena_printf(f->arena, "%u", (unsigned)f->uid); *p; p++)
        buf_printf(&b, "%02x", (unsigned)*p);
    buf_str(&b, "\r\nBEGIN\r\n");
    put_call(&b, 1, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
             "Hello");
    put_call(&b, 2, "org.freedesktop.portal.Documents", "/org/freedesktop/portal/documents",
             "org.freedesktop.portal.Documents", "GetMountPoint");
    return b;
}

/* ---- what comes back ---- */

size_t documents_reply(const unsigned char *s, size_t n, bool *is_reply)
{
    uint32_t body, fields;
    if (n < 16)
        return 0;
    memcpy(&body, s + 4, sizeof body);
    memcpy(&fields, s + 12, sizeof fields);
    if (s[0] != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 'l' : 'B')) {
        body = __builtin_bswap32(body);
        fields = __builtin_bswap32(fields);
    }
    *is_reply = s[1] == 2 || s[1] == 3;
    if ((s[0] != 'l' && s[0] != 'B') || body > DOCUMENTS_MOST || fields > DOCUMENTS_MOST)
        return SIZE_MAX;
    return 16 + (((size_t)fields + 7) & ~(size_t)7) + body;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Some bytes more; false at the end, and of patience too. */
static bool receive(int fd, int64_t end, unsigned char *to, size_t room, size_t *n)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int64_t left = end - now();
    if (room == 0 || left <= 0 || poll(&p, 1, (int)left) <= 0)
        return false;
    ssize_t got = recv(fd, to, room, MSG_DONTWAIT);
    *n += got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* Whether the portal has answered, be it that it cannot. */
static bool wait_for_replies(int fd)
{
    unsigned char s[2 * DOCUMENTS_MOST + 64];
    size_t n = 0, replies = 0;
    int64_t end = now() + PATIENCE;
    unsigned char *line = NULL;
    while (!(line = memchr(s, '\n', n)))
        if (n > 1024 || !receive(fd, end, s + n, sizeof s - n, &n))
            return false;
    if (n < 2 || memcmp(s, "OK", 2) != 0)
        return false;
    n -= (size_t)(line + 1 - s);
    memmove(s, line + 1, n);
    while (replies < 2) {
        bool is_reply = false;
        size_t size = documents_reply(s, n, &is_reply);
        if (size > sizeof s)
            return false;
        if (size && size <= n) {
            replies += is_reply;
            memmove(s, s + size, n - size);
            n -= size;
        } else if (!receive(fd, end, s + n, sizeof s - n, &n)) {
            return false;
        }
    }
    return true;
}

static void wake(struct facts *f, const char *bus)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct buf b = what_is_said(f);
    if (strlen(bus) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, bus, strlen(bus) + 1);
    cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, b.data, b.len, MSG_NOSIGNAL) == (ssize_t)b.len)
        wait_for_replies(fd);
}

void look_documents(struct facts *f, const char *bus)
{
    f->documents_known = true;
    if (!f->runtime_dir)
        return;
    if (!is_mounted(f))
        wake(f, bus);
    f->documents = is_mounted(f);
}
